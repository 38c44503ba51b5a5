"""Experience replay: a small memory of real images, for reference (Chaudhry et al., 2019)."""

from __future__ import annotations

from gencl.methods.base import Context
from gencl.methods.memory import MemorySettings, Remembering
from gencl.methods.replay import ReplaySettings
from gencl.scenarios.batch import Batch


class ER(Remembering):
    """Part of each batch is drawn from a memory of earlier tasks' images, equally many of each class (`Memory`).

    It **stores data**, unlike most other methods, and shows what a few stored images are worth. The whole network is
    trained on the mixed batches, as in the paper, including the old heads of a classifier.
    """

    class Settings(ReplaySettings, MemorySettings):
        """The size of the memory, and the amount of replay."""

    grid = {"share": (0.25, 0.5, 0.75)}
    needs_images = True
    settings: Settings

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.smallest_batch = settings.smallest_batch

    def extend_batch(self, ctx: Context, batch: Batch) -> Batch:
        replayed = self.settings.number(batch, ctx.random) if self._memory else 0
        return self.settings.mixed(batch, *self._memory.draw(replayed, ctx.task, ctx.random)) if replayed else batch
