"""The process that infers tasks: its density in closed form, and its filter on streams whose tasks are known."""

from __future__ import annotations

import math

import pytest
import torch
from scipy import stats
from torch import Tensor

from gencl.core.randomness import generator
from gencl.scenarios import forget_me_not
from gencl.scenarios.forget_me_not import ForgetMeNot, log_marginal, looked_at

PRIOR = (forget_me_not.MEAN, forget_me_not.STRENGTH, forget_me_not.SHAPE, forget_me_not.SCALE)


def marginal(images: Tensor) -> float:
    """The closed form for images (n, pixels)."""
    n = torch.tensor([float(len(images))]).double()
    return log_marginal(n, images.sum(0)[None], (images**2).sum(0)[None]).item()


def of_students(pixel: Tensor) -> float:
    """The same for one pixel, value by value: each is Student's t given those before it."""
    mean, strength, shape, scale = PRIOR
    total = 0.0
    for x in pixel.tolist():
        spread = math.sqrt(scale * (strength + 1) / (shape * strength))
        total += stats.t.logpdf(x, 2 * shape, mean, spread)
        scale += strength * (x - mean) ** 2 / (2 * (strength + 1))
        mean, strength, shape = (strength * mean + x) / (strength + 1), strength + 1, shape + 0.5
    return total


def test_a_batch_at_once_is_as_probable_as_image_by_image() -> None:
    images = torch.rand(7, 3, generator=generator("images")).double()
    assert marginal(images) == pytest.approx(sum(of_students(images[:, i]) for i in range(3)), abs=1e-8)
    assert marginal(images[:0]) == pytest.approx(0, abs=1e-12)


def test_it_is_the_likelihood_integrated_over_mean_and_variance() -> None:
    values = torch.tensor([0.2, 0.5, 0.4]).double()
    mean, strength, shape, scale = PRIOR

    means = torch.linspace(-3, 4, 2001).double()[:, None]
    logs = torch.linspace(-2, 9, 2001).double()  # of the precision
    precision = logs.exp()
    prior = shape * math.log(scale) - math.lgamma(shape) + shape * logs - scale * precision
    prior = prior + 0.5 * (strength * precision / (2 * math.pi)).log() - strength * precision * (means - mean) ** 2 / 2
    error = ((values[:, None, None] - means) ** 2).sum(0)
    joint = prior + 1.5 * (precision / (2 * math.pi)).log() - precision * error / 2
    integral = torch.trapezoid(torch.trapezoid(joint.exp(), logs), means[:, 0])
    assert math.log(integral) == pytest.approx(marginal(values[:, None]), abs=1e-3)


def stream(*tasks: int, batches: int = 6, pixels: int = 20, n: int = 16) -> list[Tensor]:
    """So many batches of each of these tasks, whose pixels have means of their own."""
    random = generator("stream")
    means = torch.rand(max(tasks) + 1, pixels, generator=random)
    noise = [0.1 * torch.randn(batches, n, pixels, generator=random) for _ in tasks]
    return [batch.double() for task, some in zip(tasks, noise, strict=True) for batch in means[task] + some]


@pytest.mark.parametrize("hazard", [0.001, 0.01, 0.5])
def test_tasks_are_opened_and_recognised_in_the_order_they_come(hazard: float) -> None:
    process = ForgetMeNot(hazard)
    decided = [process.attribute(batch) for batch in stream(0, 1, 0, 2, 1)]
    assert decided == [0] * 6 + [1] * 6 + [0] * 6 + [2] * 6 + [1] * 6
    assert len(process.weights) == 3 and process.weights.sum().item() == pytest.approx(1)


def test_what_comes_later_changes_no_decision() -> None:
    batches = stream(0, 1, 0, 2)
    whole, start = ForgetMeNot(0.01), ForgetMeNot(0.01)
    assert [whole.attribute(b) for b in batches][:8] == [start.attribute(b) for b in batches[:8]]


def test_the_chain_stays_or_switches_as_the_hazard_says() -> None:
    process = ForgetMeNot(0.2)
    assert process._prior().tolist() == [1]
    for batch in stream(0, 1):
        process.attribute(batch)
    assert process.weights.tolist() == pytest.approx([0, 1], abs=1e-6)
    assert process._prior().tolist() == pytest.approx([0.05, 0.85, 0.1])


def test_a_stroke_where_there_was_none_is_no_new_task() -> None:
    process, black = ForgetMeNot(0.01), torch.zeros(64, 50).double()
    assert {process.attribute(black) for _ in range(200)} == {0}
    stray = black.clone()
    stray[0, 7] = 1.0
    assert process.attribute(stray) == 0
    assert process.attribute(torch.ones(64, 50).double()) == 1


def test_a_new_task_may_differ_from_the_known_ones_in_few_pixels() -> None:
    random = generator("few")
    means = torch.rand(200, generator=random).double()
    others = means.clone()
    others[:20] = 1 - others[:20].round()
    process = ForgetMeNot(0.01)
    for task, batch in enumerate((means, others, means)):
        seen = {process.attribute(batch + 0.1 * torch.randn(16, 200, generator=random)) for _ in range(8)}
        assert seen == {task % 2}


def test_large_pictures_are_looked_at_small_and_grey() -> None:
    assert looked_at(torch.rand(2, 3, 64, 48)).shape == (2, 28 * 28)
    assert looked_at(torch.rand(2, 1, 1, 500)).shape == (2, 500)
    images = torch.rand(2, 3, 8, 8)
    assert torch.allclose(looked_at(images).float(), images.mean(1).flatten(1))
