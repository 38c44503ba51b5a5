"""Classifiers: a shared trunk and a head a task (task known) or a single one (class-incremental)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn
from torch.nn import Parameter

from gencl.models.learner import Batch, Learner, Phase, ScalarKind
from gencl.randomness import RandomSource, seeded
from gencl.scenarios.task import Task
from gencl.settings import Part

_IMPOSSIBLE = -1e9
"""The logit of a class that cannot be: finite, so that its entropy term is 0 and not NaN."""


class MLPSettings(Part):
    """Settings of the multi-layer perceptron (``model.*``)."""

    name: Literal["mlp"] = "mlp"
    hidden: list[Annotated[int, Field(ge=1, le=65_536)]] = Field(
        [512, 256], min_length=1, description="units of the hidden layers"
    )
    heads: Literal["task", "single"] = Field("task", description="a head a task (task known), or one for all classes")


class Classifier(Learner):
    """Cross-entropy over a trunk's features, with the rows of the head added task by task.

    With ``heads="task"`` a sample competes only among the classes of its own task, which its label gives; with
    ``"single"`` among all classes learned so far. The head is never shared: its rows are their task's own.
    """

    kind = "classify"

    def __init__(self, trunk: nn.Module, features: int, heads: str) -> None:
        super().__init__()
        self.trunk, self.features, self.heads = trunk, features, heads
        self.head = nn.ModuleList()
        self.register_buffer("rivals", torch.zeros(0, 0, dtype=torch.bool))
        self.rivals: Tensor

    def grow(self, classes: Sequence[int], seed: int) -> None:
        super().grow(classes, seed)
        with seeded(seed, "head", len(self.head)):
            self.head.append(nn.Linear(self.features, len(classes)))
        task_of_class = torch.tensor([index for index, task in enumerate(self.tasks) for _ in task])
        same = task_of_class[:, None] == task_of_class[None, :]
        self.rivals = same if self.heads == "task" else torch.ones_like(same)
        self.to(self.position.device)

    def logits(self, images: Tensor, positions: Tensor) -> Tensor:
        """Scores of all classes learned, (n, classes); those a sample cannot be are hugely negative."""
        features = self.trunk(images)
        scores = torch.cat([head(features) for head in self.head], dim=1)
        return scores.masked_fill(~self.rivals[positions], _IMPOSSIBLE)

    def predict(self, images: Tensor, classes: Tensor) -> Tensor:
        """The predicted class of each image, (n,). ``classes`` gives the task, not the answer, where heads are per
        task."""
        found = self.logits(images, self.position[classes]).argmax(1)
        return torch.tensor(self.classes, device=found.device)[found]

    def shared(self) -> dict[str, Parameter]:
        return {f"trunk.{name}": parameter for name, parameter in self.trunk.named_parameters()}

    def own(self, task: int) -> dict[str, Parameter]:
        return {f"head.{task}.{name}": parameter for name, parameter in self.head[task].named_parameters()}

    def phases(self, tasks: Sequence[int]) -> list[Phase]:
        own = [parameter for task in tasks for parameter in self.own(task).values()]
        return [Phase("classifier", [*self.shared().values(), *own], self.loss, moves_shared=True)]

    def loss(self, batch: Batch, step: int, random: RandomSource) -> Tensor:
        """Cross-entropy."""
        positions = self.position[batch.classes]
        return F.cross_entropy(self.logits(batch.images, positions), positions)

    def probe(self, task: Task, n: int | None, random: RandomSource) -> Batch:
        every = torch.arange(len(task.train), device=random.device)
        rows = every if n is None or n >= len(every) else random.choice(every, n)
        return Batch(task.train.take(rows).float() / 255, task.train.labels[rows])

    def scalars(self, kind: ScalarKind, batch: Batch) -> Tensor:
        positions = self.position[batch.classes]
        logits = self.logits(batch.images, positions)
        if kind == "sensitivity":
            return logits.masked_fill(~self.rivals[positions], 0).square().sum(1)
        log_q = F.log_softmax(logits, dim=1)
        if kind == "entropy":
            return -(log_q.exp() * log_q).sum(1)
        return log_q.gather(1, positions[:, None]).squeeze(1)

    def sampled_targets(self, batch: Batch, random: RandomSource) -> Batch:
        with torch.no_grad():
            cumulated = self.logits(batch.images, self.position[batch.classes]).softmax(1).cumsum(1)
        drawn = (cumulated < random.uniform(len(batch), 1)).sum(1).clamp(max=len(self.classes) - 1)
        classes = torch.tensor(self.classes, device=drawn.device)[drawn]
        return Batch(batch.images, classes)


class MLPClassifier(Classifier):
    """Fully connected layers with ReLU on the flattened image."""

    Settings = MLPSettings

    def __init__(self, settings: MLPSettings, image_shape: tuple[int, int, int], seed: int) -> None:
        channels, height, width = image_shape
        widths = [channels * height * width, *settings.hidden]
        layers: list[nn.Module] = [nn.Flatten()]
        with seeded(seed, "mlp"):
            for inner, outer in pairwise(widths):
                layers += [nn.Linear(inner, outer), nn.ReLU()]
        super().__init__(nn.Sequential(*layers), widths[-1], settings.heads)
        self.settings = settings
