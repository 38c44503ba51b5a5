"""Images shared by several splits: in memory once, or pages of a file that are read when needed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import torch
from torch import Tensor

from gencl.core.errors import UsageError
from gencl.core.returned import shown

_AT_ONCE = 2**26
"""Bytes of images that are moved or read at a time."""


def digest_of(*parts: str | Tensor | None) -> str:
    """Return a hash of texts and tensors."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(repr(part if part is None or isinstance(part, str) else tuple(part.shape)).encode())
        if isinstance(part, Tensor):
            digest.update(part.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class Store:
    """Images, uint8 (n, c, h, w), as one or several tensors one after another.

    ``on_disk``: they are pages of a file. ``content`` is a hash of all images; empty if unknown.
    """

    pieces: tuple[Tensor, ...]
    on_disk: bool = False
    content: str = ""

    def __post_init__(self) -> None:
        for piece in self.pieces:
            if not isinstance(piece, Tensor) or piece.dtype != torch.uint8 or piece.ndim != 4:
                hint = "" if isinstance(piece, Tensor) else "; torch.from_numpy makes one of a NumPy array"
                raise UsageError(f"images must be a torch.uint8 tensor (n, c, h, w), not {shown(piece)}{hint}")

    def __len__(self) -> int:
        return sum(len(piece) for piece in self.pieces)

    @property
    def device(self) -> torch.device:
        return self.pieces[0].device

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of an image."""
        channels, height, width = self.pieces[0].shape[1:]
        return channels, height, width

    @property
    def nbytes(self) -> int:
        return sum(piece.nbytes for piece in self.pieces)

    @property
    def at_once(self) -> int:
        """Number of images to process at a time, so that they take about 64 MiB."""
        return max(1, _AT_ONCE * len(self) // max(1, self.nbytes))

    def take(self, rows: Tensor) -> Tensor:
        """Return the images of ``rows``, an index on the store's device: (k, c, h, w)."""
        if len(self.pieces) == 1:
            return self.pieces[0].index_select(0, rows)
        taken = torch.empty(len(rows), *self.shape, dtype=torch.uint8, device=self.device)
        first = 0
        for piece in self.pieces:
            here = ((rows >= first) & (rows < first + len(piece))).nonzero().squeeze(1)
            taken[here] = piece.index_select(0, rows[here] - first)
            first += len(piece)
        return taken

    def copied(self, rows: Tensor, device: torch.device) -> Store:
        """Return a store with some of the images in the memory of a device, copied in chunks to save host memory."""
        content = digest_of(self.content, rows) if self.content else ""
        copy = torch.empty(len(rows), *self.shape, dtype=torch.uint8, device=device)
        for here, some in zip(copy.split(self.at_once), rows.split(self.at_once), strict=True):
            here.copy_(self.take(some))
        return Store((copy,), content=content)
