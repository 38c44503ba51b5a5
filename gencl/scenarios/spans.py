"""Where inferred tasks are in the true ones."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby

from torch import Tensor


@dataclass(frozen=True)
class Span:
    """Successive batches that one task of the stream deals: the task's place, its first step in it, and how many."""

    task: int
    start: int
    steps: int


def runs(visits: Sequence[tuple[int, int]], decisions: Sequence[int]) -> Iterator[tuple[int, list[Span]]]:
    """The inferred task of successive batches, and where they are in the true tasks.

    Args:
        visits: the true sequence: a task's number, which is the same when it comes back, and its batches.
        decisions: the inferred task of each batch.
    """
    ends, at = list(accumulate(steps for _, steps in visits)), 0
    for model, run in groupby(decisions):
        end, spans = at + sum(1 for _ in run), []
        while at < end:
            task = bisect_right(ends, at)
            stop = min(end, ends[task])
            spans.append(Span(task, at - ends[task] + visits[task][1], stop - at))
            at = stop
        yield model, spans


def measured_on(counts: Tensor, model: int) -> list[int]:
    """The true tasks that are measured on an inferred one: those of which it took most batches, where ``counts`` is
    that of `gencl.scenarios.attribution`. None where it took most of none."""
    taken = counts.sum(1).nonzero().squeeze(1).tolist()
    return [true for true in taken if counts[true].argmax() == model]
