"""Whether the learner is told where a task ends: part of ``train.*``."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from gencl.core.part import Part


class BoundarySettings(Part):
    """``train.boundaries`` and what goes with it."""

    boundaries: Literal["given", "inferred"] = Field(
        "given",
        description="whether tasks are as the scenario gives them, or inferred batch by batch from the inputs alone",
    )
    hazard: float = Field(
        0.01,
        gt=0,
        lt=1,
        description="of inferred boundaries: how probable it is, before a batch is seen, that the task changes",
    )
    later: ClassVar[tuple[str, ...]] = ("boundaries", "hazard")
