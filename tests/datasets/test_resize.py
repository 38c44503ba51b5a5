"""Sizes and channels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from gencl.core.settings import DataSettings
from gencl.datasets.load import load_dataset
from gencl.datasets.resize import fit


def test_what_fits_is_left_alone() -> None:
    images = torch.randint(256, (3, 1, 8, 8)).to(torch.uint8)
    assert fit(images, None, None) is images and fit(images, 8, 1) is images


def test_grey_and_colour() -> None:
    colour = torch.tensor([255, 0, 0, 0, 255, 0, 0, 0, 255, 90, 90, 90]).view(4, 3, 1, 1).to(torch.uint8)
    grey = fit(colour, None, 1)
    assert grey.flatten().tolist() == [76, 150, 29, 90]
    assert torch.equal(fit(grey, None, 3), grey.repeat(1, 3, 1, 1))


def test_resizing_averages() -> None:
    images = torch.zeros(1, 1, 8, 8, dtype=torch.uint8)
    images[..., 4:] = 200
    small = fit(images, 2, None)
    assert small.shape == (1, 1, 2, 2) and small[0, 0, 0, 0] < 40 and small[0, 0, 0, 1] > 160
    assert int(small.sum()) == 400
    assert fit(torch.full((1, 3, 5, 9), 7, dtype=torch.uint8), 16, None).unique().tolist() == [7]


@pytest.mark.parametrize("size", [5, 40])
def test_resizing_agrees_with_pillow(size: int) -> None:
    image = torch.randint(256, (3, 20, 13), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    middle = image.permute(1, 2, 0).numpy()[3:16]  # what is not square is cropped, not squeezed
    expected = Image.fromarray(middle).resize((size, size), Image.Resampling.BILINEAR)
    resized = fit(image[None], size, None)[0].permute(1, 2, 0)
    assert (resized.int() - torch.from_numpy(np.array(expected)).int()).abs().max() <= 1


def test_a_reader_does_not_suit_other_sizes() -> None:
    assert load_dataset("digits", DataSettings()).reader == "digits"
    small = load_dataset("digits", DataSettings(size=14, channels=3))
    assert small.reader is None and small.train.shape == (3, 14, 14) and len(small.train) == 1437
