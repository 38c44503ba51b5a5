"""Weights of the right shapes with values at random: the published ones cannot be had everywhere."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch_fidelity import feature_extractor_inceptionv3 as inception
from torchvision.models import alexnet


@pytest.fixture(scope="session")
def alexnet_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """AlexNet's convolutions as torchvision names them."""
    path = tmp_path_factory.mktemp("weights") / "alexnet.safetensors"
    torch.manual_seed(0)
    save_file(alexnet().features.state_dict(prefix="features."), path)
    return path


@pytest.fixture(scope="session")
def inception_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Inception-v3 as torch-fidelity names it, in torch's format."""
    path = tmp_path_factory.mktemp("weights") / "inception.pth"
    torch.manual_seed(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inception, "load_state_dict_from_url", lambda *_, **__: {})
        patch.setattr(inception.FeatureExtractorInceptionV3, "load_state_dict", lambda *_, **__: None)
        network = inception.FeatureExtractorInceptionV3("inception", ["2048"])
    torch.save({name: t.clone() for name, t in network.state_dict().items()}, path)
    return path


@pytest.fixture(scope="session")
def dinov2_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small DINOv2 (two blocks, 128 channels) as its authors name the tensors, in torch's format."""
    path = tmp_path_factory.mktemp("weights") / "dinov2_small.pth"
    width, random = 128, torch.Generator().manual_seed(0)
    layers = {"attn.qkv": (3 * width, width), "attn.proj": (width, width)}
    layers |= {"mlp.fc1": (4 * width, width), "mlp.fc2": (width, 4 * width)}
    shapes: dict[str, tuple[int, ...]] = {"cls_token": (1, 1, width), "pos_embed": (1, 1 + 37**2, width)}
    shapes |= {"mask_token": (1, width), "norm.weight": (width,), "norm.bias": (width,)}
    shapes |= {"patch_embed.proj.weight": (width, 3, 14, 14), "patch_embed.proj.bias": (width,)}
    for block in ("blocks.0", "blocks.1"):
        for layer, (rows, columns) in layers.items():
            shapes |= {f"{block}.{layer}.weight": (rows, columns), f"{block}.{layer}.bias": (rows,)}
        for layer in ("norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias", "ls1.gamma", "ls2.gamma"):
            shapes[f"{block}.{layer}"] = (width,)
    torch.save({name: torch.randn(shape, generator=random) / 10 for name, shape in shapes.items()}, path)
    return path
