"""Differentiable augmentation of what a discriminator sees (Zhao et al., NeurIPS 2020, "DiffAugment").

Images are in [0, 1]. Pixels that are shifted in or cut out are black; in the authors' code they are a middle grey.

Both real and generated images are changed at random. A discriminator with few images then cannot memorise them.
Gradients pass through the changes, so the generator does not learn to imitate them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from gencl.core.errors import UsageError
from gencl.core.randomness import RandomSource

Augmentation = Literal["colour", "translation", "cutout"]

_SHIFT = 1 / 8
"""The largest translation, as a share of the side."""
_CUT = 1 / 2
"""The side of the square that is cut out, as a share of the image's."""


def check(kinds: Sequence[Augmentation], channels: int) -> None:
    """Raise UsageError if a change does nothing to images with this number of channels, or is named twice."""
    if channels == 1 and "colour" in kinds:
        rest = ",".join(kind for kind in kinds if kind != "colour")
        raise UsageError(f"model.augment: grey pictures have no colour to change; write model.augment=[{rest}]")
    twice = next((kind for kind in kinds if kinds.count(kind) > 1), None)
    if twice is not None:
        raise UsageError(f"model.augment: {twice} stands there twice; name it once")


def drawn(kinds: Sequence[Augmentation], n: int, random: RandomSource) -> dict[str, Tensor]:
    """Draw the random numbers for changing n images: (n, k) in [0, 1) by the name of the change."""
    return {kind: random.uniform(n, _NUMBERS[kind]) for kind in kinds}


def augmented(images: Tensor, numbers: Mapping[str, Tensor]) -> Tensor:
    """Return images (n, c, h, w) after the changes that the ``numbers`` of `drawn` define."""
    for kind, change in _CHANGES.items():
        if kind in numbers:
            images = change(images, numbers[kind])
    return images


def _colour(images: Tensor, numbers: Tensor) -> Tensor:
    """Change brightness by up to a quarter of the range, saturation by a factor of 0 to 2, contrast by 0.5 to 1.5."""
    brightness, saturation, contrast = (numbers[:, i, None, None, None] for i in range(3))
    images = images + (brightness - 0.5) / 2
    grey = images.mean(1, keepdim=True)
    images = torch.lerp(grey, images, 2 * saturation)
    mean = images.mean((1, 2, 3), keepdim=True)
    return torch.lerp(mean, images, contrast + 0.5)


def _translation(images: Tensor, numbers: Tensor) -> Tensor:
    """Move each image by up to an eighth of its sides, and fill with zeros."""
    n, _, height, width = images.shape
    reach = int(height * _SHIFT + 0.5), int(width * _SHIFT + 0.5)
    padded = F.pad(images, (reach[1], reach[1], reach[0], reach[0]))
    top, left = ((numbers[:, i] * (2 * r + 1)).long() for i, r in enumerate(reach))
    rows = top[:, None] + torch.arange(height, device=images.device)
    columns = left[:, None] + torch.arange(width, device=images.device)
    each = torch.arange(n, device=images.device)[:, None, None]
    moved = padded.permute(0, 2, 3, 1)[each, rows[:, :, None], columns[:, None, :]]
    return moved.permute(0, 3, 1, 2)


def _cutout(images: Tensor, numbers: Tensor) -> Tensor:
    """Set a square of half the side to zero. Its centre is anywhere, so it may be cut off by an edge."""
    _, _, height, width = images.shape
    kept = torch.ones((), device=images.device)
    inside = []
    for i, side in enumerate((height, width)):
        length = int(side * _CUT + 0.5)
        start = (numbers[:, i] * (side + 1 - length % 2)).long() - length // 2
        place = torch.arange(side, device=images.device)
        inside.append((place >= start[:, None]) & (place < start[:, None] + length))
    cut = inside[0][:, None, :, None] & inside[1][:, None, None, :]
    return images * (kept - cut.to(images.dtype))


_NUMBERS: dict[str, int] = {"colour": 3, "translation": 2, "cutout": 2}
_CHANGES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "colour": _colour,
    "translation": _translation,
    "cutout": _cutout,
}
