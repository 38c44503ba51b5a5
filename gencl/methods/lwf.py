"""Learning without forgetting (Li & Hoiem, ECCV 2016)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from gencl.core.part import Part
from gencl.core.prefixes import under, within
from gencl.learners.capabilities import CLASSIFIER, HEADS
from gencl.learners.classifier import Classifier
from gencl.learners.learner import Learner
from gencl.methods.base import Context, Method, StepContext
from gencl.methods.solver import frozen_copy
from gencl.scenarios.batch import Batch

_RECORDED = 2**25
"""The most logits that are recorded for a task."""
_CHUNK = 500
"""The number of images per pass when responses are recorded."""


def distillation(new: Tensor, old: Tensor, temperature: float) -> Tensor:
    """Return -sum softmax(old / T) log softmax(new / T), mean over the batch, summed over heads (Li & Hoiem eq. 2-3).

    Logits are (n, heads, classes).

    This is the cross-entropy form, which differs from the Kullback-Leibler divergence by a constant, the teacher's
    entropy. There is no factor T^2.
    """
    return -(F.softmax(old / temperature, 2) * F.log_softmax(new / temperature, 2)).sum((1, 2)).mean()


class LwF(Method):
    """loss += lambda * sum over old heads of the distillation loss, on the **current** task's images.

    The teacher is a copy of the learner from when the task began. If training sees all of the task's images, and there
    are not too many, the teacher's responses are recorded first, as in the paper's algorithm. With one head for all,
    the logits of old classes are distilled as one group. When a task comes back, its own head learns from its images
    and is not distilled. With one head over all classes, the old logits of the task's classes are distilled too.

    Methods that divide the network among tasks are refused: behind the new task's units, old heads give no old answers.
    """

    class Settings(Part):
        """The weight and the temperature of distillation."""

        lambda_: float = Field(
            1.0, alias="lambda", ge=0, le=1e12, description="weight of the distillation loss, per old task"
        )
        temperature: float = Field(2.0, gt=0, description="temperature T of the distillation loss")

    moves_old = True
    undivided = True  # old heads are distilled behind the features that the new task has
    copies = 1.0
    needs = (CLASSIFIER,)
    grid = {"lambda": (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)}
    settings: Settings

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._teacher: Classifier | None = None
        self._known = 0
        self._heads: list[int] = []
        """The groups of classes whose heads are distilled, among the first ``_known``."""
        self._recorded: list[Tensor] | None = None

    def before_task(self, ctx: Context) -> None:
        self._teach(ctx.learner, len(ctx.learner.groups_of(range(ctx.task.parts[0].index))))

    def _teach(self, learner: Learner, known: int) -> None:
        """Copy a learner that knew ``known`` groups of classes before the present task."""
        taught = set(learner.groups_of([len(learner.tasks) - 1])) if HEADS.of(learner) is not None else set()
        self._known, self._heads = known, [group for group in range(known) if group not in taught]
        self._teacher, self._recorded = frozen_copy(learner) if self._heads else None, None

    def penalty(self, ctx: StepContext) -> Tensor | None:
        if self._teacher is None or not ctx.phase.moves_shared:
            return None
        old = self._old(ctx, ctx.batch)
        new = CLASSIFIER(ctx.learner).responses(ctx.batch.inputs, self._heads)
        terms = [distillation(n, o, self.settings.temperature) for n, o in zip(new, old, strict=True)]
        return self.settings.lambda_ * torch.stack(terms).sum()

    @torch.no_grad()
    def _old(self, ctx: Context, batch: Batch) -> list[Tensor]:
        """Return the teacher's responses to the batch."""
        assert self._teacher is not None
        data = ctx.task.train
        columns = sum(len(ctx.learner.groups[group]) for group in self._heads)
        all_seen = ctx.steps * ctx.train.batch_size >= len(data)
        if batch.index is None or not all_seen or len(data) * columns > _RECORDED:
            return self._teacher.responses(batch.inputs, self._heads)
        if self._recorded is None:
            rows = torch.arange(len(data), device=batch.index.device).split(_CHUNK)
            parts = [self._teacher.responses(data.take(some).float() / 255, self._heads) for some in rows]
            self._recorded = [torch.cat(of_head) for of_head in zip(*parts, strict=True)]
        return [responses[batch.index] for responses in self._recorded]

    def state_dict(self) -> dict[str, Tensor]:
        if self._teacher is None:
            return {}
        return {"known": torch.tensor(self._known), **under("teacher", self._teacher.state_dict())}

    def load_state_dict(self, state: dict[str, Tensor], learner: Learner) -> None:
        if state:
            self._teach(learner, int(state["known"]))
            assert self._teacher is not None
            self._teacher.load_state_dict(within("teacher", state))
