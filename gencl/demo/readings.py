"""Reconstruct and classify a picture that was uploaded or held out."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from gencl.core.errors import GenclError
from gencl.core.threads import alone
from gencl.datasets.dataset import Split
from gencl.datasets.decode import Unusable, decode, strict
from gencl.datasets.resize import fit
from gencl.demo.sheet import Answers, Row, Sheet, drawn
from gencl.demo.subject import Subject, named
from gencl.learners.capabilities import CLASSIFIER, ENCODER
from gencl.learners.learner import Learner
from gencl.metrics.snapshot import to_uint8
from gencl.uses.latent_space import best_classes, held_out

SHOWN = 10
"""The number of most probable classes that are shown."""


def uploaded(subject: Subject, file: str | Path) -> Tensor:
    """Return a picture file in the models' input shape, uint8 (1, c, h, w): its central square, resized.

    A picture for models of other than square pictures must have their size. Raises GenclError if it has not, and if the
    file is no picture, is damaged, or has too many pixels to be decoded safely.
    """
    channels, height, width = subject.models[0].run.card.image_shape
    try:
        with strict():
            pixels = decode(Path(file), None)
    except Unusable as reason:
        raise GenclError(f"This file cannot be read as a picture: {reason}.") from None
    picture = torch.from_numpy(pixels.reshape(*pixels.shape[:2], -1)).permute(2, 0, 1)[None]
    if height != width and picture.shape[2:] != (height, width):
        given = f"{picture.shape[3]}x{picture.shape[2]}"
        raise GenclError(f"The models take pictures of {width}x{height} pixels, and this one has {given}.")
    return fit(picture, height if height == width else None, channels)


def held_out_picture(subject: Subject, number: int, task: int | None = None) -> Tensor:
    """Return a held-out picture of a task (1 for the first), uint8 (1, c, h, w), as the task presents it.

    Without a task, successive numbers cycle through the tasks. Raises GenclError if the data are absent or changed.
    """
    parts = _held_out(subject)
    if task is None:
        number, task = number // len(parts), number % len(parts) + 1
    part = parts[task - 1]
    row = torch.randperm(len(part), generator=torch.Generator().manual_seed(0))[number % len(part)]
    return part.take(row[None])


@lru_cache(maxsize=1)
def _held_out(subject: Subject) -> list[Split]:
    learner = subject.models[0].learner()
    assert learner is not None
    return held_out(subject.models[0].run, learner, subject.data_root)


def as_seen(picture: Tensor) -> Sheet:
    """Return a sheet with the picture (1, c, h, w), as the models see it."""
    return Sheet("", (Row("", drawn(picture, ["the picture"])),), picture.shape[3])


@alone()
@torch.no_grad()
def reconstruction(subject: Subject, picture: Tensor, task: int | None = None) -> list[Sheet]:
    """Return a picture (1, c, h, w) and its reconstruction by each model after a task (default: the last).

    Each model uses the latent layers that reconstruct the picture best.
    """
    rows = [Row("picture", drawn(picture, ["the picture"]))]
    for model in subject.having(ENCODER):
        learner = model.having(ENCODER, task)
        if learner is None:
            continue
        given = picture.to(learner.position.device)
        best = best_classes(learner, given, range(len(learner.tasks)))
        back = learner.reconstruct(given.float() / 255, best)
        together = next(group for group in learner.groups if int(best) in group)
        name = f"{model.label or 'decoded'} as {named(subject, together)}"
        rows.append(Row(name, drawn(to_uint8(back), [f"its reconstruction, {name}"])))
    return [Sheet("", tuple(rows), picture.shape[3])]


def told_task(subject: Subject) -> bool:
    """Return whether a classifier needs to know the task of a picture."""
    known = [CLASSIFIER(learner) for model in subject.having(CLASSIFIER) if (learner := model.learner())]
    return any(classifier.heads != "class" and len(classifier.tasks) > 1 for classifier in known)


@alone()
@torch.no_grad()
def answers(subject: Subject, picture: Tensor, of_task: int, task: int | None = None) -> list[Answers]:
    """Return each classifier's probabilities for a picture (1, c, h, w) after a task (default: the last).

    ``of_task`` is the task of the picture (1 for the first), which a head over all classes does not need. Models that
    have not learned it are left out.
    """
    shown = []
    for model in subject.having(CLASSIFIER):
        learner = model.learner(task)
        if learner is None or of_task > len(learner.tasks):
            continue
        shown.append(Answers(model.label, tuple(_shares(subject, learner, picture, of_task - 1))))
    return shown


def _shares(subject: Subject, learner: Learner, picture: Tensor, index: int) -> list[tuple[str, float]]:
    """Return the names and probabilities of the most probable classes, highest first."""
    classifier, device = CLASSIFIER(learner), learner.position.device
    among = learner.groups[learner.groups_of([index])[0]]
    images = picture.to(device).float() / 255
    scores, _ = classifier.logits(images, learner.position[torch.tensor(among[:1], device=device)], (index,))
    classes = list(among) if scores.shape[1] == len(among) else learner.classes
    pairs = sorted(zip(scores[0].softmax(0).tolist(), classes, strict=True), reverse=True)
    return [(subject.class_names[label], share) for share, label in pairs[:SHOWN]]
