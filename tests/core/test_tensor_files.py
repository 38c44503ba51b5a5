"""Files of tensors against the library's own."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file, save

from gencl.core import files


def test_files_are_the_librarys_byte_for_byte(tmp_path: Path) -> None:
    tensors = {
        "b": torch.arange(3),
        "a": torch.rand(3, 4).T,
        "c.d": torch.tensor(True),
        'é"x': torch.rand(2, dtype=torch.float64),
        "empty": torch.zeros(0, 3),
        "half": torch.rand(3).half(),
        "short": torch.rand(5).bfloat16(),
        "images": torch.arange(5, dtype=torch.uint8),
        "i": torch.arange(2, dtype=torch.int32),
        "parameter": torch.nn.Parameter(torch.rand(2, 2)),
    }
    wanted = save({name: tensor.detach().contiguous() for name, tensor in tensors.items()})
    path = tmp_path / "tensors.safetensors"
    digest = files.save_tensors(path, tensors)
    assert path.read_bytes() == wanted
    assert digest == files.checksum(tensors) == files.sha256(path)
    assert all(torch.equal(tensor, tensors[name]) for name, tensor in load_file(path).items())
    files.save_tensors(path, {})
    assert path.read_bytes() == save({})
