"""A scenario's tasks as one stream of batches without task labels; a process infers where the task changes
(``train.boundaries: inferred``)."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Protocol

from torch import Tensor

from gencl.core.cache import remembered
from gencl.core.errors import UsageError
from gencl.core.train_settings import TrainSettings
from gencl.core.waiting import waited
from gencl.datasets.dataset import Split
from gencl.scenarios.attribution import agreement, told
from gencl.scenarios.forget_me_not import ForgetMeNot, looked_at
from gencl.scenarios.pieces import Pieces
from gencl.scenarios.play import games_of
from gencl.scenarios.play_stream import PlayStream
from gencl.scenarios.task import Scenario, Task

Visits = Sequence[tuple[int, int]]
"""A sequence of tasks: per visit, the task's number (the same whenever it returns) and its number of batches."""
VERSION = 2
"""Version of the process. Increase it whenever decisions change, so that old ones are not read from the cache."""


class Stream(Protocol):
    """The batches of a scenario's tasks, one after another."""

    every: int
    """The process looks at the first of every so many batches, and attributes all of them together."""
    remedy: str
    """Advice for the case that all tasks look alike."""

    def key(self) -> object:
        """Return everything that the process's decisions depend on."""

    def looks(self) -> Iterator[Tensor]:
        """Yield the inputs that the process sees at each look, float64 (n, values)."""

    def cut(self, decisions: Sequence[int]) -> tuple[tuple[Task, ...], tuple[str, ...]]:
        """Return the inferred tasks and the names of their classes, from the inferred task of each batch."""


def inferred(scenario: Scenario, train: TrainSettings, seed: int) -> Scenario:
    """Return the scenario with its tasks replaced by those that a forget-me-not process infers from its stream.

    The stream has the batches of all tasks one after another; the process sees only their inputs. It looks at batches
    in order, and decides on each before it sees the next. Its decisions do not depend on the learner, so they are all
    made here, before training. The learner trains each batch with the same task as if they were made step by step. Only
    the number of steps of a visit is known from hindsight. Frames of games depend on who plays: there the process sees
    those of another player (`PlayStream`).

    Successive batches of one inferred task become a task of the new scenario, even if they are few or wrongly
    attributed. A task that returns names its first visit (`Task.again`). Its classes are those that the stream shows.
    If several true tasks have classes of equal names, as in `permuted`, a class is numbered by its name and the
    inferred task, so that nothing reveals the true task.

    Each true task is measured within the inferred task that took most of its batches. An inferred task may have none
    assigned. It is then measured on the true tasks with its classes; for games or repeated class names, on the true
    task that most of its batches come from.

    Raises UsageError if a stream cannot be made, or if the settings need to know where a task ends.
    """
    _check(scenario, train)
    steps = [task.steps(train) for task in scenario.tasks]
    visits = [(task.first_visit, n) for task, n in zip(scenario.tasks, steps, strict=True)]
    stream = _stream(scenario, visits, train, seed)
    decisions = _decisions(stream, sum(steps), train.hazard)
    boundaries = agreement(visits, decisions)
    tasks, class_names = stream.cut(decisions)
    doubts = [told(boundaries)]
    if boundaries["inferred"] == 1 < boundaries["true"]:
        doubts.append(
            f"the first task never ends: to the process all {boundaries['true']} tasks look alike; try "
            f"{stream.remedy}, or write train.boundaries=given"
        )
    return replace(
        scenario,
        tasks=tasks,
        class_names=class_names,
        held_out=_held_out(scenario) if class_names == scenario.class_names else None,
        doubts=(*scenario.doubts, *doubts),
        boundaries=boundaries,
    )


def _held_out(scenario: Scenario) -> Task:
    """Return all held-out images, each once, since inferred tasks with equal classes are measured on the same ones."""
    if scenario.held_out is not None:
        return scenario.held_out
    once = [task for task in scenario.tasks if task.again is None]
    return Task(
        index=0,
        name=scenario.name,
        classes=tuple(dict.fromkeys(c for task in once for c in task.classes)),
        train=once[0].train.select(once[0].train.labels < 0),
        validation=Split.concatenate([task.validation for task in once]),
        test=Split.concatenate([task.test for task in once]),
    )


def _check(scenario: Scenario, train: TrainSettings) -> None:
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


def _stream(scenario: Scenario, visits: Visits, train: TrainSettings, seed: int) -> Stream:
    if all(task.stored and len(task.train) for task in scenario.tasks):
        return ImageStream(scenario, visits, train.batch_size, seed)
    if all(games_of(task) for task in scenario.tasks):
        return PlayStream(scenario, visits)
    raise UsageError(
        "train.boundaries: inferred cuts a stream of training images or of games, but the tasks of scenario "
        f"{scenario.name} make their batches in another way; write train.boundaries=given"
    )


class ImageStream:
    """Batches of training images; the process looks at all of them."""

    every = 1
    remedy = "larger batches (train.batch_size)"

    def __init__(self, scenario: Scenario, visits: Visits, batch_size: int, seed: int) -> None:
        self._scenario, self._visits, self._batch_size, self._seed = scenario, visits, batch_size, seed

    def key(self) -> object:
        each = zip(self._scenario.tasks, self._visits, strict=True)
        images = [(task.train.fingerprint(), task.index, task.flip, steps) for task, (_, steps) in each]
        return images, self._batch_size, self._seed

    def looks(self) -> Iterator[Tensor]:
        for task, (_, steps) in zip(self._scenario.tasks, self._visits, strict=True):
            source = task.source(self._batch_size, self._seed)
            for step in range(steps):
                yield looked_at(source.batch(step).inputs)

    def cut(self, decisions: Sequence[int]) -> tuple[tuple[Task, ...], tuple[str, ...]]:
        pieces = Pieces(self._scenario, self._visits, decisions, self._batch_size, self._seed)
        return tuple(pieces.tasks()), pieces.class_names


def _decisions(stream: Stream, batches: int, hazard: float) -> list[int]:
    """Return the inferred task of each batch, from the cache if the process has seen this stream before."""
    looks = math.ceil(batches / stream.every)

    def look() -> Iterator[int]:
        process = ForgetMeNot(hazard)
        for seen in waited(stream.looks(), looks, "inferring tasks"):
            yield process.attribute(seen)

    def looked() -> str:
        return json.dumps([(task, len(list(run))) for task, run in groupby(look())])

    key = hashlib.sha256(repr((VERSION, stream.key(), hazard)).encode()).hexdigest()
    for text in (remembered("boundaries", key, looked), looked):
        try:
            runs = json.loads(text if isinstance(text, str) else text())
            decisions = [task for task, n in runs for _ in range(n * stream.every)]
        except (ValueError, TypeError):
            continue  # the cache is damaged
        if len(decisions) == looks * stream.every:
            return decisions[:batches]
    raise AssertionError("a stream has as many decisions as looks")
