"""Samples that are learned or measured together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from gencl.datasets.dataset import Split

_EXTRA = "extra."


@dataclass(frozen=True)
class Batch:
    """Samples: what goes in, (n, ...), and their classes, int64 (n,).

    Images are float32 (n, c, h, w) in [0, 1]; those that only `rows` will take may be uint8, as they are stored, or in
    no memory at all: ``read`` then gives them by their places in the batch, and ``inputs`` is (n, 0). ``tasks`` are the
    indices of the tasks they are of, where that is known (empty: any); ``index``, int64 (n,), says which of the task's
    training samples they are, where all are. ``extra`` holds what one kind of learner needs, (n, ...) each, by a name
    that the learner tells: a generator's latents, drawn targets, times, rewards. ``replayed``: how many samples at the
    end are old ones, which a method mixed in; `rows` and `of` forget it.
    """

    inputs: Tensor
    classes: Tensor
    tasks: tuple[int, ...] = ()
    index: Tensor | None = None
    extra: Mapping[str, Tensor] = field(default_factory=dict)
    read: Callable[[Tensor], Tensor] | None = None
    replayed: int = 0

    def __len__(self) -> int:
        return len(self.classes)

    def tensors(self) -> dict[str, Tensor]:
        """All tensors, by name: the inverse of `of`."""
        plain = {"inputs": self.inputs, "classes": self.classes, "index": self.index}
        present = {name: tensor for name, tensor in plain.items() if tensor is not None}
        return {**present, **{_EXTRA + name: tensor for name, tensor in self.extra.items()}}

    @staticmethod
    def of(tensors: Mapping[str, Tensor], tasks: tuple[int, ...] = ()) -> Batch:
        """The batch of `tensors`."""
        plain: dict[str, Any] = {name: tensor for name, tensor in tensors.items() if not name.startswith(_EXTRA)}
        extra = {name.removeprefix(_EXTRA): t for name, t in tensors.items() if name.startswith(_EXTRA)}
        return Batch(**plain, tasks=tasks, extra=extra)

    @staticmethod
    def of_split(part: Split, rows: Tensor, tasks: tuple[int, ...], **extra: Tensor) -> Batch:
        """Rows of a split, whose images are read only as `rows` takes them."""
        classes = part.labels[rows]
        nothing = torch.empty(len(rows), 0, device=classes.device)
        return Batch(nothing, classes, tasks, extra=extra, read=lambda places: part.take(rows[places]))

    def rows(self, rows: slice | Tensor | int) -> Batch:
        """Some of the samples."""
        taken = {name: tensor[rows] for name, tensor in self.tensors().items()}
        if self.read is not None:
            taken["inputs"] = self.read(torch.arange(len(self), device=self.classes.device)[rows])
        if taken["inputs"].dtype == torch.uint8:
            taken["inputs"] = taken["inputs"].float().div_(255)
        return Batch.of(taken, self.tasks)

    def having(self, **extra: Tensor) -> Batch:
        """The same samples with more, or other, of what one kind of learner needs."""
        return replace(self, extra={**self.extra, **extra})
