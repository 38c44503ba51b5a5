"""The classifiers' networks: sizes as published, any image, and errors that say what to do."""

from __future__ import annotations

import pytest
import torch

from gencl.errors import UsageError
from gencl.models.learner import Learner
from gencl.training.build import make_learner


def made(name: str, shape: tuple[int, int, int] = (1, 28, 28), **settings: object) -> Learner:
    learner = make_learner({"name": name, **settings}, shape, 0, "cpu")
    learner.grow([0, 1, 2], 0)
    learner.grow([3, 4], 1)
    return learner


def test_lenet_has_the_layers_of_the_paper() -> None:
    sizes = [parameter.numel() for parameter in made("lenet").shared().values()]
    assert sizes == [800, 32, 51_200, 64, 1_605_632, 512, 131_072, 256]  # ANPyC table IV
    assert sum(sizes) == 1_789_568


@pytest.mark.parametrize("shape", [(1, 16, 16), (3, 17, 30), (3, 32, 32)])
@pytest.mark.parametrize("name", ["lenet"])
def test_any_image_of_16_pixels_or_more(name: str, shape: tuple[int, int, int]) -> None:
    learner = made(name, shape).eval()
    images = torch.rand(4, *shape)
    assert learner.predict(images, torch.tensor([0, 2, 3, 4])).shape == (4,)


@pytest.mark.parametrize("name", ["lenet"])
def test_smaller_images_are_refused(name: str) -> None:
    with pytest.raises(
        UsageError, match=rf"{name} takes images of 16 x 16 pixels or more, not 8 x 28; .*data\.size=32"
    ):
        made(name, (1, 8, 28))
