"""Torchvision's image classification data sets, by their torchvision names: ``torchvision:Flowers102``."""

from __future__ import annotations

import hashlib
import inspect
import os
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import Tensor, nn

from gencl.core.errors import GenclError, UsageError
from gencl.core.files import TORCHVISION, printable
from gencl.core.folders import data_root
from gencl.core.registry import did_you_mean
from gencl.core.settings import DataSettings
from gencl.datasets.dataset import Dataset
from gencl.datasets.decode import Pixels, decoded
from gencl.datasets.official import attempt
from gencl.datasets.picture_source import state_of
from gencl.datasets.rows import Rows, read_rows
from gencl.datasets.torchvision_sets import PARTS, REFUSED

_LABELS = ("targets", "labels", "_labels", "y")
"""Attributes in which these data sets keep their labels; with them, no picture needs to be read."""
_SAMPLES = ("samples", "_samples")
"""Attributes with pairs of path and label."""
_FILES = (*_SAMPLES, "_images", "_image_files", "images", "imgs")
"""Attributes with the paths of the pictures."""


def load(name: str, data: DataSettings, root: Path | None = None, download: bool = True) -> Dataset:
    """Read ``torchvision:NAME``, whose files are in the data root as torchvision expects them.

    Raises UsageError for an unknown name, or a data set without one class per picture. Raises GenclError if the files
    are damaged, or are absent and cannot (or may not) be downloaded.
    """
    short = name.removeprefix(TORCHVISION)
    if short not in PARTS:
        raise UsageError(_refusal(name, short))
    root = root or data_root()
    kind = getattr(torchvision.datasets, short)
    sets = {_called(options): _made(name, kind, root, options, download) for options in PARTS[short]}
    classes, labels = _labelled(name, list(sets.values()))
    rows = {part: Rows(some, partial(_pixels, of)) for (part, of), some in zip(sets.items(), labels, strict=True)}
    digest = hashlib.sha256(repr((torchvision.__version__, short, [len(of) for of in sets.values()])).encode())
    for of, some in zip(sets.values(), labels, strict=True):
        digest.update(some.numpy().tobytes())
        for file in _files_of(of):
            digest.update(repr((os.fsencode(file), state_of(file))).encode())
    place = repr(("torchvision", short, os.fsencode(root.resolve()))).encode()
    return read_rows(name, classes, rows, place, digest.hexdigest(), data)


def _refusal(name: str, short: str) -> str:
    if short in REFUSED:
        return f"{name} cannot be learned: {REFUSED[short]}"
    return f"torchvision has no set of labelled pictures called {printable(short)}{did_you_mean(short, PARTS)}"


def _called(options: dict[str, Any]) -> str:
    """Return the name of a part: the value of its option, such as ``train`` or ``val``."""
    if "train" in options:
        return "train" if options["train"] else "test"
    return str(options.get("split") or options.get("version") or "all")


def _made(name: str, kind: type[Any], root: Path, options: dict[str, Any], allowed: bool) -> Any:
    """Return one part of the data set, downloaded if it is absent and ``allowed``."""
    known = inspect.signature(kind).parameters
    without: dict[str, Any] = {"download": False} if "download" in known else {}
    try:
        return kind(str(root), **options, **without)
    except ImportError as error:
        raise UsageError(f"{name}: {error}") from error
    except (OSError, RuntimeError, ValueError, KeyError) as error:  # each data set reports absent files in its own way
        reason = error
    advice = (
        f"looked in {root} for the files of torchvision.datasets.{kind.__name__}; put them there, or name their "
        "folder with --data-root or $GENCL_DATA"
    )
    if not without:
        raise GenclError(f"{name} is not in {root}, and torchvision does not fetch it: {advice}") from reason

    def download() -> object:
        return kind(str(root), **options, download=True)

    attempt(name, root, root, download, allowed, advice, lambda: False)  # torchvision skips files that are there
    try:
        return kind(str(root), **options, **without)
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        raise GenclError(f"{name} cannot be read in {root}: {' '.join(str(error).split())}") from error


def _pixels(of: Any, row: int, size: int | None) -> Pixels:
    return decoded(lambda: of[row][0], size)


def _labelled(name: str, sets: Sequence[Any]) -> tuple[tuple[str, ...], list[Tensor]]:
    """Return the names of the k classes present, and the labels of each part, 0 to k - 1."""
    labels = [_labels_of(name, of) for of in sets]
    present = sorted(set().union(*(some.unique().tolist() for some in labels)))
    names = next(
        (list(value) for value in _lists(sets[0], ("classes", "categories")) if len(value) > present[-1]), None
    )
    called = names or {label: label for label in present}
    texts = [", ".join(each) if isinstance(each, tuple) else str(each) for each in (called[label] for label in present)]
    numbers = {label: number for number, label in enumerate(present)}
    shown = [torch.tensor([numbers[label] for label in some.tolist()]) for some in labels]
    return tuple(map(printable, texts)), shown


def _labels_of(name: str, of: Any) -> Tensor:
    """Return the labels of a torchvision data set: from its attribute if it has one, else row by row.

    Raises UsageError if they are not one class per picture.
    """
    samples = ([label for _, label in value] for value in _lists(of, _SAMPLES) if all(len(one) == 2 for one in value))
    for kept in (*_lists(of, _LABELS), *samples):
        if len(kept) == len(of):
            labels = torch.as_tensor(kept)
            if labels.ndim == 1 and not labels.is_floating_point() and int(labels[0]) == of[0][1]:
                return labels.long()
    answers = [of[row][1] for row in range(len(of))]
    if not all(isinstance(label, int) or (torch.is_tensor(label) and label.ndim == 0) for label in answers):
        raise UsageError(f"{name} cannot be learned: its targets are not one class per picture")
    return torch.tensor([int(label) for label in answers])


def _files_of(of: Any) -> Iterator[str | os.PathLike[str]]:
    """Yield the paths of the pictures, for a data set that reads them on demand."""
    for value in _lists(of, _FILES):
        for one in value if isinstance(value, list | tuple) else ():
            path = one[0] if isinstance(one, tuple | list) else one
            if isinstance(path, str | os.PathLike):
                yield path


def _lists(of: Any, names: Iterable[str]) -> list[Any]:
    """Return the sequences among the data set's attributes of these names."""
    found = (getattr(of, name, None) for name in names)
    return [one for one in found if hasattr(one, "__len__") and not isinstance(one, str | dict | nn.Module)]
