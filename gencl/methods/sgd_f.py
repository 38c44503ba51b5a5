"""SGD with the trunk frozen after the first task."""

from __future__ import annotations

from gencl.learners.capabilities import OWN
from gencl.methods.base import Context
from gencl.methods.freezing import Freezing


class FrozenSGD(Freezing):
    """All shared parameters are frozen after the first task; later tasks train only their own (heads, class layers).

    With one head per task, nothing that earlier tasks use moves: BWT is 0 by construction. The parameters of a class
    move again in each task that brings the class back.
    """

    needs = (OWN,)
    entrywise = True

    def before_task(self, ctx: Context) -> None:
        super().before_task(ctx)
        if ctx.task.index > 0:
            self.freeze_shared(ctx.learner)
