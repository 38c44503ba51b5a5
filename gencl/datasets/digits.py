"""scikit-learn's handwritten digits (UCI optdigits, test part): embedded, so no network is needed."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import torch
import torch.nn.functional as F

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


@cache
def _every() -> Split:
    """Return all 1,797 images: (1797, 1, 28, 28). They are read and enlarged once per process."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    small = torch.from_numpy(bunch.images).float().unsqueeze(1) / 16
    large = F.interpolate(small, size=(SIZE, SIZE), mode="bicubic", align_corners=False).clamp(0, 1)
    return Split((large * 255).round().to(torch.uint8), torch.from_numpy(bunch.target).long())
