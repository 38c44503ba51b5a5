"""Deep generative replay (Shin et al., NeurIPS 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field
from torch import Tensor

from gencl.core.errors import UsageError
from gencl.learners.capabilities import IMAGES
from gencl.learners.learner import Learner
from gencl.methods.base import Context
from gencl.methods.replay import ReplaySettings
from gencl.methods.solver import Solver
from gencl.methods.teacher import Taught
from gencl.scenarios.batch import Batch
from gencl.scenarios.task import Task


class DGR(Taught):
    """Part of each batch is drawn from a frozen copy of the generator, made when the task began.

    Classes are drawn uniformly over all past ones. By default half of the batch is replayed, since the paper's share
    t / (t + 1) starves the new class at small batches. ``extra`` adds to the batch instead. It stores no
    training images, but training needs one more generator.

    A classifier needs a generator beside it (``model.generator``). Both learn from the mixed batches, which makes them
    a scholar (section 3). The whole solver is trained, including old heads. A generator's own parameters of old classes
    stay fixed, which worked better.

    In the paper the previous solver labels the replayed images (``labels: solver``; with ``soft``, its probabilities
    are the targets). By default the label is the class that the generator was asked for. This label also gives the task
    where heads are per task, and it keeps classes balanced. A convolutional generator fits permuted pixels poorly, so
    replay is weaker there.
    """

    class Settings(ReplaySettings):
        """The amount of replay, and the labels of replayed images."""

        labels: Literal["asked", "solver", "soft"] = Field(
            "asked",
            description="label of a replayed image. asked: the class it was generated for; solver: the previous "
            "classifier's answer; soft: that classifier's probabilities",
        )
        later = (*ReplaySettings.later, "labels")

    moves_old = True
    needs = (IMAGES,)
    grid = {"share": (0.25, 0.5, 0.75)}
    settings: Settings

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.smallest_batch = settings.smallest_batch
        self._solver = Solver()

    def check(self, learner: Learner, tasks: Sequence[Task] = ()) -> None:
        super().check(learner, tasks)
        if self.settings.labels != "asked" and learner.classifier() is None:
            raise UsageError(
                f"method.labels: {self.settings.labels} needs a classifier, and this learner only draws: use asked"
            )

    def before_task(self, ctx: Context) -> None:
        super().before_task(ctx)
        if self.settings.labels != "asked":
            self._solver.begin(ctx.learner, len(ctx.learner.tasks) - len(ctx.task.parts))

    def extend_batch(self, ctx: Context, batch: Batch) -> Batch:
        if not self._teacher:
            return batch
        images, classes = self._teacher.images(self.settings.number(batch, ctx.random), ctx.learner, ctx.random)
        if self.settings.labels == "solver":
            classes = self._solver.labels(images, classes)
        soft = self._solver.beliefs(images, classes) if self.settings.labels == "soft" else None
        return self.settings.mixed(batch, images, classes, soft)

    def state_dict(self) -> dict[str, Tensor]:
        return {**super().state_dict(), **self._solver.state_dict()}

    def load_state_dict(self, state: dict[str, Tensor], learner: Learner) -> None:
        super().load_state_dict(state, learner)
        self._solver.load_state_dict(state, learner)
