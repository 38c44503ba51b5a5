"""Memorisation: whether a generator copies its training images, by nearest neighbours."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from gencl.core.transfer import exact
from gencl.metrics.figures import Figure
from gencl.metrics.metric import Metric, needs_extractor
from gencl.metrics.snapshot import Snapshot
from gencl.scenarios.task import Task

_CHUNK = 1000
"""Images whose distances are computed at a time."""
_EXACT = "donot_use_mm_for_euclid_dist"


def share_nearer(generated: Tensor, train: Tensor, held_out: Tensor) -> float:
    """Return the chance that a generated feature vector is nearer to the training ones than a held-out one is.

    Nearness is the distance to the nearest training vector, and a tie counts one half. The shapes are (n, d), (m, d)
    and (k, d). Computed in float64.
    """

    def nearest(features: Tensor) -> Tensor:
        real = exact(train)
        parts = exact(features).split(_CHUNK)
        return torch.cat([torch.cdist(some, real, compute_mode=_EXACT).min(1).values for some in parts])

    made, shown = nearest(generated), nearest(held_out).sort().values
    nearer = len(shown) - torch.searchsorted(shown, made, right=True)
    as_near = len(shown) - torch.searchsorted(shown, made) - nearer
    return float((nearer + as_near / 2).mean()) / len(shown)


class Memorisation(Metric):
    """The chance that a generated image lies nearer to the training images of its class than a held-out one does.

    1/2 means that generated images are as near to the training images as other real ones are; 1 means copies. It is the
    statistic of Meehan et al. (AISTATS 2020, "data-copying"). Its cells are the classes, each weighted by its number of
    generated images. Distances are Euclidean, in the extractor's features. If some task has fewer than 100 held-out
    images, all tasks up to this one are measured together.
    """

    name = "memorisation"
    figures = {
        "memorisation": Figure(
            "memorisation",
            "share",
            "lower",
            "how often a generated image is nearer to the training images than a held-out one; "
            "50 % is none, 100 % copies",
        )
    }
    when = "on request"
    keeps_features = True
    pools = True
    applies = staticmethod(needs_extractor)

    def measure(self, snapshot: Snapshot, task: Task) -> float | None:
        """Return the chance, or None if no class has generated, training and held-out images."""
        tasks = snapshot.group(task)
        sides = [_sides(snapshot, tasks, c) for c in dict.fromkeys(c for one in tasks for c in one.classes)]
        parts = [(share_nearer(*side), len(side[0])) for side in sides if all(map(len, side))]
        weight = sum(n for _, n in parts)
        return sum(share * n for share, n in parts) / weight if weight else None


def _sides(snapshot: Snapshot, tasks: Sequence[Task], label: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the features of a class's generated, training and held-out images in these tasks.

    Held-out images that several tasks share are included once, as are the training images of a task that comes back,
    unless its visits are parts of a stream, which may show different ones. Copies change no nearest neighbour.
    """
    tasks = [task for task in tasks if label in task.classes]
    generated, train, held_out = [], [], []
    for task, fresh in zip(tasks, snapshot.first_shown(tasks), strict=True):
        made, shown = snapshot.both_features(task)
        generated.append(made[snapshot.classes_of(task) == label])
        held_out.append(shown[(snapshot.held_out_part(task).labels == label) & fresh])
        first_is_here = task.again in [other.index for other in tasks]
        if not first_is_here or task.dealt is not None:  # else the first visit contributes the same images
            train.append(_learned(snapshot, task)[task.train.labels == label])
    return torch.cat(generated), torch.cat(train), torch.cat(held_out)


def _learned(snapshot: Snapshot, task: Task) -> Tensor:
    """Return the features of a task's training images."""
    features = snapshot.real(("training images", task.index), task.train, keep=True).features
    assert features is not None
    return features
