"""Hard attention to the task (Serra et al., ICML 2018)."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from gencl.core.part import Part
from gencl.core.prefixes import within
from gencl.learners.capabilities import UNITS
from gencl.learners.learner import Learner
from gencl.learners.networks.trunk import Gates
from gencl.methods.base import Context, StepContext, importance_random
from gencl.methods.freezing import Freezing
from gencl.methods.units import weights_between
from gencl.scenarios.batch import Batch

SHORTEST = 10
"""The smallest number of steps in a cycle of s."""
LARGEST = 6.0
"""The largest absolute value of an embedding (Serra et al. section 2.5)."""


class HAT(Freezing):
    """Besides its weights, a task learns which units it uses: a = sigmoid(s e), one embedding e per unit (eq. 1).

    In each epoch s rises from 1 / s_max to s_max (eq. 3), so that gates end up open or closed. The gradient of e is
    rescaled to compensate (eq. 4). New units cost sum a (1 - m) / sum (1 - m) (eq. 5), where m is 1 for units that
    earlier tasks use. Weights between units that earlier tasks use do not move (eq. 2).

    Deviations: a task's gates are rounded to 0 or 1 between steps, when the task is measured, and once it is learned
    (at s_max nearly all are 0 or 1 anyway). Eq. 2 then becomes a mask of weights, which stay the same bit for bit under
    any optimiser. Whole cycles of s fill a task's steps, so that training ends at s_max: one cycle per epoch, but of at
    least ten steps. e is trained by plain SGD with its own learning rate.

    A task that comes back uses the gates of its first visit. All shared parameters are frozen, since later tasks may
    use them. Only its own head moves.
    """

    class Settings(Part):
        """The cost of units, the steepness, and the learning rate of embeddings."""

        cost: float = Field(0.75, ge=0, description="weight c of the penalty on using new units")
        steepest: float = Field(400.0, ge=1, description="largest slope s_max of the gates' sigmoid")
        embedding_lr: float = Field(0.05, gt=0, description="learning rate of the task embeddings")

    needs = (UNITS,)
    grid = {"cost": (0.1, 0.75, 2.0), "embedding_lr": (0.05, 0.5)}
    settings: Settings

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._embeddings: list[Tensor] = []
        self._live: list[Tensor] = []
        self._gates = Gates(())
        self._used: list[Tensor] = []

    def before_task(self, ctx: Context) -> None:
        super().before_task(ctx)
        units = UNITS(ctx.learner)
        self._look_up(ctx.learner)
        if ctx.learner.returns(ctx.task.index):
            self._embeddings = []
            return self.freeze_shared(ctx.learner)
        self.freeze(weights_between(units.layers, units.parameters, [mask.bool() for mask in self._used]))
        random = importance_random(ctx, "embeddings")
        self._embeddings = [random.normal(layer.units).requires_grad_() for layer in units.hidden]
        self._begin(ctx.learner)

    def _begin(self, learner: Learner) -> None:
        """Let the task use the units whose embeddings open them, before its first step."""
        (self._gates.live_task,) = learner.groups_of([len(learner.tasks) - 1])
        self._round()

    def _look_up(self, learner: Learner) -> None:
        """Look up the gates, and which units earlier tasks use, float (units,) per layer."""
        units = UNITS(learner)
        self._gates, rows = units.gates, units.gates.rows()
        earlier = min(len(rows[0]), len(learner.groups_of(range(len(learner.tasks) - 1))))
        self._used = [
            row[:earlier].amax(0) if earlier else torch.zeros(layer.units, device=learner.position.device)
            for row, layer in zip(rows, units.hidden, strict=True)
        ]

    def _steepness(self, ctx: Context) -> float:
        """Return s at this step."""
        epochs = round(ctx.steps * ctx.train.batch_size / max(1, len(ctx.task.train)))
        cycles = max(1, min(epochs, ctx.steps // SHORTEST))
        place = min(1.0, ctx.step * cycles % ctx.steps / max(1, ctx.steps - cycles))
        s_max = self.settings.steepest
        return 1 / s_max + (s_max - 1 / s_max) * place

    def extend_batch(self, ctx: Context, batch: Batch) -> Batch:
        if not self._embeddings:
            return batch
        steepness = self._steepness(ctx)
        self._live = [torch.sigmoid(steepness * embedding) for embedding in self._embeddings]
        self._gates.live = self._live
        return batch

    def penalty(self, ctx: StepContext) -> Tensor | None:
        if not self._embeddings or not ctx.phase.moves_shared:
            return None
        spent = torch.stack(
            [(gate * (1 - used)).sum() for gate, used in zip(self._live, self._used, strict=True)]
        ).sum()
        room = torch.stack([(1 - used).sum() for used in self._used]).sum()
        return self.settings.cost * spent / room.clamp(min=1)

    def adjust_gradients(self, ctx: StepContext) -> None:
        super().adjust_gradients(ctx)
        ctx.processes.average([e.grad for e in self._embeddings if e.grad is not None])

    @torch.no_grad()
    def after_step(self, ctx: StepContext) -> None:
        super().after_step(ctx)
        steepness, s_max = self._steepness(ctx), self.settings.steepest
        for embedding in self._embeddings:
            if embedding.grad is None:
                continue
            inside = (steepness * embedding).clamp(-50, 50).cosh() + 1
            gradient = embedding.grad * (s_max / steepness) * inside / (embedding.cosh() + 1)
            embedding.sub_(self.settings.embedding_lr * gradient).clamp_(-LARGEST, LARGEST)
            embedding.grad = None
        if self._embeddings:
            self._round()

    def _round(self) -> None:
        """Round the present task's gates to open or closed, for use between steps and once it is learned."""
        self._gates.live = [(embedding.detach() > 0).float() for embedding in self._embeddings]

    def after_task(self, ctx: Context) -> None:
        if self._gates.live is not None:
            self._gates.store(self._gates.live_task, self._gates.live)
        self._gates.live, self._embeddings = None, []

    def capacity(self, learner: Learner) -> dict[str, float]:
        return UNITS(learner).taken()

    def state_dict(self) -> dict[str, Tensor]:
        return {**super().state_dict(), **{f"embedding.{i}": e.detach() for i, e in enumerate(self._embeddings)}}

    def load_state_dict(self, state: dict[str, Tensor], learner: Learner) -> None:
        super().load_state_dict(state, learner)
        embeddings = within("embedding", state)
        self._embeddings = [embeddings[str(number)].requires_grad_() for number in range(len(embeddings))]
        self._look_up(learner)
        if self._embeddings:
            self._begin(learner)
