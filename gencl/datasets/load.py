"""Loads a data set by its name, or a folder by its path, with the image size and channels of ``data.*``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from gencl.core.errors import UsageError
from gencl.core.files import HUB, TORCHVISION, absolute, is_path
from gencl.core.folders import data_root
from gencl.core.registry import did_you_mean
from gencl.core.settings import DataSettings
from gencl.datasets import DATASETS
from gencl.datasets.check import checked
from gencl.datasets.dataset import Dataset, Split
from gencl.datasets.folder import Listing, is_class_folder, list_folder, read_folder, read_listing, require_folder
from gencl.datasets.resize import fit


def load_dataset(name: str, data: DataSettings, root: Path | None = None, download: bool = True) -> Dataset:
    """Load a data set.

    Args:
        name: a data set's name; a folder's path, which contains a ``/`` or starts with a ``.``; ``hf:OWNER/NAME``
            (`gencl.datasets.hugging_face`) or ``torchvision:NAME`` (`gencl.datasets.of_torchvision`).
        data: size and channels of the images, and the share held out for testing from a folder without a test part.
        root: the folder of data sets; default `data_root`. ``ROOT/NAME``, if it is a folder of classes, takes
            precedence over other files.
        download: whether absent files may be downloaded.

    Raises UsageError for an unknown name, GenclError for data that are absent or damaged.
    """
    if is_path(name):
        return checked(name, read_folder(Path(absolute(name)), data))
    if name.startswith(HUB):
        from gencl.datasets import hugging_face

        return checked(name, hugging_face.load(absolute(name), data, download))
    if name.startswith(TORCHVISION):
        from gencl.datasets import of_torchvision

        return checked(name, of_torchvision.load(name, data, root, download))
    check_there(name)
    folder = _folder(name, root)
    loaded = folder if folder is not None else _called(name, root, download)
    if isinstance(loaded, Path):
        loaded = list_folder(loaded)
    if isinstance(loaded, Listing):
        return checked(name, read_listing(loaded, name, data))
    return _fitted(checked(name, loaded), data)


def check_there(name: str) -> None:
    """Raise UsageError for an unknown name or an absent folder. Nothing is read, and nothing looked up elsewhere."""
    if is_path(name):
        require_folder(Path(absolute(name)))
    elif not name.startswith((HUB, TORCHVISION)) and name not in DATASETS:
        hint = did_you_mean(name, DATASETS)
        raise UsageError(
            f"no data set is called {name!r}{hint} (a folder is written with a /, such as ./{name}; --plugin FILE adds "
            "your own)"
        )


def _called(name: str, root: Path | None, download: bool) -> Any:
    """Return what a data set's loader returns. An error of a plug-in's images or labels gets the data set's name."""
    try:
        return DATASETS.get(name)(root, download)
    except UsageError as error:
        if not DATASETS.source(name):
            raise
        raise UsageError(f"data set {name}: {error}") from error


def _folder(name: str, root: Path | None) -> Path | None:
    """Return ``ROOT/NAME`` if it is a folder of classes, else None."""
    try:
        folder = data_root(root) / name
    except UsageError:
        if root is not None:
            raise
        return None  # embedded data sets need no root; loaders of the others report that it is absent
    return folder if is_class_folder(folder) else None


def _fitted(dataset: Dataset, data: DataSettings) -> Dataset:
    """Return the data set with its images resized.

    If their shape changes, the reader no longer suits them and is dropped.
    """
    train, test = (
        Split(fit(part.images, data.size, data.channels), part.labels) for part in (dataset.train, dataset.test)
    )
    return replace(
        dataset, train=train, test=test, reader=dataset.reader if train.shape == dataset.train.shape else None
    )
