"""Initialisation from weights trained on ImageNet: those that torchvision publishes, or a file of such weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor, nn

from gencl.core.errors import UsageError
from gencl.core.weights import Published, fill, read
from gencl.learners.networks.norms import TaskBatchNorm2d

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
    """Prepares images for networks trained on ImageNet: three channels (grey is repeated), normalised as there."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1), persistent=False)
        self.mean: Tensor
        self.std: Tensor

    def forward(self, images: Tensor) -> Tensor:
        return (images - self.mean) / self.std  # one channel is repeated by broadcasting


def input_of(weights: str, channels: int, width: float) -> tuple[nn.Module, int]:
    """Return the module that prepares images for a network with these ``weights``, and its number of channels.

    Raises UsageError if pretrained weights do not fit images with this number of channels, or the network's width.
    """
    if weights == "none":
        return nn.Identity(), channels
    if width != 1:
        raise UsageError(f"model.weights: {weights} is for model.width=1, not {width:g}")
    if channels not in (1, 3):
        raise UsageError(f"model.weights: {weights} is for images of 1 or 3 channels, not {channels}; use none")
    return ImageNetInput(), 3


def tensors_of(network: nn.Module) -> dict[str, Tensor]:
    """Return the tensors that a weights file fills, by name: parameters, and running statistics not kept per task."""
    of_tasks = {id(b) for norm in network.modules() if isinstance(norm, TaskBatchNorm2d) for b in norm.buffers()}
    tensors = [*network.named_parameters(), *network.named_buffers()]
    return {name: tensor for name, tensor in tensors if id(tensor) not in of_tasks and tensor.is_floating_point()}


def load_into(targets: Mapping[str, Tensor], weights: str, published: Any) -> None:
    """Copy the weights that ``weights`` names (``imagenet`` or a path) into ``targets``, matched by name.

    ``published`` is torchvision's entry for the network. Raises UsageError if the file is absent or lacks a tensor of
    the right shape, and GenclError if it is damaged or cannot be downloaded.
    """
    imagenet = Published(_published_url(published), "model.weights: imagenet", "model.weights=PATH")
    path = imagenet.fetch() if weights == "imagenet" else Path(weights).expanduser()
    where = f"model.weights: {path}"
    fill(targets, read(path, where, "none, imagenet, or a file of weights"), where, f"torchvision's {published}")


def _published_url(published: Any) -> str:
    return str(published.url)
