"""Data sets: a training and a test split of images and labels, as tensors."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor

from gencl.core.cache import remembered
from gencl.core.errors import UsageError
from gencl.core.returned import shown
from gencl.core.transfer import sent
from gencl.datasets.store import Store, digest_of


class Split:
    """Images, uint8 of shape (n, channels, height, width), and their labels, int64 of shape (n,).

    A split is plain or a view. A view shows rows of images that other splits share; their pixels may be permuted when
    they are taken. The labels may be on a GPU while the images stay in host memory: images are moved to the labels'
    device when taken.
    """

    def __init__(
        self,
        images: Tensor | Store,
        labels: Tensor,
        rows: Tensor | None = None,
        pixels: Tensor | None = None,
        order: Tensor | None = None,
    ) -> None:
        """Create a split. ``rows``, ``pixels`` and ``order`` are on the device of the images.

        Args:
            images: all stored images, (N, c, h, w).
            labels: (n,).
            rows: which of the stored images are shown, (n,); default: all.
            pixels: permutations of an image's pixels, (k, h * w): pixel i shows the stored pixel pixels[k, i].
            order: which of the permutations each image has, (n,); default: the first.
        """
        self.store = images if isinstance(images, Store) else Store((images,))
        if not isinstance(labels, Tensor) or not labels.ndim:
            raise UsageError(f"labels must be a tensor (n,), such as torch.tensor([0, 1]), not {shown(labels)}")
        self.labels, self._rows, self._pixels, self._order = labels, rows, pixels, order
        n = len(self.store) if rows is None else len(rows)
        if n != len(labels):
            raise UsageError(f"{n} images but {len(labels)} labels")

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of an image."""
        return self.store.shape

    @property
    def resident(self) -> bool:
        """Whether the images are in the memory of the labels' device."""
        return self.store.device == self.labels.device and not self.store.on_disk

    @property
    def images(self) -> Tensor:
        """All images as one tensor: the stored tensor itself if the split is plain, else a copy.

        Use `take` for a few images.
        """
        if self._rows is None and self._pixels is None and self.store.device == self.labels.device:
            return self.store.pieces[0]
        return self.take(torch.arange(len(self)))

    def take(self, rows: Tensor) -> Tensor:
        """Return images as uint8 (k, channels, height, width) on the labels' device; ``rows`` is a mask or an index."""
        rows = self._places(rows)
        images = self.store.take(rows if self._rows is None else self._rows[rows])
        if self._pixels is not None:
            images = self._permuted(images, rows)
        return sent(images, self.labels.device)  # from the host to a GPU, later work does not wait for the copy

    def _places(self, rows: Tensor) -> Tensor:
        """Return a mask or an index as an index on the images' device."""
        return (rows.nonzero().squeeze(1) if rows.dtype == torch.bool else rows).to(self.store.device)

    def _permuted(self, images: Tensor, rows: Tensor) -> Tensor:
        assert self._pixels is not None
        flat = images.flatten(2)
        if self._order is None:
            return flat.index_select(2, self._pixels[0]).view_as(images)  # three times as fast as indexing
        pixels = self._pixels[self._order[rows]].unsqueeze(1)
        return flat.gather(2, pixels.expand_as(flat)).view_as(images)

    def select(self, rows: Tensor) -> Split:
        """Return the split of these rows (a boolean mask or an index), in order.

        It is a view if this split is a view or its images are on disk; else a copy.
        """
        labels, rows = self.labels[rows.to(self.labels.device)], self._places(rows)
        if self._rows is None and self._pixels is None and not self.store.on_disk:
            return Split(self.store.take(rows), labels)
        order = None if self._order is None else self._order[rows]
        return Split(self.store, labels, self._all_rows()[rows], self._pixels, order)

    def relabelled(self, labels: Tensor) -> Split:
        """Return a split that shares the images and has other labels (n,)."""
        return Split(self.store, labels, self._rows, self._pixels, self._order)

    def permuted(self, pixels: Tensor) -> Split:
        """Return a split that shares the images, with pixels permuted: pixel i shows what was at pixels[i].

        ``pixels`` has the shape (h * w,).
        """
        before = pixels[None] if self._pixels is None else self._pixels[:, pixels]
        return Split(self.store, self.labels, self._rows, before, self._order)

    def to(self, device: torch.device | str) -> Split:
        """Return the split with labels and images on ``device``."""
        return Split.moved([self], device)[0]

    def labelled_on(self, device: torch.device | str) -> Split:
        """Return the split with its labels on ``device``; its images stay where they are, and are moved when taken."""
        return self.relabelled(self.labels.to(device))

    @staticmethod
    def moved(splits: Sequence[Split], device: torch.device | str) -> list[Split]:
        """Return the splits with labels and images on ``device``.

        Images that several splits show are copied once; stored images that none shows are not copied.
        """
        device = torch.empty(0, device=device).device  # "cuda" is "cuda:0"
        there: dict[Store, tuple[Store, Tensor | None]] = {}
        for store in {split.store: None for split in splits}:
            there[store] = store, None
            if store.device == device and not store.on_disk:
                continue
            shown = torch.cat([split._all_rows() for split in splits if split.store is store]).unique()
            places = torch.zeros(len(store), dtype=torch.long, device=store.device)
            places[shown] = torch.arange(len(shown), device=store.device)
            there[store] = store.copied(shown, device), places
        return [split._on(*there[split.store]) for split in splits]

    def _on(self, store: Store, places: Tensor | None) -> Split:
        """Return the split with its images in another store, at these ``places`` (N,); None: at the same as before."""
        whole = self._rows is None and len(store) == len(self)
        rows = self._rows if whole or places is None else places[self._all_rows()]
        parts = [None if part is None else part.to(store.device) for part in (rows, self._pixels, self._order)]
        return Split(store, self.labels.to(store.device), *parts)

    def _all_rows(self) -> Tensor:
        return torch.arange(len(self), device=self.store.device) if self._rows is None else self._rows

    @staticmethod
    def concatenate(splits: Sequence[Split]) -> Split:
        """Return the splits joined in order.

        The result is a view if all show the same stored images, or if some are not `resident` and none is permuted.
        Otherwise, the images are copied.
        """
        labels, stores = torch.cat([s.labels for s in splits]), list({s.store: None for s in splits})
        pixels = [s._pixels for s in splits]
        permuted = any(some is not None for some in pixels)
        if len(stores) > 1 and (permuted or all(s.resident for s in splits)):
            return Split(torch.cat([s.images for s in splits]), labels)
        store = stores[0]
        if len(stores) > 1:
            store = Store(
                tuple(piece for some in stores for piece in some.pieces), any(some.on_disk for some in stores)
            )
        firsts = dict(zip(stores, accumulate(map(len, stores), initial=0), strict=False))
        rows = torch.cat([s._all_rows() + firsts[s.store] for s in splits])
        if not permuted:
            return Split(store, labels, rows)
        identity = torch.arange(store.shape[1] * store.shape[2], device=store.device)[None]
        orders, before = [], 0
        for split in splits:
            order = torch.zeros_like(split._all_rows()) if split._order is None else split._order
            orders.append(order + before)
            before += 1 if split._pixels is None else len(split._pixels)
        every = torch.cat([identity if some is None else some for some in pixels])
        return Split(store, labels, rows, every, torch.cat(orders))

    def fingerprint(self) -> str:
        """Return a hash of the images' content and shape.

        Equal images have equal hashes, however they are named or stored.
        """
        if not self.store.content:
            return self._hash()
        key = digest_of(self.store.content, self._rows, self._pixels, self._order)
        return remembered("fingerprints", key, self._hash)

    def prints(self) -> list[bytes]:
        """Return a hash of each image's content; copies have equal hashes."""
        return [hashlib.sha256(image.numpy().data).digest() for images in self._read() for image in images]

    def _hash(self) -> str:
        digest = hashlib.sha256(repr((len(self), *self.shape)).encode())
        for images in self._read():
            digest.update(images.numpy().tobytes())
        return digest.hexdigest()

    def _read(self) -> Iterator[Tensor]:
        """Yield all images on the CPU, a chunk at a time."""
        for rows in torch.arange(len(self)).split(self.store.at_once):
            yield self.take(rows).cpu().contiguous()


@dataclass(frozen=True)
class Dataset:
    """A named data set.

    ``reader`` names the feature extractor that suits the images (see `gencl.metrics`), or is None. ``symbols``: the
    images show digits or letters, whose meaning changes if they are mirrored. ``pictures``: they were decoded from
    picture files. ``named``: the name is the same for everybody, unlike that of a user's folder, which may be renamed.
    """

    name: str
    classes: tuple[str, ...]
    train: Split
    test: Split
    reader: str | None = None
    symbols: bool = False
    pictures: bool = False
    named: bool = True

    @property
    def key(self) -> str:
        """The value that random choices about the data set depend on: its name, but never that of a user's folder."""
        return self.name if self.named else "a folder"
