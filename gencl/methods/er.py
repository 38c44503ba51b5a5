"""Experience replay: a small memory of real images, for reference (Chaudhry et al., 2019)."""

from __future__ import annotations

from torch import Tensor

from gencl.methods.base import Context, Method
from gencl.methods.memory import Memory, MemorySettings
from gencl.methods.replay import ReplaySettings
from gencl.models.learner import Batch, Learner


class ER(Method):
    """Part of each batch is drawn from a memory of earlier tasks' images, equally many of each class (`Memory`).

    It **stores data**, which most other methods do without: it shows what a few stored images are worth. The whole
    solver is trained on the mixed batches, as in the paper: the old heads of a classifier too.
    """

    class Settings(ReplaySettings, MemorySettings):
        """The size of the memory, and how much is replayed."""


    moves_old = True
    grid = {"share": (0.25, 0.5, 0.75)}
    settings: Settings

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._memory = Memory(settings.memory)

    def extend_batch(self, ctx: Context, batch: Batch) -> Batch:
        replayed = self.settings.number(batch, ctx.random) if self._memory else 0
        return self.settings.mixed(batch, *self._memory.draw(replayed, ctx.random)) if replayed else batch

    def after_task(self, ctx: Context) -> None:
        self._memory.fill(ctx)

    def state_dict(self) -> dict[str, Tensor]:
        return self._memory.state_dict()

    def load_state_dict(self, state: dict[str, Tensor], learner: Learner) -> None:
        self._memory.load_state_dict(state)
