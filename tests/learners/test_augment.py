"""What a discriminator sees: random changes that gradients pass through."""

from __future__ import annotations

import pytest
import torch

from gencl.core.errors import UsageError
from gencl.core.randomness import RandomSource
from gencl.learners.networks.augment import augmented, check, drawn

pytestmark = pytest.mark.numeric

ALL = ("colour", "translation", "cutout")


@pytest.mark.parametrize("kind", ALL)
def test_gradients_pass_through_each_change(kind: str) -> None:
    images = torch.rand(6, 3, 16, 16, dtype=torch.double, requires_grad=True)
    changed = augmented(images, {k: v.double() for k, v in drawn([kind], 6, RandomSource(0)).items()})  # type: ignore[list-item]
    assert changed.shape == images.shape and not torch.equal(changed, images)
    (gradient,) = torch.autograd.grad(changed.sum(), images)
    assert gradient.isfinite().all() and gradient.abs().sum() > 0


def test_without_changes_images_stay_as_they_are() -> None:
    images = torch.rand(2, 1, 8, 8)
    assert augmented(images, drawn([], 2, RandomSource(0))) is images


def test_translation_moves_each_image_by_at_most_an_eighth() -> None:
    images = torch.zeros(200, 1, 16, 16)
    images[:, :, 8, 8] = 1
    moved = augmented(images, drawn(["translation"], 200, RandomSource(0)))
    places = moved.flatten(1).argmax(1)
    offsets = torch.stack([places // 16, places % 16], 1) - 8
    assert set(offsets.flatten().tolist()) == {-2, -1, 0, 1, 2}
    assert torch.equal(moved.sum((1, 2, 3)), torch.ones(200))


def test_cutout_takes_a_square_of_half_the_side_anywhere() -> None:
    cut = augmented(torch.ones(400, 2, 16, 16), drawn(["cutout"], 400, RandomSource(0)))[:, 0] == 0
    rows, columns = cut.any(2).sum(1), cut.any(1).sum(1)
    assert rows.max() == columns.max() == 8 and rows.min() == columns.min() == 4  # half of it at a border
    assert torch.equal(cut.sum((1, 2)), rows * columns)
    assert cut.any(0).all()


def test_colour_keeps_the_mean_of_grey_levels_but_for_brightness() -> None:
    images = torch.rand(50, 3, 8, 8, dtype=torch.double)
    numbers = {"colour": drawn(["colour"], 50, RandomSource(0))["colour"].double()}
    changed = augmented(images, numbers)
    brightness = (numbers["colour"][:, 0] - 0.5) / 2
    torch.testing.assert_close(changed.mean((1, 2, 3)), images.mean((1, 2, 3)) + brightness)


def test_equal_draws_make_equal_changes() -> None:
    images = torch.rand(5, 3, 12, 12)
    first, second = (augmented(images, drawn(ALL, 5, RandomSource("x"))) for _ in range(2))
    assert torch.equal(first, second)


def test_grey_pictures_have_no_colour_and_a_change_is_named_once() -> None:
    with pytest.raises(UsageError, match=r"model\.augment: grey pictures .* write model\.augment=\[translation\]"):
        check(("colour", "translation"), 1)
    with pytest.raises(UsageError, match="cutout stands there twice"):
        check(("cutout", "cutout"), 3)
    check(ALL, 3)
