"""Whether a generator copies its training images: what lies nearest to what it draws."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from gencl.core.randomness import permutation
from gencl.core.transfer import exact
from gencl.metrics.figures import Figure
from gencl.metrics.metric import Metric, needs_extractor
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
        tasks = snapshot.group(task)
        sides = [_sides(snapshot, tasks, c) for c in dict.fromkeys(c for one in tasks for c in one.classes)]
        parts = [side for side in sides if side is not None]
        if not parts:
            return None
        return share_nearer(*(torch.cat(part) for part in zip(*parts, strict=True)))


def _sides(snapshot: Snapshot, tasks: Sequence[Task], label: int) -> tuple[Tensor, Tensor, Tensor] | None:
    """Features of the images of a class that these tasks generate, and of equally many that they learn from and that
    they hold out, each once; None where there are none of either."""
    tasks = [task for task in tasks if label in task.classes]
    generated, train, held_out = [], [], []
    for task, fresh in zip(tasks, snapshot.first_shown(tasks), strict=True):
        made, shown = snapshot.both_features(task)
        generated.append(made[snapshot.classes_of(task) == label])
        held_out.append(shown[(snapshot.held_out_part(task).labels == label) & fresh])
        if task.again not in [other.index for other in tasks]:  # else its images are there
            train.append(_learned(snapshot, task)[task.train.labels == label])
    made, learned, shown = (torch.cat(some) for some in (generated, train, held_out))
    n = min(len(learned), len(shown))
    if not n or not len(made):
        return None
    rows = [permutation(len(real), "memorisation", tasks[0].index, label)[:n] for real in (learned, shown)]
    return made, learned[rows[0].to(learned.device)], shown[rows[1].to(shown.device)]


def _learned(snapshot: Snapshot, task: Task) -> Tensor:
    """The features of a task's training images."""
    features = snapshot.real(("training images", task.index), task.train, keep=True).features
    assert features is not None
    return features
