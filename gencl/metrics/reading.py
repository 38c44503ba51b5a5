"""Passes images through a feature extractor: in batches, divided among the processes, each image once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gencl.core.processes import Processes
from gencl.metrics.statistics import Statistics


@dataclass(frozen=True)
class Reading:
    """The output of an extractor for n images, the same on every process.

    Args:
        statistics: statistics of the features.
        answers: the class with the greatest logit, (n,) int64.
        features: (n, d) float32, and ``logits`` (n, classes) float32, if they were kept. Without them, memory hardly
            grows with n.
    """

    statistics: Statistics
    answers: Tensor
    features: Tensor | None = None
    logits: Tensor | None = None


@torch.no_grad()
def read(
    extractor: nn.Module,
    n: int,
    images: Callable[[Tensor], Tensor],
    batch_size: int,
    device: torch.device,
    processes: Processes,
    keep: bool = False,
) -> Reading:
    """Return the reading of n >= 1 images; ``images`` makes those of given rows, uint8 (rows, channels, height, width).

    Each process reads its own share, no image twice. Sums are float64. Autocast is off even if the caller uses it,
    since scores must not depend on it. ``keep`` keeps features and logits.
    """
    first, end = (n * rank // processes.world for rank in (processes.rank, processes.rank + 1))
    share = torch.arange(first, max(end, first + 1), device=device) % n  # at least one image, which gives the shapes
    statistics: Statistics | None = None
    answers, kept = [], []
    with torch.autocast(device.type, enabled=False):
        for rows in share.split(batch_size):
            features, logits = (output.float() for output in extractor(images(rows))[:2])
            if first == end:
                features, logits = features[:0], logits[:0]
            part = Statistics.of(features)
            statistics = part if statistics is None else statistics + part
            answers.append(logits.argmax(1))
            kept += [(features, logits)] if keep else []
    assert statistics is not None

    def together(parts: list[Tensor]) -> Tensor:
        mine = torch.cat(parts)
        all_ = mine.new_zeros(n, *mine.shape[1:])
        all_[first:end] = mine
        return processes.sum([all_])[0]

    both = [together([pair[which] for pair in kept]) for which in range(2)] if keep else [None, None]
    return Reading(statistics.over(processes), together(answers), *both)
