"""A classifier's kinds of heads and their settings: one per task, one for all tasks, or one over all classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from gencl.core.errors import UsageError
from gencl.learners.networks.head import OwnLayer
from gencl.learners.scholar import ScholarSettings
from gencl.scenarios.task import Task

IMPOSSIBLE = -1e9
"""The logit of an impossible class. It is finite so that its entropy term is 0 and not NaN."""


HEADS = {
    "task": "a head per task, and the task is known (task-incremental)",
    "domain": "one head, whose units mean the first, second, ... class of every task (domain-incremental: the task is "
    "known only to batch normalisation, and to methods that divide units or weights)",
    "class": "one head over all classes learned so far (class-incremental)",
}


class ClassifierSettings(ScholarSettings):
    """Settings of every classifier (``model.*``)."""

    heads: Literal["task", "domain", "class"] = Field(
        "task",
        description="task: one head per task (the task is known); domain: one head for all tasks; class: one head "
        "over all classes",
    )
    head_units: int = Field(
        0, ge=0, le=65_536, description="units of an extra fully connected layer in each task's head; 0: none"
    )
    head_dropout: float = Field(0.0, ge=0, lt=1, description="dropout probability of those units")
    later: ClassVar[tuple[str, ...]] = ("head_units", "head_dropout")

    @field_validator("head_units")
    @classmethod
    def _of_one_task(cls, units: int, info: ValidationInfo) -> int:
        if units and info.data.get("heads") == "domain":
            raise ValueError("one head for all tasks has no layer of a task's own; train with model.heads=task")
        return units

    @field_validator("head_dropout")
    @classmethod
    def _behind_a_layer(cls, share: float, info: ValidationInfo) -> float:
        if share and not info.data.get("head_units"):
            raise ValueError("it needs model.head_units, the layer whose units are left out")
        return share

    @property
    def own_layer(self) -> OwnLayer:
        """The extra layer of each head."""
        return OwnLayer(self.head_units, self.head_dropout)


def check_heads(heads: str, tasks: Sequence[Task]) -> None:
    """Raise UsageError if such heads cannot serve these tasks: the class of a sample must determine its head."""
    first: dict[int, int] = {}
    for task in tasks if heads != "class" else ():
        of = {first.setdefault(label, task.index) for label in task.classes}
        if len(of) > 1 or (task.mixture and task.index not in of):
            raise UsageError(
                f"model.heads: {heads} needs each class in one task, so that it tells the task of a sample, but task "
                f"{task.index + 1} has classes of task {min(of) + 1}; train with model.heads=class"
            )
    numbers = sorted({len(task.classes) for task in tasks})
    if heads == "domain" and len(numbers) > 1:
        raise UsageError(
            f"model.heads: domain needs as many classes in every task, and they have "
            f"{' or '.join(map(str, numbers))}; train with model.heads=task or class"
        )
