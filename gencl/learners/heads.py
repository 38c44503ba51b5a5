"""How a classifier meets the tasks: a head a task, one for all tasks, or one over all classes."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from gencl.learners.scholar import ScholarSettings

IMPOSSIBLE = -1e9
"""The logit of a class that cannot be: finite, so that its entropy term is 0 and not NaN."""


HEADS = {
    "task": "a head a task, and the task is known (task-incremental)",
    "domain": "one head, whose units mean the first, second, ... class of every task (domain-incremental: the task is "
    "known only to methods that divide units or weights)",
    "class": "one head over all classes learned so far (class-incremental)",
}


class ClassifierSettings(ScholarSettings):
    """Settings of every classifier (``model.*``)."""

    heads: Literal["task", "domain", "class"] = Field(
        "task", description="a head a task (task known), one for all tasks, or one over all classes"
    )
