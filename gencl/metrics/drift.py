"""Drift, a measure of forgetting for generators: how images of the same latents changed since learning."""

from __future__ import annotations

from torch import Tensor, nn

from gencl.core.transfer import exact
from gencl.learners.learner import Learner
from gencl.metrics.figures import Figure
from gencl.metrics.metric import Metric, needs_generator
from gencl.metrics.snapshot import Snapshot
from gencl.scenarios.task import Task


def before_and_now(snapshot: Snapshot, task: Task) -> tuple[Tensor, Tensor] | None:
    """Return the images of the same latents right after the task was learned and now, both uint8.

    None if the earlier images are unknown (joint training never has them), and for the task learned last.
    """
    if task.index == snapshot.tasks[-1].index:
        return None
    before = snapshot.conditions.learned(task)
    return None if before is None else (before.to(snapshot.device), snapshot.sampled(task))


class Drift(Metric):
    """Mean squared change per pixel since the task was learned, images in [0, 1]. Zero: no bit has changed."""

    name = "drift"
    figures = {
        "drift": Figure(
            "drift",
            "error",
            "lower",
            "how much the same latents' images changed since their task was learned; 0 is not at all",
        )
    }
    when = "at the end"

    @staticmethod
    def applies(learner: Learner, extractor: nn.Module | None) -> str:
        return needs_generator(learner)

    def measure(self, snapshot: Snapshot, task: Task) -> float | None:
        pair = before_and_now(snapshot, task)
        if pair is None:
            return None
        before, now = (exact(images) / 255 for images in pair)
        return float((before - now).square().mean())
