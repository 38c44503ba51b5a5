"""Maps inferred tasks to the true tasks of a stream."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby

from torch import Tensor


@dataclass(frozen=True)
class Span:
    """Successive batches of one task of the stream: the task's place, its first step in it, and the number of steps."""

    task: int
    start: int
    steps: int


def runs(visits: Sequence[tuple[int, int]], decisions: Sequence[int]) -> Iterator[tuple[int, list[Span]]]:
    """Yield each run of batches with the same inferred task, as that task's number and its spans in the true tasks.

    Args:
        visits: the true sequence: per visit, the task's number (the same whenever it returns) and its number of
            batches.
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
    """Return the true tasks on whose data an inferred task is measured: those whose batches went mostly to it.

    ``counts`` is the result of `gencl.scenarios.attribution.counted`. The list may be empty.
    """
    taken = counts.sum(1).nonzero().squeeze(1).tolist()
    return [true for true in taken if counts[true].argmax() == model]
