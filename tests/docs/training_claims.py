"""What the page of generators says about rates, networks and averages."""

from __future__ import annotations

from typing import Any

from figures import figure, read

from tests.docs.checks import Claim

LONG, LENGTHS = "split-mnist-cgan-long", "split-mnist-cgan-lengths"
GENERATORS = "docs/generators.md"
FLAT = "sgd:train.lr=0.001:train.lr_end=1"
PLAIN, TRANSPOSED = "plain, bilinear", "plain, transposed"
RESIDUAL = ("residual", "residual, half the rate")


def _distance(row: str) -> float:
    value: float = figure(f"{LONG}/{row}", "fid")["mean"]
    return value


def _points(variant: str) -> list[dict[str, Any]]:
    points: list[dict[str, Any]] = read("curves", "faces.json")[variant]["points"]
    return points


def nothing_else_helped() -> None:
    """Assert that the penalty, the loss and the width end behind the flat rate."""
    rows = [row for row in read(LONG)["methods"] if any(word in row for word in ("r1=8", "relativistic", "width=32"))]
    assert len(rows) == 4 and all(_distance(row) > _distance(FLAT) for row in rows)


def bilinear_is_ahead() -> None:
    """Assert that bilinear upsampling is ahead of all others at each point, averaged."""
    for other in (TRANSPOSED, *RESIDUAL):
        pairs = zip(_points(PLAIN), _points(other), strict=True)
        assert all(one["averaged"] < two["averaged"] for one, two in pairs), other


def the_average_is_ahead() -> None:
    """Assert that averaged weights end within half a point of the live ones, or ahead by a sixth and more."""
    for variant in (PLAIN, TRANSPOSED, *RESIDUAL):
        averaged, live = (_points(variant)[-1][key] for key in ("averaged", "live"))
        assert abs(averaged - live) < 0.5 or averaged < live * 5 / 6, variant


def as_much_in_each_step() -> None:
    """Assert that a residual network is near a plain one after as many steps, which take about twice as long."""
    plain, residual = _points(PLAIN)[1], _points(RESIDUAL[1])[-1]
    assert abs(plain["steps"] - residual["steps"]) < 50 and abs(plain["averaged"] - residual["averaged"]) < 5
    assert 1.8 < residual["seconds"] / residual["steps"] / (plain["seconds"] / plain["steps"]) < 2.2


def longer_is_better() -> None:
    """Assert that distances fall with the steps, and that the first task hardly changes from 3,200 steps on."""
    rows = {row: figure(f"{LENGTHS}/{row}", "fid")["mean"] for row in read(LENGTHS)["methods"]}
    for method in ("joint", "anpyc+align"):
        values = [value for row, value in rows.items() if row.startswith(f"{method}:")]
        assert len(values) > 1 and values == sorted(values, reverse=True), method
    short, middle, long = (
        figure(f"{LENGTHS}/anpyc+align:train.steps={steps}", "fid_first_half")["mean"] for steps in (800, 3200, 12800)
    )
    assert middle <= long < middle + 2 < short


def _seeds(row: str, key: str) -> list[float]:
    """A figure of each seed where classes come again."""
    values: list[float] = figure(f"mnist-dirichlet/{row}", key)["values"]
    return values


def plain_training_is_ahead_where_classes_recur() -> None:
    """Assert that plain training is ahead of importance in each seed."""
    for other in ("ewc", "mas", "anpyc"):
        pairs = zip(_seeds("sgd", "fid_by_class"), _seeds(other, "fid_by_class"), strict=True)
        assert all(one < two for one, two in pairs), other


def alignment_improves_what_was_learned() -> None:
    """Assert that the FD falls after a task in each seed, and is lower than that of every other continual method."""
    for method in ("align", "anpyc+align"):
        assert max(_seeds(method, "fid_forgetting")) < 0
        for other in ("sgd", "ewc", "mas", "anpyc", "dgr"):
            assert max(_seeds(method, "fid_by_class")) < min(_seeds(other, "fid_by_class"))


def replay_is_last() -> None:
    """Assert that the worst other method is ahead of replay's best seed."""
    for other in ("sgd", "ewc", "mas", "anpyc"):
        assert max(_seeds(other, "fid_by_class")) < min(_seeds("dgr", "fid_by_class"))


RECURRING = "docs/how-to/recurring.md"
TRAINING_CLAIMS = [
    Claim(RECURRING, "In each seed, `sgd` has a lower FD per class than", plain_training_is_ahead_where_classes_recur),
    Claim(RECURRING, "*FD forgetting* is below zero", alignment_improves_what_was_learned),
    Claim(RECURRING, "**Replay is the last.**", replay_is_last),
    Claim(GENERATORS, "Longer training is better, for joint training as for `anpyc+align`", longer_is_better),
    Claim(
        GENERATORS, "the FD is 32.4, beside 30.5 of real images", lambda: [_distance(FLAT), _distance("real")]
    ),
    Claim(GENERATORS, "tenth ends at 54.1", lambda: [_distance("sgd:train.lr=0.002:train.lr_end=0.1")]),
    Claim(GENERATORS, "at 79.4. A stronger gradient penalty", lambda: [_distance("sgd:train.lr=0.003:train.lr_end=1")]),
    Claim(GENERATORS, "and twice the width in half the steps did not help", nothing_else_helped),
    Claim(GENERATORS, "convolutions and of residual networks at equal CPU time", bilinear_is_ahead),
    Claim(GENERATORS, "level with the weights as they are, or far ahead of them", the_average_is_ahead),
    Claim(GENERATORS, "in each step as a plain one, but its steps take about twice as long", as_much_in_each_step),
]  # fmt: skip
