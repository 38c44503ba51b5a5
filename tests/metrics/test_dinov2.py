"""DINOv2 as a feature extractor, by random weights of the published form: the published ones are 1.2 GB."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from gencl.core.errors import GenclError, UsageError
from gencl.core.files import sha256
from gencl.core.weights import read
from gencl.metrics.dinov2 import DEVIATION, MEAN, DINOv2, resized_positions
from gencl.metrics.weight_files import DINOV2, find
from gencl.uses.fid import fid
from tests.conftest import gencl


def written_out(tensors: dict[str, Tensor], images: Tensor) -> Tensor:
    """DINOv2's class token for images (n, 3, 224, 224) that are normalised already, formula after formula."""
    width = tensors["cls_token"].shape[-1]

    def layer(name: str, x: Tensor) -> Tensor:
        return x @ tensors[f"{name}.weight"].T + tensors[f"{name}.bias"]

    def norm(name: str, x: Tensor) -> Tensor:
        return F.layer_norm(x, (width,), tensors[f"{name}.weight"], tensors[f"{name}.bias"], 1e-6)

    patches = F.conv2d(images, tensors["patch_embed.proj.weight"], tensors["patch_embed.proj.bias"], stride=14)
    tokens = torch.cat([tensors["cls_token"].expand(len(images), -1, -1), patches.flatten(2).mT], 1)
    grid = tensors["pos_embed"][0, 1:].T.view(1, width, 37, 37)
    positions = F.interpolate(grid, scale_factor=16.1 / 37, mode="bicubic").flatten(2).mT
    tokens = tokens + torch.cat([tensors["pos_embed"][:, :1], positions], 1)
    for block in ("blocks.0", "blocks.1"):
        q, k, v = layer(f"{block}.attn.qkv", norm(f"{block}.norm1", tokens)).split(width, -1)
        heads = []
        for one in range(0, width, 64):
            mine = (part[..., one : one + 64] for part in (q, k, v))
            query, key, value = mine
            heads.append((query @ key.mT / 8).softmax(-1) @ value)
        tokens = tokens + tensors[f"{block}.ls1.gamma"] * layer(f"{block}.attn.proj", torch.cat(heads, -1))
        hidden = F.gelu(layer(f"{block}.mlp.fc1", norm(f"{block}.norm2", tokens)))
        tokens = tokens + tensors[f"{block}.ls2.gamma"] * layer(f"{block}.mlp.fc2", hidden)
    return norm("norm", tokens)[:, 0]


def test_features_are_what_the_formulas_give(dinov2_weights: Path) -> None:
    state = torch.get_rng_state()
    extractor = DINOv2.from_weights([dinov2_weights])
    assert torch.equal(state, torch.get_rng_state())  # a run's draws do not depend on what measures it
    assert (extractor.name, extractor.version, extractor.published) == ("dinov2", sha256(dinov2_weights)[:12], False)
    images = torch.randint(0, 256, (3, 3, 224, 224), dtype=torch.uint8)
    mean, deviation = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, DEVIATION))
    wanted = written_out(read(dinov2_weights, "", ""), (images / 255 - mean) / deviation)
    torch.testing.assert_close(extractor(images)[0], wanted, rtol=1e-3, atol=1e-4)
    assert extractor(images[:, :1])[0].shape == (3, 128)


def test_images_are_resized_as_pillow_does(dinov2_weights: Path) -> None:
    extractor = DINOv2.from_weights([dinov2_weights])
    for size in (64, 500):
        pixels = np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8)
        wanted = np.asarray(Image.fromarray(pixels).resize((224, 224), Image.Resampling.BICUBIC))
        found = extractor.resized(torch.from_numpy(pixels).permute(2, 0, 1)[None])[0].permute(1, 2, 0).numpy()
        difference = np.abs(found - wanted)  # Pillow computes in whole numbers
        assert difference.max() <= 2 and difference.mean() < 0.05


def test_positions_stay_where_the_grid_is_the_same() -> None:
    positions = torch.randn(1, 1 + 16**2, 8)
    assert resized_positions(positions, 16) is positions
    assert resized_positions(torch.randn(1, 1 + 37**2, 8), 16).shape == (1, 1 + 16**2, 8)


def test_wrong_weights_are_refused_in_a_line(dinov2_weights: Path, tmp_path: Path) -> None:
    tensors, path = read(dinov2_weights, "", ""), tmp_path / "w.pth"
    cases = [
        ({"register_tokens": torch.zeros(1, 4, 128)}, (), "Unexpected key.*register_tokens"),
        ({}, ("blocks.1.norm2.bias",), r"Missing key.*encoder_layer_1\.ln_2\.bias"),
        ({}, ("blocks.0.ls1.gamma",), r"it has no 'blocks\.0\.ls1\.gamma'"),
        ({"cls_token": torch.zeros(1, 1, 130)}, (), r"w\.pth does not fit DINOv2"),
        ({"pos_embed": torch.zeros(1, 99, 128)}, (), r"w\.pth does not fit DINOv2"),
    ]
    for more, less, words in cases:
        torch.save({name: value for name, value in (tensors | more).items() if name not in less}, path)
        with pytest.raises(UsageError, match=words) as error:
            DINOv2.from_weights([path])
        assert "\n" not in str(error.value)
    with pytest.raises(UsageError, match=r"--weights: .*no\.pth: there is no such file"):
        DINOv2.from_weights([tmp_path / "no.pth"])


def test_offline_a_line_says_where_the_weights_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENCL_CACHE", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # nobody answers
    with pytest.raises(GenclError, match=r"DINOv2 is absent and cannot be .*put dinov2_vitl14_pretrain\.pth into .*"):
        find(DINOV2, [])
    assert len(DINOV2.published.digest) == 64
    (tmp_path / "weights" / "dinov2_vitl14_pretrain.pth").write_bytes(b"not what was published")
    with pytest.raises(GenclError, match="is damaged: its sha256 does not start with d5383ea8"):
        find(DINOV2, [])


def test_the_command_names_the_distance(dinov2_weights: Path, tmp_path: Path) -> None:
    for side in ("a", "b"):
        (tmp_path / side).mkdir()
        for number in range(6):
            pixels = np.random.default_rng([number, side == "b"]).integers(0, 256, (32, 32, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / side / f"{number}.png")
    sides = (tmp_path / "a", tmp_path / "b", "--features", "dinov2", "--weights", dinov2_weights)
    shown = gencl("fid", *sides)
    assert shown.returncode == 0 and "(DINOv2)" in shown.stdout and "FID" not in shown.stdout, shown
    assert "DINOv2 features, not the published weights" in " ".join(shown.stdout.split())
    found = json.loads(gencl("fid", *sides, "--json").stdout)
    assert found["features"] == {
        "name": "dinov2", "version": sha256(dinov2_weights)[:12], "published": False, "resize": "224x224",
    }  # fmt: skip
    assert found["scores"].keys() == {"fid", "kid", "precision", "recall"}  # no classes, no Inception score
    assert fid(tmp_path / "a", tmp_path / "a", features="dinov2", weights=[dinov2_weights])["scores"]["fid"] < 1e-3
