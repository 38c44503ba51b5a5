"""Builds the inferred tasks of a stream from the inferred task of each of its batches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache

import torch
from torch import Tensor

from gencl.datasets.dataset import Split
from gencl.scenarios.attribution import counted
from gencl.scenarios.source import Shuffled
from gencl.scenarios.spans import Span, measured_on, runs
from gencl.scenarios.stretch import Piece, Stretch
from gencl.scenarios.task import Scenario, Task


class Pieces:
    """Cut the stream of a scenario's tasks into inferred tasks.

    Args:
        scenario: the true tasks.
        visits: per true task in the stream, its number (the same whenever it returns) and its number of batches.
        decisions: the inferred task of each batch.
        batch_size: batch size of the stream.
        seed: seed of the stream.
    """

    def __init__(
        self,
        scenario: Scenario,
        visits: Sequence[tuple[int, int]],
        decisions: Sequence[int],
        batch_size: int,
        seed: int,
    ) -> None:
        self._true, self._visits, self._decisions = scenario.tasks, visits, decisions
        self._batch_size, self._seed = batch_size, seed
        numbers = list(dict.fromkeys(c for task in self._true for c in task.classes))
        self._names = list(dict.fromkeys(scenario.class_names[c] for c in numbers))
        self._apart = len(self._names) == len(numbers)
        """Whether all classes have different names; if so, they keep their numbers."""
        self._places = torch.zeros(max(numbers) + 1, dtype=torch.long)
        for c in numbers:
            self._places[c] = c if self._apart else self._names.index(scenario.class_names[c])
        self.class_names = scenario.class_names if self._apart else (*self._names,) * (1 + max(decisions))
        """The names of the inferred tasks' classes."""
        self._counts = counted([task for task, n in visits for _ in range(n)], decisions)
        self._held_out = cache(self._measured_on)

    def tasks(self) -> Iterator[Task]:
        """Yield the inferred tasks in order, one per visit."""
        first: dict[int, Task] = {}
        often: Counter[int] = Counter()
        for index, (model, spans) in enumerate(runs(self._visits, self._decisions)):
            often[model] += 1
            task = self._task(index, model, spans, often[model], first.get(model))
            first.setdefault(model, task)
            yield task

    def _task(self, index: int, model: int, spans: Sequence[Span], visit: int, first: Task | None) -> Task:
        shown = self._shown(spans)
        train = self._numbered(_together([self._images(true, rows) for true, rows in shown.items()]), model)
        classes = self._classes(train, shown, model)
        again = first is not None and set(first.classes) == set(classes)
        if first is not None and again:
            classes = first.classes  # keep the order in which they were learned
        validation, test = self._held_out(model, classes)
        mixed = any(self._true[span.task].mixture for span in spans)
        return Task(
            index,
            f"inferred {model + 1}" + (f" (visit {visit})" if visit > 1 else ""),
            classes,
            train,
            validation,
            test,
            flip=any(self._true[span.task].flip for span in spans),
            again=first.index if first is not None and again else None,
            mixture=tuple((train.labels == c).double().mean().item() for c in classes) if mixed else (),
            length=sum(span.steps for span in spans),
            dealt=Stretch(tuple(self._dealt(spans, shown))),
            weight=len(measured_on(self._counts, model)) if visit == 1 else 0,
        )

    def _shown(self, spans: Sequence[Span]) -> dict[int, Tensor]:
        """Return the images that these spans show: rows of the training images, per true task."""
        masks: dict[int, Tensor] = {}
        for span in spans:
            true = self._visits[span.task][0]
            images = len(self._true[true].train)
            mask = masks.setdefault(true, torch.zeros(images, dtype=torch.bool))
            dealt = Shuffled(images, self._batch_size, self._seed, span.task)
            for step in range(span.start, span.start + span.steps):
                mask[dealt.rows(step)] = True
        return {true: mask.nonzero().squeeze(1) for true, mask in masks.items()}

    def _images(self, true: int, rows: Tensor) -> Split:
        """Return rows of a true task's training images; if these are all of them, the split itself."""
        train = self._true[true].train
        return train if len(rows) == len(train) else train.select(rows)

    def _dealt(self, spans: Sequence[Span], shown: Mapping[int, Tensor]) -> Iterator[Piece]:
        """Yield the spans as pieces, with the place of each image among all images shown."""
        places, before = {}, 0
        for true, rows in shown.items():
            places[true] = torch.zeros(len(self._true[true].train), dtype=torch.long)
            places[true][rows] = torch.arange(before, before + len(rows))
            before += len(rows)
        for span in spans:
            of_images = places[self._visits[span.task][0]]
            yield Piece(span.task, len(of_images), span.start, span.steps, of_images)

    def _numbered(self, split: Split, model: int) -> Split:
        """Return the split with its classes numbered as in an inferred task."""
        return split.relabelled(self._places[split.labels] + (0 if self._apart else model * len(self._names)))

    def _classes(self, train: Split, shown: Iterable[int], model: int) -> tuple[int, ...]:
        """Return the classes of an inferred task: those that it shows, in the order of the true tasks.

        If names repeat, return all names, since they are known beforehand.
        """
        if not self._apart:
            return tuple(range(model * len(self._names), (model + 1) * len(self._names)))
        present = set(train.labels.tolist())
        return tuple(c for c in dict.fromkeys(c for true in shown for c in self._true[true].classes) if c in present)

    def _measured_on(self, model: int, classes: tuple[int, ...]) -> tuple[Split, Split]:
        """Return validation and test images of an inferred task, of its classes only.

        They are those of the true tasks that `measured_on` assigns to it. If names are unique and none of these has a
        class of the inferred task, they are those of all true tasks with such a class. If names repeat and none is
        assigned, they are those of the true task that most of its batches come from.
        """
        mine = measured_on(self._counts, model)
        if not any(set(self._true[true].classes) & set(classes) for true in mine) and self._apart:
            mine = [true for true in dict(self._visits) if set(self._true[true].classes) & set(classes)]
        mine = mine or [int(self._counts[:, model].argmax())]

        def part(which: Callable[[Task], Split]) -> Split:
            split = self._numbered(_together([which(self._true[true]) for true in mine]), model)
            known = torch.isin(split.labels, torch.tensor(classes))
            return split if known.all() else split.select(known)

        return part(lambda task: task.validation), part(lambda task: task.test)


def _together(splits: Sequence[Split]) -> Split:
    return splits[0] if len(splits) == 1 else Split.concatenate(splits)
