"""A learner of another kind, as a plug-in: linear regression on vectors that a function draws. No images anywhere."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn
from torch.nn import Parameter

from gencl import Batch, Learner, Part, Phase, Recipe, Scenario, Split, Task
from gencl.core.randomness import RandomSource, seeded
from gencl.core.settings import DataSettings
from gencl.learners.learner import ScalarKind
from gencl.scenarios.source import Source

SIZE = 8


class Vectors(Source):
    """Standard normal vectors x (n, 8), and y = w x with a w of each task's own; drawn anew at every step."""

    def __init__(self, task: Task, batch_size: int, seed: int) -> None:
        self._index, self._n, self._seed = task.index, batch_size, seed
        self._w = RandomSource("weights", task.index).normal(SIZE)

    def batch(self, step: int, rank: int = 0, world: int = 1) -> Batch:
        n = self._n // world
        x = RandomSource(self._seed, "vectors", self._index, step, rank=rank, world=world).normal(n, SIZE)
        return Batch(x, torch.full((n,), self._index), (self._index,), extra={"y": x @ self._w})

    def fingerprint(self) -> str:
        return hashlib.sha256(repr(self._w.tolist()).encode()).hexdigest()


class VectorTasks(Recipe):
    """One w after another."""

    class Settings(Part):
        """How many."""

        name: Literal["vectors"] = "vectors"
        tasks: int = Field(3, ge=1, le=100, description="weight vectors that are learned one after another")

    settings: Settings

    def build(self, data: DataSettings, load: Callable[..., Any]) -> Scenario:
        none = Split(torch.zeros(0, 1, 1, 1, dtype=torch.uint8), torch.zeros(0, dtype=torch.long))
        numbers = range(self.settings.tasks)
        tasks = tuple(Task(k, f"w{k}", (k,), none, none, none, sourced=Vectors) for k in numbers)
        return Scenario("vectors", tasks, tuple(task.name for task in tasks), None)


class Regressor(Learner):
    """y = w x: the mean of a Gaussian of variance 1."""

    kind = "regress"
    scalar_kinds: ClassVar[frozenset[ScalarKind]] = frozenset({"likelihood", "sensitivity"})

    class Settings(Part):
        """None."""

        name: Literal["regressor"] = "regressor"

    def __init__(self, settings: Settings, image_shape: tuple[int, int, int], seed: int) -> None:
        super().__init__()
        with seeded(seed, "regressor"):
            self.linear = nn.Linear(SIZE, 1)

    def phases(self, tasks: Sequence[int]) -> list[Phase]:
        return [Phase("regression", list(self.parameters()), self._loss, moves_shared=True)]

    def _loss(self, batch: Batch, step: int, random: RandomSource) -> Tensor:
        return F.mse_loss(self.linear(batch.inputs).squeeze(1), batch.extra["y"])

    def networks(self) -> list[nn.Module]:
        return [self.linear]

    def shared(self) -> dict[str, Parameter]:
        return dict(self.named_parameters())

    def own(self, task: int) -> dict[str, Parameter]:
        return {}

    def probe(self, task: Task, n: int | None, random: RandomSource) -> Batch:
        return task.source(n or 100, 0).batch(0)

    def scalars(self, kind: ScalarKind, batch: Batch, random: RandomSource) -> Tensor:
        y = self.linear(batch.inputs).squeeze(1)
        return y.square() if kind == "sensitivity" else -(y - batch.extra["y"]).square() / 2


PLUGINS = {"scenarios": {"vectors": VectorTasks}, "learners": {"regressor": Regressor}}
