"""Whether a generator copies its training images: what lies nearest to what it draws."""

from __future__ import annotations

import torch
from torch import Tensor

from gencl.core.randomness import permutation
from gencl.core.transfer import exact
from gencl.metrics.figures import Figure
from gencl.metrics.metric import Metric, needs_extractor
from gencl.metrics.real import read_real
from gencl.metrics.snapshot import Snapshot
from gencl.scenarios.task import Task

_CHUNK = 1000
"""Generated images whose distances are computed at a time."""


def share_nearer(generated: Tensor, train: Tensor, held_out: Tensor) -> float:
    """Return the share of the generated features (n, d) whose nearest neighbour is a training image (m, d) rather than
    a held-out one (m, d); of two that are as near, one half. In float64."""

    def nearest(some: Tensor, real: Tensor) -> Tensor:
        return torch.cdist(some, exact(real), compute_mode="donot_use_mm_for_euclid_dist").min(1).values

    nearer = 0.0
    for some in exact(generated).split(_CHUNK):
        one, other = nearest(some, train), nearest(some, held_out)
        nearer += float((one < other).double().sum() + (one == other).double().sum() / 2)
    return nearer / len(generated)


class Memorisation(Metric):
    """The share of generated images that lie nearer to a training image than to any of equally many held-out ones.

    1/2 means that the generator knows no more of its training images than of others; 1 that it copies them. It is the
    share of Meehan et al. (AISTATS 2020, "data-copying") with as many images of each class on both sides, so that their
    numbers do not decide. Distances are Euclidean, in the extractor's features. Where a task has fewer than 100
    held-out images, it is of all tasks so far together.
    """

    name = "memorisation"
    figures = {
        "memorisation": Figure(
            "memorisation",
            "share",
            "lower",
            "share of generated images nearer to training than to held-out images; 50 % is none, 100 % copies",
        )
    }
    when = "on request"
    keeps_features = True
    pools = True
    applies = staticmethod(needs_extractor)

    def measure(self, snapshot: Snapshot, task: Task) -> float | None:
        """None where nothing is held out."""
        sides = [_sides(snapshot, one, c) for one in snapshot.group(task) for c in one.classes]
        parts = [side for side in sides if side is not None]
        if not parts:
            return None
        return share_nearer(*(torch.cat(part) for part in zip(*parts, strict=True)))


def _sides(snapshot: Snapshot, task: Task, label: int) -> tuple[Tensor, Tensor, Tensor] | None:
    """Features of a class's generated images, and of equally many training and held-out ones; None where there are
    none of either."""
    extractor, processes = snapshot.conditions.extractor, snapshot.conditions.processes
    assert extractor is not None
    held_out = snapshot.reference(task).features
    train = snapshot.once(
        ("training images", task.index),
        lambda: read_real(extractor, task.train, snapshot.batch_size, processes, keep=True),
    ).features
    generated = snapshot.generated(task).features
    assert held_out is not None and train is not None and generated is not None
    sides = [
        features[labels == label]
        for features, labels in (
            (generated, snapshot.classes_of(task)),
            (train, task.train.labels),
            (held_out, snapshot.held_out_part(task).labels),
        )
    ]
    n = min(len(sides[1]), len(sides[2]))
    if not n or not len(sides[0]):
        return None
    some = [real[permutation(len(real), "memorisation", task.index, label).to(real.device)[:n]] for real in sides[1:]]
    return sides[0], some[0], some[1]
