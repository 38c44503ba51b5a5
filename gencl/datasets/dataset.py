"""What a data set is: a training and a test split of images and labels, as tensors."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from gencl.errors import UsageError


@dataclass(frozen=True)
class Split:
    """Images, uint8 of shape (n, channels, height, width), and their labels, int64 of shape (n,)."""

    images: Tensor
    labels: Tensor

    def __post_init__(self) -> None:
        if self.images.dtype != torch.uint8 or self.images.ndim != 4:
            raise ValueError(f"images must be uint8 (n, c, h, w), not {self.images.dtype} {tuple(self.images.shape)}")
        if len(self.images) != len(self.labels):
            raise ValueError(f"{len(self.images)} images but {len(self.labels)} labels")

    def __len__(self) -> int:
        return len(self.labels)

    def select(self, rows: Tensor) -> Split:
        """The rows of a boolean mask or an index tensor, in order."""
        return Split(self.images[rows], self.labels[rows])

    def to(self, device: torch.device | str) -> Split:
        return Split(self.images.to(device), self.labels.to(device))

    @staticmethod
    def concatenate(splits: list[Split]) -> Split:
        return Split(torch.cat([s.images for s in splits]), torch.cat([s.labels for s in splits]))

    def fingerprint(self) -> str:
        """A hash of the images' content and shape: equal images, equal fingerprint, whatever their name."""
        digest = hashlib.sha256(repr(tuple(self.images.shape)).encode())
        digest.update(self.images.cpu().contiguous().numpy().tobytes())
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


def data_root(chosen: str | os.PathLike[str] | None = None) -> Path:
    """Where data sets lie: ``chosen``, else ``$GENCL_DATA``, else the user's cache directory.

    Raises UsageError if a folder was named that does not exist.
    """
    for origin, value in (("--data-root", chosen), ("$GENCL_DATA", os.environ.get("GENCL_DATA"))):
        if value:
            path = Path(value).expanduser()
            if not path.is_dir():
                raise UsageError(f"{origin}: there is no folder {path}; create it, or name the one that holds the data")
            return path
    return cache_root() / "data"


def cache_root() -> Path:
    """Where what can be made again is kept: ``$GENCL_CACHE``, else the user's cache directory."""
    from platformdirs import user_cache_path

    chosen = os.environ.get("GENCL_CACHE")
    return Path(chosen).expanduser() if chosen else user_cache_path("gencl")
