"""Scholars (Shin et al., NeurIPS 2017): a classifier, and a generator that learns the same batches beside it."""

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
    """The generator of a classifier; ``generator`` is checked by the settings of the learner that it names."""

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
                raise ValueError(f"{name} is a classifier; name a generator, such as cgan")
            checked: Part = check(kind.Settings, block, f"the settings of {name}")
        except UsageError as error:
            raise ValueError(str(error)) from None
        return checked.model_dump(mode="json", by_alias=True)


def beside(generator: GenerativeLearner, tasks: Sequence[int], batch: int | None, lr: float) -> list[Phase]:
    """The generator's phases as steps of its classifier: ``batch`` rows of each batch, Adam at ``lr``, unprotected.

    A classifier's optimiser and batch rarely suit a GAN, whose step costs far more. What methods protect is the
    classifier: replay keeps the generator.
    """

    def few(phase: Phase) -> Phase:
        def draw(samples: Batch, random: RandomSource) -> Batch:
            return phase.draw(some_rows(samples, None if batch is None else batch // random.world), random)

        return replace(phase, draw=draw, moves_shared=False, adam_lr=lr, half_life=0.0)

    return [few(phase) for phase in generator.phases(tasks)]


def some_rows(batch: Batch, n: int | None) -> Batch:
    """n rows of the batch at equal distances, so that new and replayed samples (its last rows) keep their shares."""
    if n is None or n >= len(batch):
        return batch
    n = max(1, n)
    return batch.rows((2 * torch.arange(n, device=batch.classes.device) + 1) * len(batch) // (2 * n))
