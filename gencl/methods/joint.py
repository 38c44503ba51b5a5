"""Joint training: all tasks at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from gencl.core.errors import UsageError
from gencl.core.part import Part
from gencl.learners.learner import Learner
from gencl.methods.base import Method
from gencl.scenarios.task import Task

PositiveShare = Annotated[float, Field(gt=0, le=1000)]


class Joint(Method):
    """All tasks merged into one and trained for the steps of all: the upper bound, which needs all data at once.

    By default batches are drawn uniformly from all images. A task with ten times as many images then has ten times as
    many per batch. With ``shares``, each batch has a fixed number of each task's images, as in CLNP's appendix A.
    """

    class Settings(Part):
        """The proportion of each task's images in a batch."""

        shares: list[PositiveShare] = Field(
            [],
            description="proportion of each task in a batch, such as [5, 1]; the last number holds for all further "
            "tasks; empty: batches are drawn from all images alike",
        )
        later: ClassVar[tuple[str, ...]] = ("shares",)

    entrywise = True
    reference = True
    needs_images = True
    settings: Settings

    def check(self, learner: Learner, tasks: Sequence[Task] = ()) -> None:
        super().check(learner, tasks)
        if len(self.settings.shares) > len(tasks) > 0:
            raise UsageError(f"method.shares: {self.settings.shares} are more numbers than the {len(tasks)} tasks")

    def episodes(self, tasks: Sequence[Task]) -> list[Task]:
        shares = self.settings.shares
        return [Task.merge(tuple(tasks), (*shares, *shares[-1:] * (len(tasks) - len(shares))))]
