"""Random binary patterns to memorise (Kirkpatrick et al. 2017, "Overcoming catastrophic forgetting", supplement: random
patterns)."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field

from gencl.core.errors import UsageError
from gencl.core.randomness import generator
from gencl.core.settings import DataSettings
from gencl.datasets.dataset import Split
from gencl.scenarios.recipe import Load, Ordered, Recipe
from gencl.scenarios.task import Scenario, Task


class PatternsSettings(Ordered):
    """``scenario.*`` of random patterns."""

    name: Literal["patterns"] = "patterns"
    tasks: int = Field(20, ge=1, le=10_000, description="number of tasks")
    patterns: int = Field(10, ge=2, le=10**6, description="patterns per task")
    units: int = Field(500, ge=1, le=10**6, description="binary inputs per pattern")


class Patterns(Recipe):
    """Task t has ``patterns`` images (1, 1, units) of independent fair bits, black or white, each with a fair random
    label; both labels occur. Classes of task t are 2t (label 0) and 2t + 1 (label 1).

    The scenario measures memory, so the validation and test images are the training patterns themselves. The patterns
    depend on the task number alone and are the same in all runs; with ``order: seed``, the run's seed draws them. Of
    ``data.*``, only ``limit`` is read. Raises UsageError if images are to be mirrored.
    """

    Settings = PatternsSettings
    unread = ("name", "validation")
    settings: PatternsSettings

    def build(self, data: DataSettings, load: Load) -> Scenario:
        settings = self.settings
        if data.flip == "yes":
            raise UsageError("data.flip: random patterns have no left and right to be mirrored; use data.flip=no")
        tasks = []
        for t in range(settings.tasks):
            random = generator("patterns", t, *self.drawn)
            bits = torch.randint(2, (settings.patterns, 1, 1, settings.units), generator=random)
            labels = torch.randint(2, (settings.patterns,), generator=random)
            labels[0] = 1 - labels[1]  # both labels occur; any pair would do, since the patterns are random
            every = Split((255 * bits).to(torch.uint8), 2 * t + labels)
            every = every.select(torch.arange(min(settings.patterns, data.limit or settings.patterns)))
            tasks.append(Task(t, f"patterns {t + 1}", (2 * t, 2 * t + 1), every, every, every))
        return Scenario("patterns", tuple(tasks), ("0", "1") * settings.tasks, reader=None)
