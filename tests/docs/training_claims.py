"""What the page of generators says about rates, networks and averages."""

from __future__ import annotations

from typing import Any

from figures import figure, read

from tests.docs.checks import Claim

LONG, LENGTHS = "split-mnist-cgan-long", "split-mnist-cgan-lengths"
GENERATORS = "docs/generators.md"
FLAT = "sgd:train.lr=0.001:train.lr_end=1"
PLAIN, TRANSPOSED, RELATIVISTIC = "plain, bilinear", "plain, transposed", "plain, bilinear, relativistic"
WIDE = "plain, bilinear, twice as wide"
RESIDUAL = ("residual", "residual, half the rate")


def _distance(row: str) -> float:
    value: float = figure(f"{LONG}/{row}", "fid")["mean"]
    return value


def _points(variant: str, subject: str = "faces") -> list[dict[str, Any]]:
    points: list[dict[str, Any]] = read("curves", f"{subject}.json")[variant]["points"]
    return points


def _averaged(variant: str, subject: str = "faces") -> list[float]:
    return [point["averaged"] for point in _points(variant, subject)]


def nothing_else_helped() -> None:
    """Assert that the penalty, the loss and the width end behind the flat rate."""
    rows = [row for row in read(LONG)["methods"] if any(word in row for word in ("r1=8", "relativistic", "width=32"))]
    assert len(rows) == 4 and all(_distance(row) > _distance(FLAT) for row in rows)


def bilinear_is_ahead() -> None:
    """Assert that bilinear upsampling is ahead of all others at each point, averaged."""
    for other in (TRANSPOSED, *RESIDUAL):
        assert all(one < two for one, two in zip(_averaged(PLAIN), _averaged(other), strict=True)), other


def transposed_is_ahead_on_mnist() -> None:
    """Assert that transposed convolutions are ahead of every other variant, but at the first point."""
    _transposed_is_ahead("mnist", first=1)


def transposed_is_ahead_on_cifar10() -> None:
    """Assert that transposed convolutions are ahead of every other variant at each point."""
    _transposed_is_ahead("cifar10", first=0)


def _transposed_is_ahead(subject: str, first: int) -> None:
    for other in read("curves", f"{subject}.json").keys() - {TRANSPOSED}:
        pairs = zip(_averaged(TRANSPOSED, subject)[first:], _averaged(other, subject)[first:], strict=True)
        assert all(one < two for one, two in pairs), (subject, other)


def the_average_is_ahead() -> None:
    """Assert that averaged weights end within half a point of the live ones, or ahead of them."""
    for subject in ("faces", "mnist"):
        for variant in read("curves", f"{subject}.json"):
            averaged, live = (_points(variant, subject)[-1][key] for key in ("averaged", "live"))
            assert averaged < live + 0.5, (subject, variant)


def width_is_behind_on_faces() -> None:
    """Assert that the wider network is behind at each point of faces, and ends within a point of the other on MNIST."""
    assert all(one < two for one, two in zip(_averaged(PLAIN), _averaged(WIDE), strict=True))
    assert abs(_averaged(PLAIN, "mnist")[-1] - _averaged(WIDE, "mnist")[-1]) < 1


def lower_rates_end_behind() -> None:
    """Assert that lower rates of the wider network end behind its usual rate."""
    for subject in ("faces", "mnist"):
        for variant in (name for name in read("curves", f"{subject}.json") if name.startswith(f"{WIDE},")):
            assert _averaged(WIDE, subject)[-1] < _averaged(variant, subject)[-1], (subject, variant)


def the_relativistic_loss_is_far_behind() -> None:
    """Assert that it ends at more than three times the distance."""
    assert _averaged(RELATIVISTIC, "mnist")[-1] > 3 * _averaged(PLAIN, "mnist")[-1]


def as_much_in_each_step() -> None:
    """Assert that a residual network is near a plain one after as many steps, which take about twice as long."""
    plain, residual = _points(PLAIN)[1], _points(RESIDUAL[1])[-1]
    assert abs(plain["steps"] - residual["steps"]) < 50 and abs(plain["averaged"] - residual["averaged"]) < 5
    assert 1.8 < residual["seconds"] / residual["steps"] / (plain["seconds"] / plain["steps"]) < 2.2


def longer_is_better() -> None:
    """Assert that distances fall with the steps, over both tasks and on the first, almost to that of real images."""
    for key in ("fid", "fid_first_half"):
        for method in ("joint", "anpyc+align"):
            rows = (f"{LENGTHS}/{method}:train.steps={steps}" for steps in (800, 3200, 12800))
            short, middle, long = (figure(row, key)["mean"] for row in rows)
            assert long < middle < short, (key, method)
    floor = figure(f"{LENGTHS}/real", "fid")["mean"]
    for method in ("joint", "anpyc+align"):
        assert figure(f"{LENGTHS}/{method}:train.steps=12800", "fid")["mean"] < 1.1 * floor


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
    Claim(RECURRING, "**With the digits spread, replay is the last.**", replay_is_last),
    Claim(GENERATORS, "Longer training is better, for joint training as for `anpyc+align`", longer_is_better),
    Claim(
        GENERATORS, "the FD is 32.4, beside 30.5 of real images", lambda: [_distance(FLAT), _distance("real")]
    ),
    Claim(GENERATORS, "tenth ends at 54.1", lambda: [_distance("sgd:train.lr=0.002:train.lr_end=0.1")]),
    Claim(GENERATORS, "at 79.4. A stronger gradient penalty", lambda: [_distance("sgd:train.lr=0.003:train.lr_end=1")]),
    Claim(GENERATORS, "and twice the width in half the steps did not help", nothing_else_helped),
    Claim(GENERATORS, "ahead of transposed convolutions and of residual networks at", bilinear_is_ahead),
    Claim(GENERATORS, "transposed convolutions are ahead of all others from 100", transposed_is_ahead_on_mnist),
    Claim(GENERATORS, "they are ahead of both at each point, though its classifier", transposed_is_ahead_on_cifar10),
    Claim(GENERATORS, "is behind on faces, and level at the end on MNIST", width_is_behind_on_faces),
    Claim(GENERATORS, "both it ends worse with a lower rate", lower_rates_end_behind),
    Claim(GENERATORS, "On MNIST the relativistic loss is far behind", the_relativistic_loss_is_far_behind),
    Claim(GENERATORS, "the averaged weights of every network end level with the weights as they", the_average_is_ahead),
    Claim(GENERATORS, "plain one, but its steps take about twice as long on a CPU", as_much_in_each_step),
]  # fmt: skip
