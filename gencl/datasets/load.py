"""A data set by its name, or a folder by its path, as ``data.*`` wants its images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gencl.core.errors import UsageError
from gencl.core.files import HUB, TORCHVISION, absolute, is_path
from gencl.core.folders import data_root
from gencl.core.registry import did_you_mean
from gencl.core.settings import DataSettings
from gencl.datasets import DATASETS
from gencl.datasets.check import checked
from gencl.datasets.dataset import Dataset, Split
from gencl.datasets.folder import Listing, is_class_folder, list_folder, read_folder, read_listing
from gencl.datasets.resize import fit


def load_dataset(name: str, data: DataSettings, root: Path | None = None, download: bool = True) -> Dataset:
    """Reads a data set.

    Args:
        name: of a data set; the path of a folder, which contains a ``/`` or starts with a ``.``; ``hf:OWNER/NAME``
            (`gencl.datasets.hugging_face`) or ``torchvision:NAME`` (`gencl.datasets.of_torchvision`).
        data: which size and channels the images get, and which share a folder without a test part keeps for testing.
        root: where data sets lie; default `data_root`. ``ROOT/NAME`` as a folder of classes goes before other files.
        download: whether what is absent may be fetched.

    Raises UsageError for a name that is not known, GenclError for data that are absent or damaged.
    """
    if is_path(name):
        return checked(name, read_folder(Path(absolute(name)), data))
    if name.startswith(HUB):
        from gencl.datasets import hugging_face

        return checked(name, hugging_face.load(absolute(name), data, download))
    if name.startswith(TORCHVISION):
        from gencl.datasets import of_torchvision

        return checked(name, of_torchvision.load(name, data, root, download))
    if name not in DATASETS:
        hint = did_you_mean(name, DATASETS)
        raise UsageError(
            f"no data set is called {name!r}{hint} (a folder is written with a /, such as ./{name}; --plugin FILE adds "
            "your own)"
        )
    folder = _folder(name, root)
    loaded = folder if folder is not None else DATASETS.get(name)(root, download)
    if isinstance(loaded, Path):
        loaded = list_folder(loaded)
    if isinstance(loaded, Listing):
        return checked(name, read_listing(loaded, name, data))
    return _fitted(checked(name, loaded), data)


def _folder(name: str, root: Path | None) -> Path | None:
    """``ROOT/NAME`` where it is a folder of classes."""
    try:
        folder = data_root(root) / name
    except UsageError:
        if root is not None:
            raise
        return None  # an embedded data set needs no root; the others will say that it is absent
    return folder if is_class_folder(folder) else None


def _fitted(dataset: Dataset, data: DataSettings) -> Dataset:
    """A data set with its images resized. A reader of the images as they were does not suit them any more."""
    train, test = (
        Split(fit(part.images, data.size, data.channels), part.labels) for part in (dataset.train, dataset.test)
    )
    return replace(
        dataset, train=train, test=test, reader=dataset.reader if train.shape == dataset.train.shape else None
    )
