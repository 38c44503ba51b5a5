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
"""Recorded responses, numbers in all, at most."""
_CHUNK = 500
"""Images whose responses are recorded at a time."""


def distillation(new: Tensor, old: Tensor, temperature: float) -> Tensor:
    """-sum softmax(old / T) log softmax(new / T), mean over the batch, summed over heads (Li & Hoiem eq. 2-3).

    Logits are (n, heads, classes).

    The cross-entropy form: it differs from the Kullback-Leibler divergence by the teacher's entropy, a constant. There
    is no factor T^2.
    """
    return -(F.softmax(old / temperature, 2) * F.log_softmax(new / temperature, 2)).sum((1, 2)).mean()


class LwF(Method):
    """loss += lambda * sum over old heads of the distillation loss, on the **current** task's images.

    The teacher is a copy of the learner as it was when the task began; where all of a task's images are seen, its
    responses to them are recorded first, as in the paper's algorithm. With one head for all, old classes' logits
    are distilled as one group. When a task comes back, its own head learns from its images and is not distilled; over
    one head for all classes the old logits of the task's classes are distilled, too.
    """

    class Settings(Part):
        """Strength and temperature."""

        lambda_: float = Field(
            1.0, alias="lambda", ge=0, le=1e12, description="weight of the distillation loss, per old task"
        )
        temperature: float = Field(2.0, gt=0, description="temperature T of the distillation loss")

    moves_old = True
    copies = 1.0
    needs = (CLASSIFIER,)
    grid = {"lambda": (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)}
    settings: Settings

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._teacher: Classifier | None = None
        self._known = 0
        self._heads: list[int] = []
        """The groups of classes whose heads are distilled, of the first ``_known`` ones."""
        self._recorded: list[Tensor] | None = None

    def before_task(self, ctx: Context) -> None:
        self._teach(ctx.learner, len(ctx.learner.groups_of(range(ctx.task.parts[0].index))))

    def _teach(self, learner: Learner, known: int) -> None:
        """Copies a learner that knew so many groups of classes before the present task."""
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
        """The teacher's responses to the batch."""
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
