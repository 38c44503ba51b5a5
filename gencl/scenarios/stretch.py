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
    """Successive batches of one task of the stream.

    ``task`` is its index, ``images`` its number of images. The batches begin at its step ``start`` (0-based); there are
    ``steps`` of them. ``places`` (images,) is the place of each image among those that the stretch shows; 0 for an
    image that is not among them.
    """

    task: int
    images: int
    start: int
    steps: int
    places: Tensor


@dataclass(frozen=True, eq=False)
class Stretch:
    """The batches from one boundary of a stream to the next. They may come from several tasks of the stream."""

    pieces: tuple[Piece, ...]

    def fingerprint(self) -> str:
        """Return a hash that is equal for the same part of the same stream."""
        where = [(piece.task, piece.images, piece.start, piece.steps) for piece in self.pieces]
        return hashlib.sha256(repr(where).encode()).hexdigest()

    def dealing(self, batch_size: int, seed: int, device: torch.device | str) -> Dealing:
        """Return the images of each step, as in the stream with this batch size and seed."""
        return _Dealt(self, batch_size, seed, device)


class _Dealt:
    """Draws the batches of a stretch; each task of the stream draws as it would alone."""

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
        """Return the piece of a step, its places, and the step within its task.

        The last piece continues beyond the end, since batches are read ahead.
        """
        for piece, places in self._pieces[:-1]:
            if step < piece.steps:
                return piece, places, piece.start + step
            step -= piece.steps
        piece, places = self._pieces[-1]
        return piece, places, piece.start + step
