"""Generate images of chosen classes and latents. Equal integers give equal images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gencl.core.threads import alone
from gencl.demo.sheet import Cell, Row, Sheet, drawn
from gencl.demo.subject import Model, Subject, named
from gencl.learners.capabilities import IMAGES
from gencl.learners.generative import GenerativeLearner
from gencl.metrics.snapshot import to_uint8
from gencl.uses.latent_space import ROWS, between

MOST = 64
"""Latents per class. All are always drawn and the first ones used, so more pictures leave the others unchanged."""
STEPS = 9
"""The number of pictures in an interpolation, both ends included."""


@dataclass(frozen=True)
class Choice:
    """The choices on which all pictures of a page depend.

    Args:
        seed: the seed of the latents.
        truncation: a factor on the latents; below 1, images resemble each other more.
        guidance: how strongly images follow their class; None leaves the generator's setting.
        task: use the learner after this task (1 for the first); None: the last.
    """

    seed: int = 0
    truncation: float = 1.0
    guidance: float | None = None
    task: int | None = None

    def generator(self, model: Model) -> GenerativeLearner | None:
        """Return the model's generator after the chosen task with the chosen guidance, None if it was not kept."""
        learner = model.having(IMAGES, self.task)
        if learner is not None and learner.generator.guidance is not None and self.guidance is not None:
            learner.generator.guidance = self.guidance
        return learner

    def latents(self, learner: GenerativeLearner, n: int, *purpose: object) -> Tensor:
        """Return ``n`` scaled latents (n, d). The purpose "samples" gives those of `gencl.Run.sample`."""
        return learner.latents(MOST, self.seed, *purpose)[:n] * self.truncation


@alone()
@torch.no_grad()
def samples(subject: Subject, choice: Choice, classes: Sequence[int], n: int) -> list[Sheet]:
    """Return ``n`` pictures per class, with the same latents for each class and method.

    A single model gives one sheet with one row per class. Several models give one sheet per class, with one row per
    method.
    """
    models, names = subject.having(IMAGES), subject.class_names
    n = max(1, min(n, MOST))
    cells = {model: {label: _of_class(model, choice, label, n, names[label]) for label in classes} for model in models}
    if len(models) == 1:
        rows = tuple(Row(names[label], row) for label, row in cells[models[0]].items())
        return [Sheet("", rows, _width(models))] if rows else []
    return [
        Sheet(names[label], tuple(Row(model.label, cells[model][label]) for model in models), _width(models))
        for label in classes
    ]


@alone()
@torch.no_grad()
def interpolation(subject: Subject, choice: Choice, first: int, last: int) -> list[Sheet]:
    """Return interpolations between two classes with equal latents, or between two latents if the classes are equal.

    There is one sheet per model, with one row per latent, as in `gencl.Run.interpolate`.
    """
    models = subject.having(IMAGES)
    return [Sheet(m.label, tuple(_between(subject, m, choice, first, last)), _width(models), False) for m in models]


def caption(subject: Subject, choice: Choice) -> str:
    """Return a caption with the chosen task and its classes."""
    task, tasks = choice.task or len(subject.tasks), subject.tasks
    classes = tasks[task - 1]
    return f"After task {task} of {len(tasks)} (class{'es' * (len(classes) > 1)} {named(subject, classes)})"


def _of_class(model: Model, choice: Choice, label: int, n: int, name: str) -> tuple[Cell, ...]:
    learner = choice.generator(model)
    if learner is None or label not in learner.classes:
        reason = f"{name}: {'not kept' if learner is None else 'not learned yet'}"
        return tuple(Cell(reason) for _ in range(n))
    latents = choice.latents(learner, n, "samples")
    images = to_uint8(learner.generate(torch.full((n,), label, device=latents.device), latents))
    beside = f", {model.label}" if model.label else ""
    return drawn(images, (f"{name}{beside}, latent {k + 1}" for k in range(n)))


def _between(subject: Subject, model: Model, choice: Choice, first: int, last: int) -> list[Row]:
    learner, names = choice.generator(model), subject.class_names
    ends = f"{names[first]} to {names[last]}"
    if learner is None or not {first, last} <= set(learner.classes):
        reason = f"{ends}: {'not kept' if learner is None else 'not learned yet'}"
        return [Row("", tuple(Cell(reason) for _ in range(STEPS)))]
    starts, others = choice.latents(learner, 2 * ROWS, "interpolation").chunk(2)
    of_first, of_last = (torch.full((ROWS,), label, device=starts.device) for label in (first, last))
    frames = between(learner, (of_first, starts), (of_last, others if first == last else starts), STEPS)
    words = [[f"{ends}, row {row + 1}, step {step + 1} of {STEPS}" for step in range(STEPS)] for row in range(ROWS)]
    return [Row("", drawn(images, texts)) for images, texts in zip(frames, words, strict=True)]


def _width(models: Sequence[Model]) -> int:
    return max(model.run.card.image_shape[2] for model in models)
