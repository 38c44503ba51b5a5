"""A part of a stream of batches, as the source of one task."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from gencl.scenarios.source import Dealing, Shuffled


@dataclass(frozen=True, eq=False)
class Piece:
    """Successive batches that one task of the stream deals: its index, how many images it has, its step (0-based) at
    which they begin, and how many they are. ``places`` (images,) says where each of its images is among those that the
    stretch shows; 0 for one that is not there."""

    task: int
    images: int
    start: int
    steps: int
    places: Tensor


@dataclass(frozen=True, eq=False)
class Stretch:
    """The batches from one boundary of a stream to the next. They may be of several tasks of the stream."""

    pieces: tuple[Piece, ...]

    def fingerprint(self) -> str:
        """A hash that is equal for the same part of the same stream."""
        where = [(piece.task, piece.images, piece.start, piece.steps) for piece in self.pieces]
        return hashlib.sha256(repr(where).encode()).hexdigest()

    def dealing(self, batch_size: int, seed: int, device: torch.device | str) -> Dealing:
        """The stretch of the stream that has this batch size and seed."""
        return _Dealt(self, batch_size, seed, device)


class _Dealt:
    """Asks the tasks of the stream, each of which deals as it would alone."""

    def __init__(self, stretch: Stretch, batch_size: int, seed: int, device: torch.device | str) -> None:
        self._pieces = [(piece, piece.places.to(device)) for piece in stretch.pieces]
        self._shuffled = cache(lambda piece: Shuffled(piece.images, batch_size, seed, piece.task, device))

    def rows(self, step: int) -> Tensor:
        piece, places, step = self._at(step)
        return places[self._shuffled(piece).rows(step)]

    def mirrored(self, step: int) -> Tensor:
        piece, _, step = self._at(step)
        mirrored: Tensor = self._shuffled(piece).mirrored(step)
        return mirrored

    def _at(self, step: int) -> tuple[Piece, Tensor, int]:
        """The piece that a step is in, its places, and the step within its task. The last piece goes on beyond the
        end, since batches are read ahead."""
        for piece, places in self._pieces[:-1]:
            if step < piece.steps:
                return piece, places, piece.start + step
            step -= piece.steps
        piece, places = self._pieces[-1]
        return piece, places, piece.start + step
