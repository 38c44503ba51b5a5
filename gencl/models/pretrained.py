"""A start from weights that were trained on ImageNet: those that torchvision publishes, or a file of such weights."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import Field
from safetensors.torch import load_file
from torch import Tensor, nn

from gencl import files
from gencl.datasets.dataset import cache_root
from gencl.errors import GenclError, UsageError
from gencl.models.norms import TaskBatchNorm2d

DOWNLOAD_TIMEOUT_SECONDS = 10

Weights = Annotated[
    str,
    Field(
        min_length=1,
        description="where a fresh network starts: none (at random), imagenet (torchvision's weights), or a file of "
        "such weights (.pth or .safetensors)",
    ),
]
"""The setting ``model.weights``."""


class ImageNetInput(nn.Module):
    """What networks trained on ImageNet expect: three channels (grey ones repeated), shifted and scaled as there."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1), persistent=False)
        self.mean: Tensor
        self.std: Tensor

    def forward(self, images: Tensor) -> Tensor:
        return (images - self.mean) / self.std  # one channel is repeated by broadcasting


def input_of(weights: str, channels: int) -> tuple[nn.Module, int]:
    """What prepares the images for a network that starts from ``weights``, and the channels that it then sees."""
    if weights == "none":
        return nn.Identity(), channels
    if channels not in (1, 3):
        raise UsageError(f"model.weights: {weights} is for images of 1 or 3 channels, not {channels}; use none")
    return ImageNetInput(), 3


def tensors_of(network: nn.Module) -> dict[str, Tensor]:
    """What a file of weights fills, by name: parameters, and running statistics that belong to no task."""
    of_tasks = {id(b) for norm in network.modules() if isinstance(norm, TaskBatchNorm2d) for b in norm.buffers()}
    found = {**dict(network.named_parameters()), **dict(network.named_buffers())}
    return {name: tensor for name, tensor in found.items() if id(tensor) not in of_tasks and tensor.is_floating_point()}


def load_into(targets: Mapping[str, Tensor], weights: str, published: Any) -> None:
    """Copies the weights that ``weights`` (``imagenet`` or a path) names into ``targets``, by their name there.

    ``published`` is torchvision's entry for the network. Raises UsageError where the file is absent or does not have
    what is needed, GenclError where it is damaged or cannot be downloaded.
    """
    path = _published(_published_url(published)) if weights == "imagenet" else Path(weights).expanduser()
    found = _read(path, f"model.weights: {path}")
    for name, target in targets.items():
        if name not in found:
            raise UsageError(f"model.weights: {path} has no {name}; it must hold what torchvision's {published} holds")
        if found[name].shape != target.shape:
            raise UsageError(
                f"model.weights: {name} has shape {tuple(found[name].shape)} in {path}, and {tuple(target.shape)} in "
                "this network"
            )
    with torch.no_grad():
        for name, target in targets.items():
            target.copy_(found[name])


def _read(path: Path, where: str) -> dict[str, Tensor]:
    if not path.is_file():
        raise UsageError(f"{where}: there is no such file; give none, imagenet, or a file of weights")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # of any kind: a damaged file can hold anything
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise GenclError(f"{where} cannot be read as weights: {reason}") from error
    if not isinstance(found, dict) or not all(isinstance(value, Tensor) for value in found.values()):
        raise GenclError(f"{where} cannot be read as weights: it is not a table of named tensors")
    return found


def _published_url(published: Any) -> str:
    return str(published.url)


def _published(url: str) -> Path:
    """The file behind torchvision's ``url``, in the cache; its name ends in the first digits of its sha256."""
    path = cache_root() / "weights" / url.rsplit("/", 1)[1]
    match = re.search(r"-([0-9a-f]{8,})\.", path.name)
    assert match is not None
    if not path.is_file():
        _download(url, path, match[1])
    if not files.sha256(path).startswith(match[1]):
        raise GenclError(f"{path} is damaged: its sha256 does not start with {match[1]}; delete it and try again")
    return path


def _download(url: str, path: Path, digest: str) -> None:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(DOWNLOAD_TIMEOUT_SECONDS)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(path), hash_prefix=digest, progress=False)
    except (OSError, RuntimeError) as error:
        raise GenclError(
            f"model.weights: imagenet is absent and cannot be downloaded ({' '.join(str(error).split())}): put "
            f"{path.name} into {path.parent}, or name it by model.weights=PATH"
        ) from error
    finally:
        socket.setdefaulttimeout(before)
