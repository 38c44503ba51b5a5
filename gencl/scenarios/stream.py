"""A scenario's tasks as one stream of batches without marks, cut where a process infers that the task changes
(``train.boundaries: inferred``)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from torch import Tensor

from gencl.core.cache import remembered
from gencl.core.errors import UsageError
from gencl.core.train_settings import TrainSettings
from gencl.core.waiting import waited
from gencl.scenarios.attribution import agreement, told
from gencl.scenarios.forget_me_not import ForgetMeNot, looked_at
from gencl.scenarios.pieces import Pieces
from gencl.scenarios.task import Scenario, Task

VERSION = 2
"""Of the process: one that decides otherwise must not take decisions from the cache."""


def inferred(scenario: Scenario, train: TrainSettings, seed: int) -> Scenario:
    """The scenario with the tasks that a forget-me-not process finds in its stream, in place of its own.

    The stream has the batches of all tasks one after another, and the process sees their images alone. It looks at
    each batch once, in order, and decides on it before it sees the next; it does not depend on what a learner makes of
    them. So all decisions are made here, before training: the learner trains each batch with the same task as if they
    were made step by step. What only hindsight can know is how many steps a visit will have.

    Successive batches of one inferred task are a task of the new scenario, also where they are few or wrongly
    attributed. One that comes back names its first visit (`Task.again`). Classes are those that the stream shows.
    Where several of the true tasks have classes of equal names, as those of `permuted` have, a class is numbered by its
    name and the inferred task, so that nothing tells the true one.

    Each true task is measured within the inferred task that took most of its batches. An inferred task that took most
    of none is measured on the true task that most of its batches are of.

    Raises UsageError where a stream cannot be made, or the settings need to know where a task ends.
    """
    _check(scenario, train)
    steps = [task.steps(train) for task in scenario.tasks]
    decisions = _decisions(scenario.tasks, steps, train, seed)
    visits = [(task.first_visit, n) for task, n in zip(scenario.tasks, steps, strict=True)]
    pieces = Pieces(scenario, visits, decisions, train.batch_size, seed)
    boundaries = agreement(visits, decisions)
    doubts = [told(boundaries)]
    if boundaries["inferred"] == 1 < boundaries["true"]:
        doubts.append(
            f"the first task never ends: to a density of single pixels all {boundaries['true']} tasks look alike; try "
            "larger batches (train.batch_size), or write train.boundaries=given"
        )
    return replace(
        scenario,
        tasks=tuple(pieces.tasks()),
        class_names=pieces.class_names,
        doubts=(*scenario.doubts, *doubts),
        boundaries=boundaries,
    )


def _check(scenario: Scenario, train: TrainSettings) -> None:
    if any(not task.stored or not len(task.train) for task in scenario.tasks):
        raise UsageError(
            "train.boundaries: inferred cuts a stream of training images, but the tasks of scenario "
            f"{scenario.name} make their batches in another way; write train.boundaries=given"
        )
    falls = train.lr_end != 1 and train.lr_flat != 1
    changes = [*(["train.lr_end=1"] if falls else []), *(["train.drops=[]"] if train.drops and train.drop != 1 else [])]
    if changes:
        raise UsageError(
            "train.boundaries: inferred does not know when a task will end, so the learning rate must not fall towards "
            f"its end; write {' '.join(f'--set {change}' for change in changes)}"
        )
    if train.patience is not None:
        raise UsageError(
            "train.patience: ends a task at a step of its own, but inferred boundaries cut a stream of so many steps; "
            "leave it out, or write train.boundaries=given"
        )


def _decisions(tasks: Sequence[Task], steps: Sequence[int], train: TrainSettings, seed: int) -> list[int]:
    """The inferred task of each batch; of a stream that was looked at before, from the cache."""
    total = sum(steps)

    def look() -> Iterator[int]:
        process = ForgetMeNot(train.hazard)
        for images in waited(_batches(tasks, steps, train.batch_size, seed), total, "inferring tasks"):
            yield process.attribute(images)

    def looked() -> str:
        return json.dumps([(task, len(list(run))) for task, run in groupby(look())])

    images = [(task.train.fingerprint(), task.index, task.flip, n) for task, n in zip(tasks, steps, strict=True)]
    key = hashlib.sha256(repr((VERSION, images, train.batch_size, seed, train.hazard)).encode()).hexdigest()
    for text in (remembered("boundaries", key, looked), looked):
        try:
            runs = json.loads(text if isinstance(text, str) else text())
            decisions = [task for task, n in runs for _ in range(n)]
        except (ValueError, TypeError):
            continue  # the cache is damaged
        if len(decisions) == total:
            return decisions
    raise AssertionError("a stream has as many decisions as batches")


def _batches(tasks: Sequence[Task], steps: Sequence[int], batch_size: int, seed: int) -> Iterator[Tensor]:
    """What the process sees of each batch."""
    for task, n in zip(tasks, steps, strict=True):
        source = task.source(batch_size, seed)
        for step in range(n):
            yield looked_at(source.batch(step).inputs)
