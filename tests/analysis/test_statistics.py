"""The statistics of the analyses against numbers worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import Parameter

from gencl.analysis.change import by_importance, change, ordered_map, rank_correlation
from gencl.analysis.distribution import BINS, density, edges, shape
from gencl.analysis.overlap import distance, overlap
from gencl.analysis.perturbation import directions, moved
from gencl.analysis.recall import consolidated, descent, remembered
from gencl.analysis.reuse import active

pytestmark = pytest.mark.numeric


def test_moments_by_hand() -> None:
    moments = shape(torch.tensor([[0.0, 0.0], [0.0, 4.0]]))  # mean 1, deviations -1 -1 -1 3: m2 = 3, m3 = 6, m4 = 21
    assert moments.n == 4 and moments.zero == 0.75 and moments.top == 1
    assert moments.skewness == pytest.approx(6 / 3**1.5) and moments.kurtosis == pytest.approx(21 / 9 - 3)
    assert shape(torch.tensor([1.0, 3.0])).kurtosis == pytest.approx(-2)
    assert shape(torch.ones(3)).kurtosis is None and shape(torch.zeros(3)).top is None
    scaled = shape(1e-4 * torch.tensor([0.0, 0.0, 0.0, 4.0]))
    assert scaled.kurtosis == pytest.approx(moments.kurtosis)


def test_density_leaves_out_what_is_far_below() -> None:
    values = torch.tensor([0.0, 1e-12, 1.1, 2.9])
    shares = density(values)
    assert shares.sum() == 0.5 and shape(values).low == 0.5 and shape(values).zero == 0.25
    place = next(i for i in range(BINS) if edges()[i] <= 0 < edges()[i + 1])  # 1 is the mean
    assert shares[place] == 0.25 and density(torch.tensor([1e9] + [0.0] * 9999))[-1] == 1e-4
    assert density(torch.zeros(2)).sum() == 0


def test_overlap_by_hand() -> None:
    one, other = torch.tensor([1.0, 1.0, 0.0]), torch.tensor([0.0, 8.0, 8.0])
    assert overlap(one, one * 7) == pytest.approx(1)
    assert overlap(one, other) == pytest.approx(0.5)  # only the second: sqrt(1/2 * 1/2)
    assert overlap(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])) == 0
    assert overlap(torch.tensor([4.0, 1.0]), torch.tensor([1.0, 4.0])) == pytest.approx(4 / 5)
    assert overlap(one, torch.zeros(3)) is None
    assert distance(0.75) == 0.5 and distance(1.0) == 0


def test_change_by_hand() -> None:
    before, after = torch.tensor([0.0, 1.0, 2.0]), torch.tensor([2.0, 1.0, 1.0])
    moved = change(before, after, torch.tensor([1.0, 2.0, 1.0]))
    assert moved.square == pytest.approx(5 / 3) and moved.absolute == pytest.approx(1)
    assert moved.weighted_square == pytest.approx(5 / 4) and moved.weighted_absolute == pytest.approx(3 / 4)
    assert change(before, after, torch.zeros(3)).weighted_square is None


def test_change_in_each_tenth() -> None:
    moved, importance = torch.arange(20.0), torch.arange(20.0).flip(0)
    tenths = by_importance(-moved, importance)
    assert tenths[0] == pytest.approx(18.5 / 9.5) and tenths[-1] == pytest.approx(0.5 / 9.5) and len(tenths) == 10
    assert by_importance(torch.zeros(10), torch.ones(10)) == [0.0] * 10
    assert len(by_importance(torch.ones(3), torch.ones(3))) == 3


def test_rank_correlation_by_hand() -> None:
    one = torch.tensor([10.0, 20.0, 30.0, 40.0])
    assert rank_correlation(one, one.exp()) == pytest.approx(1)
    assert rank_correlation(one, torch.tensor([4.0, 3.0, 2.0, 1.0])) == pytest.approx(-1)
    ties = rank_correlation(one, torch.tensor([1.0, 1.0, 2.0, 2.0]))  # ranks 1.5 1.5 3.5 3.5
    assert ties == pytest.approx(4 / math.sqrt(5 * 4))
    assert rank_correlation(one, torch.ones(4)) is None


def test_ordered_map_averages_cells() -> None:
    matrix = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    turned = ordered_map(matrix, torch.tensor([1, 0]), torch.tensor([1, 0]), 2)
    assert turned.tolist() == [[4, 3], [2, 1]]
    assert ordered_map(matrix, torch.tensor([0, 1]), torch.tensor([0, 1]), 1).tolist() == [[2.5]]


def test_what_theory_expects_of_memory() -> None:
    assert descent(4, 1).tolist() == [2]  # a signal of 1 over the noise |x| / sqrt(4)
    after = descent(4, 2)
    assert float(after[0]) == pytest.approx((7 / 16) ** -0.5) and float(after[1] / after[0]) == pytest.approx(0.75)
    assert consolidated(4, 16).tolist() == [0.5] * 16
    assert remembered(torch.tensor([0.5, 1.5, 2.0, 1.0])) == 0.5


def test_theory_of_memory_is_what_the_rules_do() -> None:
    n, stored, runs = 200, 150, 200
    inputs = (1 - 2 * torch.randint(2, (runs, stored, n)).double()) / n**0.5
    targets = 1 - 2 * torch.randint(2, (runs, stored)).double()
    for expected, rates in ((descent, [1.0] * stored), (consolidated, [1 / (1 + t / n) for t in range(stored)])):
        weights = torch.zeros(runs, n).double()
        for t, rate in enumerate(rates):
            error = targets[:, t] - (weights * inputs[:, t]).sum(1)
            weights += rate * error[:, None] * inputs[:, t]
        signals = ((inputs * weights[:, None]).sum(2) * targets).mean(0)
        noise = float(weights.square().sum(1).mean().div(n).sqrt())
        assert torch.allclose((signals / noise).flip(0), expected(n, stored), atol=0.35)


def test_directions_of_perturbation() -> None:
    z = {"a": torch.tensor([3.0, 4.0]), "b": torch.tensor([[12.0]])}
    fisher = {"a": torch.tensor([0.0, 1.0]), "b": torch.tensor([[2.0]])}
    steps = directions(z, fisher)
    assert torch.allclose(steps["uniform"]["a"], z["a"] / 13)
    assert steps["null"]["a"].tolist() == [1, 0] and steps["null"]["b"].item() == 0
    assert steps["inverse"]["a"][0] > 0.99 and 0 < steps["inverse"]["b"].item() < steps["inverse"]["a"][0]
    assert not directions(z, {name: torch.ones_like(value) for name, value in z.items()})["null"]["a"].any()
    shared = {"a": Parameter(torch.tensor([3.0, 4.0])), "b": Parameter(torch.zeros(1, 1))}
    with moved(shared, steps["null"], 0.1):
        assert torch.allclose(shared["a"].detach(), torch.tensor([3.5, 4.0]))
    assert shared["a"].tolist() == [3, 4]


def test_units_are_active_beside_those_that_are_open() -> None:
    mean, opened = torch.tensor([1.0, 3.0, 0.019, 0.021, 9.0]), torch.tensor([True, True, False, False, False])
    assert active(mean, opened).tolist() == [True, True, False, True, True]
    assert not active(mean, torch.zeros(5, dtype=torch.bool)).any()
