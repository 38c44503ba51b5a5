"""The embedded digits and MNIST's files: counts, content, and what is said when they are absent or damaged."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from gencl.core.errors import GenclError, UsageError
from gencl.core.folders import data_root
from gencl.datasets import DATASETS, digits, mnist
from gencl.datasets.dataset import Split


def test_digits_are_real_and_held_out_apart() -> None:
    data = digits.load()
    assert (len(data.train), len(data.test)) == (1437, 360)
    assert data.train.images.shape[1:] == (1, 28, 28) and data.train.images.dtype == torch.uint8
    assert data.train.images.min() == 0 and data.train.images.max() == 255
    assert data.train.labels.bincount().min() > 130
    images, labels = digits.originals()
    assert images.shape == (1797, 8, 8) and images.max() == 16
    assert labels.bincount().tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]  # as UCI says of this part
    again = digits.load()
    assert data.train.fingerprint() == again.train.fingerprint() != data.test.fingerprint()


@pytest.mark.data
def test_mnist_is_read_whole_and_nothing_is_written(data_root: Path) -> None:
    before = sorted(path.name for path in (data_root / "MNIST" / "raw").iterdir())
    data = mnist.load(data_root)
    assert data.train.labels.bincount().tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert data.test.labels.bincount().tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert sorted(path.name for path in (data_root / "MNIST" / "raw").iterdir()) == before


@pytest.mark.data
def test_a_damaged_file_is_named(data_root: Path, tmp_path: Path) -> None:
    raw = tmp_path / "MNIST" / "raw"
    shutil.copytree(data_root / "MNIST" / "raw", raw)
    file = raw / "t10k-labels-idx1-ubyte.gz"
    file.chmod(0o644)
    content = bytearray(file.read_bytes())
    content[100] ^= 1
    file.write_bytes(content)
    with pytest.raises(GenclError, match=r"t10k-labels-idx1-ubyte.gz is damaged"):
        mnist.load(tmp_path)


def test_absent_files_are_listed_with_where_they_were_looked_for(tmp_path: Path) -> None:
    with pytest.raises(GenclError) as error:
        mnist.load(tmp_path, download=False)
    assert str(tmp_path) in str(error.value) and "train-images-idx3-ubyte.gz" in str(error.value)
    assert not any(tmp_path.iterdir())


def test_data_root_must_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(GenclError, match="--data-root"):
        data_root(tmp_path / "nowhere")
    monkeypatch.setenv("GENCL_DATA", str(tmp_path))
    assert data_root() == tmp_path


def test_splits_check_what_they_hold() -> None:
    with pytest.raises(UsageError, match="uint8"):
        Split(torch.zeros(2, 1, 4, 4), torch.zeros(2))
    with pytest.raises(UsageError, match="labels"):
        Split(torch.zeros(2, 1, 4, 4, dtype=torch.uint8), torch.zeros(3))


def test_names_in_the_registry_can_be_loaded() -> None:
    assert all(callable(DATASETS.get(name)) for name in DATASETS)
