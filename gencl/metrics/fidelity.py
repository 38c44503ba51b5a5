"""Fréchet distance between generated and real images, by torch-fidelity's formula."""

from __future__ import annotations

from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_statistics_to_metric

from gencl.metrics.figures import Figure
from gencl.metrics.metric import Metric, needs_extractor
from gencl.metrics.snapshot import Snapshot
from gencl.metrics.statistics import Statistics
from gencl.metrics.transfer import Matrix, backward_transfer, just_learned
from gencl.scenarios.task import Task


def frechet_distance(a: Statistics, b: Statistics) -> float:
    """Return |mu_a - mu_b|^2 + tr(S_a + S_b - 2 (S_a S_b)^(1/2)), or 0 where rounding makes it negative.

    Raises ValueError if either side has fewer than two images.
    """
    return max(0.0, float(fid_statistics_to_metric(a.gaussian(), b.gaussian(), verbose=False)[KEY_METRIC_FID]))


class FID(Metric):
    """Fréchet distance between a task's generated images and all its held-out ones (Heusel et al., NeurIPS 2017).

    `gencl.metrics.figures` labels it FID in Inception's features, and FD with the extractor's name in others.

    Few images bias it upwards: compare at equal n only. If some task has fewer than 100 held-out images, R[i][j] is the
    distance for tasks 0 to j together. Each class then has the same weight, or each task if tasks have a class mixture.
    """

    name = "fid"
    figures = {
        "fid": Figure(
            "FD",
            "distance",
            "lower",
            "distance of generated from real images, mean over the tasks; lower is better",
            main=True,
            weight=9,
        ),
        "fid_just_learned": Figure(
            "FD just learned", "distance", "lower", "the same distance when each task had just been learned"
        ),
        "fid_forgetting": Figure(
            "FD forgetting",
            "distance",
            "lower",
            "how much the distance grew since each task was learned; lower is better",
            weight=6,
        ),
        "fid_first_half": Figure(
            "FD of the first half",
            "distance",
            "lower",
            "one distance over the images of the earlier half of the tasks; lower is better",
        ),
        "fid_all": Figure(
            "FD of all together",
            "distance",
            "lower",
            "one distance over the images of all tasks; lower is better",
            main=True,
            weight=3,
        ),
    }
    of_features = True
    pools = True
    of_images = True

    applies = staticmethod(needs_extractor)

    def measure(self, snapshot: Snapshot, task: Task) -> float | None:
        """Return the distance, or None if a side has fewer than two images."""
        return _distance(snapshot, snapshot.group(task))

    def summary(self, matrix: Matrix) -> dict[str, float | None]:
        return {
            "fid": self.at_end(matrix),
            "fid_just_learned": just_learned(matrix),
            "fid_forgetting": backward_transfer(matrix),
        }

    def final_summary(self, snapshot: Snapshot, tasks: list[Task]) -> dict[str, float | None]:
        """Return one distance over all images of the first half of the tasks, ``fid_first_half``, and one of all tasks.

        The latter is ``fid_all``. With a single task there is no first half.
        """
        half = tasks[: len(tasks) // 2]
        first_half = {"fid_first_half": _distance(snapshot, half)} if half else {}
        return {**first_half, "fid_all": _distance(snapshot, tasks)}


def _distance(snapshot: Snapshot, tasks: list[Task]) -> float | None:
    def measure() -> float | None:
        generated, real = snapshot.sides(tasks)
        return frechet_distance(generated, real) if min(generated.n, real.n) > 1 else None

    return snapshot.once(("distance", *(task.index for task in tasks)), measure)
