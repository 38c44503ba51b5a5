"""Handwritten digits that come with gencl, so no network is needed.

They are the test part of "Optical Recognition of Handwritten Digits" (E. Alpaydin, C. Kaynak; UCI Machine Learning
Repository, 1998, doi:10.24432/C50P49; licence: CC BY 4.0), as `digits.safetensors`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from gencl.datasets.dataset import Dataset, Split

SIZE = 28


def load(root: Path | None = None, download: bool = True) -> Dataset:
    """Return 1,797 images of 8x8 with 17 grey levels, enlarged to 28x28 (bicubic); every fifth is held out (360).

    ``root`` and ``download`` are not used. The bundled digit classifier was trained on the training part only.
    """
    every = _every()
    held_out = torch.arange(len(every)) % 5 == 0
    names = tuple(str(digit) for digit in range(10))
    return Dataset("digits", names, every.select(~held_out), every.select(held_out), reader="digits", symbols=True)


def originals() -> tuple[Tensor, Tensor]:
    """Return the images as they were published, (1797, 8, 8) with grey levels 0 to 16, and their labels, (1797,)."""
    stored = load_file(Path(__file__).with_suffix(".safetensors"))
    return stored["images"], stored["labels"].long()


@cache
def _every() -> Split:
    """Return all 1,797 images: (1797, 1, 28, 28). They are read and enlarged once per process."""
    small, labels = originals()
    enlarged = F.interpolate(small.unsqueeze(1) / 16, size=(SIZE, SIZE), mode="bicubic", align_corners=False)
    return Split((enlarged.clamp(0, 1) * 255).round().to(torch.uint8), labels)
