"""What a data set is: a training and a test split of images and labels, as tensors."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from weakref import WeakValueDictionary

import torch
from torch import Tensor


class SharedImages:
    """Images that several splits share. They are in memory once per device, however many splits show them."""

    def __init__(self, images: Tensor) -> None:
        self.images = images
        self._copies: WeakValueDictionary[torch.device, SharedImages] = WeakValueDictionary()

    def to(self, device: torch.device | str) -> SharedImages:
        wanted = torch.empty(0, device=device).device  # "cuda" is "cuda:0"
        if wanted == self.images.device:
            return self
        copy = self._copies.get(wanted)
        if copy is None:
            copy = self._copies[wanted] = SharedImages(self.images.to(wanted))
        return copy


class Split:
    """Images, uint8 of shape (n, channels, height, width), and their labels, int64 of shape (n,).

    A split is plain, or a view: rows of images that other splits share, whose pixels may be permuted as they are taken.
    """

    def __init__(
        self,
        images: Tensor | SharedImages,
        labels: Tensor,
        rows: Tensor | None = None,
        pixels: Tensor | None = None,
        order: Tensor | None = None,
    ) -> None:
        """Args:
        images: all that is stored, (N, c, h, w).
        labels: (n,).
        rows: which of the stored images are shown, (n,); default all.
        pixels: permutations of the pixels of an image, (k, h * w): pixel i shows what is stored at pixels[k, i].
        order: which of the permutations an image has, (n,); default the first.
        """
        self._stored = images if isinstance(images, SharedImages) else SharedImages(images)
        self.labels, self._rows, self._pixels, self._order = labels, rows, pixels, order
        stored = self._stored.images
        if stored.dtype != torch.uint8 or stored.ndim != 4:
            raise ValueError(f"images must be uint8 (n, c, h, w), not {stored.dtype} {tuple(stored.shape)}")
        shown = len(stored) if rows is None else len(rows)
        if shown != len(labels):
            raise ValueError(f"{shown} images but {len(labels)} labels")

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of an image."""
        channels, height, width = self._stored.images.shape[1:]
        return channels, height, width

    @property
    def images(self) -> Tensor:
        """All images as one tensor: the stored one itself where the split is plain, else a copy."""
        if self._rows is None and self._pixels is None:
            return self._stored.images
        return self.take(torch.arange(len(self), device=self.labels.device))

    def take(self, rows: Tensor) -> Tensor:
        """The images of these rows (a mask or an index), uint8 of shape (k, channels, height, width)."""
        rows = rows.nonzero().squeeze(1) if rows.dtype == torch.bool else rows
        images = self._stored.images.index_select(0, rows if self._rows is None else self._rows[rows])
        if self._pixels is None:
            return images
        flat = images.flatten(2)
        if self._order is None:
            return flat.index_select(2, self._pixels[0]).view_as(images)  # three times as fast as indexing
        pixels = self._pixels[self._order[rows]].unsqueeze(1)
        return flat.gather(2, pixels.expand_as(flat)).view_as(images)

    def select(self, rows: Tensor) -> Split:
        """The rows of a boolean mask or an index tensor, in order. What a view selects is a view."""
        if self._rows is None and self._pixels is None:
            return Split(self._stored.images[rows], self.labels[rows])
        order = None if self._order is None else self._order[rows]
        return Split(self._stored, self.labels[rows], self._all_rows()[rows], self._pixels, order)

    def relabelled(self, labels: Tensor) -> Split:
        """The same images, shared, with other labels (n,)."""
        return Split(self._stored, labels, self._rows, self._pixels, self._order)

    def permuted(self, pixels: Tensor) -> Split:
        """The same images, shared, with their pixels permuted: pixel i shows what was at pixels[i]; (h * w,)."""
        before = pixels[None] if self._pixels is None else self._pixels[:, pixels]
        return Split(self._stored, self.labels, self._rows, before, self._order)

    def to(self, device: torch.device | str) -> Split:
        """On ``device``; splits that share their images share them there."""
        moved = [None if part is None else part.to(device) for part in (self._rows, self._pixels, self._order)]
        return Split(self._stored.to(device), self.labels.to(device), *moved)

    def _all_rows(self) -> Tensor:
        return torch.arange(len(self), device=self.labels.device) if self._rows is None else self._rows

    @staticmethod
    def concatenate(splits: list[Split]) -> Split:
        """One after another: a view where all show the same stored images."""
        labels = torch.cat([s.labels for s in splits])
        if len({id(s._stored) for s in splits}) > 1:
            return Split(torch.cat([s.images for s in splits]), labels)
        rows = torch.cat([s._all_rows() for s in splits])
        if all(s._pixels is None for s in splits):
            return Split(splits[0]._stored, labels, rows)
        identity = torch.arange(splits[0].shape[1] * splits[0].shape[2], device=labels.device)[None]
        pixels = [identity if s._pixels is None else s._pixels for s in splits]
        orders, before = [], 0
        for split, some in zip(splits, pixels, strict=True):
            order = torch.zeros_like(split.labels) if split._order is None else split._order
            orders.append(order + before)
            before += len(some)
        return Split(splits[0]._stored, labels, rows, torch.cat(pixels), torch.cat(orders))

    def fingerprint(self) -> str:
        """A hash of the images' content and shape: equal images, equal fingerprint, whatever their name or storage."""
        digest = hashlib.sha256(repr((len(self), *self.shape)).encode())
        for rows in torch.arange(len(self), device=self.labels.device).split(8192):
            digest.update(self.take(rows).cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class Dataset:
    """A named data set.

    ``reader`` names the feature extractor that suits the images (see `gencl.metrics`), or is None.
    """

    name: str
    classes: tuple[str, ...]
    train: Split
    test: Split
    reader: str | None = None
