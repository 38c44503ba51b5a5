"""Frechet distance between generated and real images, by torch-fidelity's formula."""

from __future__ import annotations

from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_statistics_to_metric

from gencl.metrics.metric import Metric, needs_extractor
from gencl.metrics.snapshot import Snapshot
from gencl.metrics.statistics import Statistics
from gencl.metrics.transfer import Matrix, backward_transfer, final, just_learned
from gencl.scenarios.task import Task


def frechet_distance(a: Statistics, b: Statistics) -> float:
    """|mu_a - mu_b|^2 + tr(S_a + S_b - 2 (S_a S_b)^(1/2)); never below 0 (rounding)."""
    return max(0.0, float(fid_statistics_to_metric(a.gaussian(), b.gaussian(), verbose=False)[KEY_METRIC_FID]))


class FID(Metric):
    """A task's generated images against all its real held-out ones. Biased upwards by small n: compare at equal n
    only."""

    name = "fid"
    better = "lower"
    of_features = True

    applies = staticmethod(needs_extractor)

    def measure(self, snapshot: Snapshot, task: Task) -> float:
        return frechet_distance(snapshot.generated(task).statistics, snapshot.reference(task).statistics)

    def summary(self, matrix: Matrix) -> dict[str, float | None]:
        return {
            "fid": final(matrix),
            "fid_just_learned": just_learned(matrix),
            "fid_forgetting": backward_transfer(matrix),
        }

    def final_summary(self, snapshot: Snapshot, tasks: list[Task]) -> dict[str, float | None]:
        """``fid_first_half``: one distance over the pooled images of the first half of the tasks."""
        half = tasks[: len(tasks) // 2]
        if not half:
            return {}
        generated, real = (
            [reading(task).statistics for task in half] for reading in (snapshot.generated, snapshot.reference)
        )
        return {"fid_first_half": frechet_distance(_pooled(generated), _pooled(real))}


def _pooled(parts: list[Statistics]) -> Statistics:
    return sum(parts[1:], parts[0])
