"""Scholars (Shin et al., NeurIPS 2017): a classifier, and a generator trained beside it on the same batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from pydantic import Field, field_validator

from gencl.core.errors import UsageError
from gencl.core.part import Part, check
from gencl.core.randomness import RandomSource
from gencl.learners.generative import GenerativeLearner
from gencl.learners.learner import Phase
from gencl.scenarios.batch import Batch


class ScholarSettings(Part):
    """Settings of a classifier's generator. The learner that ``generator`` names checks them."""

    generator: dict[str, Any] | None = Field(
        None, description="generator that learns beside the classifier, for replay, such as {name: cgan}"
    )
    generator_batch: int | None = Field(
        32, ge=2, description="samples of each batch that the generator learns from; null: the whole batch"
    )
    generator_lr: float = Field(0.002, gt=0, description="the generator's learning rate at the start of a task (Adam)")

    @field_validator("generator")
    @classmethod
    def _as_the_learner_says(cls, block: dict[str, Any] | None) -> dict[str, Any] | None:
        from gencl.learners import LEARNERS

        if block is None:
            return None
        block = {"name": "cgan", **block}
        name = str(block["name"])
        try:
            kind = LEARNERS.get(name)
            if not issubclass(kind, GenerativeLearner):
                raise ValueError(f"{name} generates no images; name a generator, such as cgan")
            checked: Part = check(kind.Settings, block, f"the settings of {name}")
        except UsageError as error:
            raise ValueError(str(error)) from None
        return checked.model_dump(mode="json", by_alias=True)


def beside(generator: GenerativeLearner, tasks: Sequence[int], batch: int | None, lr: float) -> list[Phase]:
    """Return the generator's phases as steps of its classifier: on ``batch`` rows per batch, with Adam at ``lr``.

    A classifier's optimiser and batch size rarely suit a GAN, whose steps cost far more. Methods protect only the
    classifier; replay keeps the generator from forgetting.
    """

    def few(phase: Phase) -> Phase:
        def draw(samples: Batch, random: RandomSource) -> Batch:
            return phase.draw(some_rows(samples, None if batch is None else batch // random.world), random)

        return replace(phase, draw=draw, moves_shared=False, adam_lr=lr, half_life=0.0)

    return [few(phase) for phase in generator.phases(tasks)]


def some_rows(batch: Batch, n: int | None) -> Batch:
    """Return n evenly spaced rows of the batch, so that new and replayed samples (the last rows) keep their shares."""
    if n is None or n >= len(batch):
        return batch
    n = max(1, n)
    return batch.rows((2 * torch.arange(n, device=batch.classes.device) + 1) * len(batch) // (2 * n))
