"""Checks of data sets: of a loader when it is registered, and of what it returns."""

from __future__ import annotations

import inspect
from typing import Any

import torch

from gencl.core.errors import GenclError
from gencl.core.files import printable
from gencl.core.returned import shown
from gencl.datasets.dataset import Dataset, Split


def problem(name: str, thing: Any) -> str:
    """Return why ``thing`` cannot be the loader of a data set, or an empty text if it can."""
    try:
        inspect.signature(thing).bind(None, True)
    except (TypeError, ValueError):
        return "must be a function load(root, download) that returns a gencl.Dataset or the Path of a folder"
    return ""


def checked(name: str, dataset: Any) -> Dataset:
    """Return the data set that a loader returned or a folder was read as.

    Raises GenclError that says what is wrong with it.
    """
    if not isinstance(dataset, Dataset):
        wanted = "a gencl.Dataset or the Path of a folder"
        raise GenclError(f"data set {name}: load returned {shown(dataset)}; it must return {wanted}")
    wrong = _wrong(dataset)
    if wrong:
        raise GenclError(f"data set {printable(name)}: {wrong}")
    return dataset


def _wrong(dataset: Dataset) -> str:
    classes, parts = dataset.classes, {"training": dataset.train, "test": dataset.test}
    if not all(isinstance(part, Split) for part in parts.values()):
        return "its train and test must be gencl.Split(images, labels)"
    if not classes or not all(isinstance(each, str) for each in classes) or len(set(classes)) < len(classes):
        return f"its classes must be different names, not {classes!r:.80}"
    if dataset.train.shape != dataset.test.shape:
        return f"its training images are {dataset.train.shape}, its test images {dataset.test.shape} (c, h, w)"
    if dataset.train.shape[0] not in (1, 3):
        return f"its images are {dataset.train.shape}; channels come first, (c, h, w), and there must be 1 or 3 of them"
    for part, split in parts.items():
        labels = split.labels
        if labels.dtype != torch.int64 or labels.ndim != 1:
            return f"its {part} labels must be int64 of shape (n,), not {labels.dtype} {tuple(labels.shape)}"
        if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < len(classes):
            return f"its {part} labels must be from 0 to {len(classes) - 1}, one for each of its classes"
        absent = (labels.bincount(minlength=len(classes)) == 0).nonzero().flatten().tolist()
        if absent:
            return f"there are no {part} images of class {classes[absent[0]]}"
    return ""
