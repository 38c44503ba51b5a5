"""Batches with a fixed number of images from each of several tasks that are learned as one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise

import torch
from torch import Tensor

from gencl.core.errors import UsageError
from gencl.core.randomness import permutation
from gencl.scenarios.source import Shuffled


class Portions:
    """Draw each task's images as if it were trained alone; a task whose images run out begins again.

    Args:
        images: number of images per task index, in the order in which the images are merged.
        shares: one positive number per task, proportional to its images in a batch.

    All batches have the same number of images per task, rounded to whole numbers. A fixed shuffle of the batch spreads
    the tasks evenly over processes. Raises UsageError if a task would have no image in a batch.
    """

    def __init__(
        self,
        images: Mapping[int, int],
        shares: Sequence[float],
        batch_size: int,
        seed: int,
        device: torch.device | str = "cpu",
    ) -> None:
        ends = [int(batch_size * end / sum(shares) + 0.5) for end in accumulate(shares)]
        numbers = [end - start for start, end in pairwise([0, *ends])]
        if not all(numbers):
            raise UsageError(
                f"train.batch_size: {batch_size} leaves task {list(images)[numbers.index(0)] + 1} without an image in "
                f"a batch; raise it to {math.ceil(sum(shares) / min(shares))}"
            )
        self._starts = [0, *accumulate(images.values())]
        self._parts = [
            Shuffled(n, number, seed, task, device) for (task, n), number in zip(images.items(), numbers, strict=True)
        ]
        self._mixed = permutation(batch_size, seed, "portions").to(device)

    def rows(self, step: int) -> Tensor:
        rows = [start + part.rows(step) for start, part in zip(self._starts, self._parts, strict=False)]
        return torch.cat(rows)[self._mixed]

    def mirrored(self, step: int) -> Tensor:
        return torch.cat([part.mirrored(step) for part in self._parts])[self._mixed]
