"""A batch: samples that are learned or measured together."""

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
    """A batch of samples: ``inputs`` (n, ...) and ``classes``, int64 (n,).

    Images are float32 (n, c, h, w) in [0, 1]. If only `rows` will read them, they may be uint8, as stored. They may
    also not be loaded at all: then ``inputs`` is (n, 0), and ``read`` loads images by their places in the batch.

    ``tasks`` are the indices of the samples' tasks; empty if any task is possible. ``index``, int64 (n,), is the place
    of each sample among the task's training samples, if all of them are such samples. ``extra`` holds tensors (n, ...)
    that one kind of learner needs, by a name which the learner defines: latents of a generator, drawn targets, times,
    rewards. ``replayed`` counts the old samples that a method appended at the end; `rows` and `of` reset it.
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
        """Return all tensors by name; the inverse of `of`."""
        plain = {"inputs": self.inputs, "classes": self.classes, "index": self.index}
        present = {name: tensor for name, tensor in plain.items() if tensor is not None}
        return {**present, **{_EXTRA + name: tensor for name, tensor in self.extra.items()}}

    @staticmethod
    def of(tensors: Mapping[str, Tensor], tasks: tuple[int, ...] = ()) -> Batch:
        """Return the batch made of ``tensors``, named as by `tensors`."""
        plain: dict[str, Any] = {name: tensor for name, tensor in tensors.items() if not name.startswith(_EXTRA)}
        extra = {name.removeprefix(_EXTRA): t for name, t in tensors.items() if name.startswith(_EXTRA)}
        return Batch(**plain, tasks=tasks, extra=extra)

    @staticmethod
    def of_split(part: Split, rows: Tensor, tasks: tuple[int, ...], **extra: Tensor) -> Batch:
        """Return rows of a split as a batch whose images are loaded only when `rows` reads them."""
        classes = part.labels[rows]
        nothing = torch.empty(len(rows), 0, device=classes.device)
        return Batch(nothing, classes, tasks, extra=extra, read=lambda places: part.take(rows[places]))

    def rows(self, rows: slice | Tensor | int) -> Batch:
        """Return some of the samples as a batch, with images as float32 in [0, 1]."""
        taken = {name: tensor[rows] for name, tensor in self.tensors().items()}
        if self.read is not None:
            taken["inputs"] = self.read(torch.arange(len(self), device=self.classes.device)[rows])
        if taken["inputs"].dtype == torch.uint8:
            taken["inputs"] = taken["inputs"].float().div_(255)
        return Batch.of(taken, self.tasks)

    def having(self, **extra: Tensor) -> Batch:
        """Return the same samples with these tensors added to ``extra`` or replaced in it."""
        return replace(self, extra={**self.extra, **extra})
