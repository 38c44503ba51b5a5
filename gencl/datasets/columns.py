"""Finds the columns of images and labels in a table, and reads the labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from gencl.core.errors import UsageError
from gencl.core.files import printable
from gencl.core.registry import did_you_mean

if TYPE_CHECKING:
    from datasets import Dataset as Table

_MOST_CLASSES = 10_000
"""A column with more different values is not taken for class names."""


def image_column(title: str, features: Mapping[str, Any], chosen: str | None) -> str:
    """Return the name of the column of images: ``chosen``, or the only one.

    Raises UsageError if there is none, or if there are several and none is chosen.
    """
    import datasets

    images = [name for name, feature in features.items() if isinstance(feature, datasets.Image)]
    if chosen is not None:
        _check(title, "data.image", chosen, features)
        if chosen not in images:
            raise UsageError(f"{title}: data.image: the column {printable(chosen)} holds no images{_listed(images)}")
        return chosen
    if not images:
        raise UsageError(f"{title} has no column of images; its columns are {_columns(features)}")
    if len(images) > 1:
        raise UsageError(f"{title} has several columns of images{_listed(images)}; choose one: data.image={images[0]}")
    return images[0]


def label_column(title: str, features: Mapping[str, Any], chosen: str | None) -> str:
    """Return the name of the column of labels: ``chosen``, or the only one of type ClassLabel.

    Raises UsageError if there is none, if there are several and none is chosen, or if a picture has several labels.
    """
    import datasets

    labels = [name for name, feature in features.items() if isinstance(feature, datasets.ClassLabel)]
    several = [name for name, feature in features.items() if _holds_lists(feature)]
    if chosen is not None:
        _check(title, "data.label", chosen, features)
        if chosen in several:
            raise _multi_label(title, chosen)
        if not isinstance(features[chosen], datasets.ClassLabel | datasets.Value):
            raise UsageError(
                f"{title}: data.label: the column {printable(chosen)} holds no labels; {_columns(features)}"
            )
        return chosen
    if len(labels) > 1:
        raise UsageError(f"{title} has several columns of labels{_listed(labels)}; choose one: data.label={labels[0]}")
    if labels:
        return labels[0]
    of_classes = [name for name in several if isinstance(getattr(features[name], "feature", None), datasets.ClassLabel)]
    if of_classes:
        raise _multi_label(title, of_classes[0])
    raise UsageError(
        f"{title} has no column of labels; if one of its columns names a class per picture, choose it with data.label: "
        f"{_columns(features)}"
    )


def labels_of(title: str, column: str, tables: Sequence[Table]) -> tuple[tuple[str, ...], list[Tensor]]:
    """Return the class names and, for each table, its labels, int64 (n,); -1 for a picture without a label.

    In a column of numbers or texts, each distinct value is a class, in sorted order. Raises UsageError if these are
    floats or more than 10,000.
    """
    import datasets

    values = [table.data.column(column).to_pylist() for table in tables]
    feature = tables[0].features[column]
    if isinstance(feature, datasets.ClassLabel):
        names, numbers = tuple(printable(name) for name in feature.names), {n: n for n in range(feature.num_classes)}
    else:
        different = sorted({value for some in values for value in some if value is not None})
        if len(different) > _MOST_CLASSES or any(isinstance(value, float) for value in different):
            raise UsageError(f"{title}: data.label: the column {printable(column)} ({feature.dtype}) names no classes")
        names = tuple(printable(str(value)) for value in different)
        numbers = {value: n for n, value in enumerate(different)}
    return names, [torch.tensor([numbers.get(value, -1) for value in some], dtype=torch.int64) for some in values]


def _holds_lists(feature: Any) -> bool:
    """Return whether each row holds several values; the library has several types for this."""
    return isinstance(feature, list) or hasattr(feature, "feature")


def _multi_label(title: str, column: str) -> UsageError:
    return UsageError(
        f"{title}: its column {printable(column)} gives a picture several labels; gencl learns one class per picture"
    )


def _check(title: str, setting: str, chosen: str, features: Mapping[str, Any]) -> None:
    if chosen not in features:
        raise UsageError(f"{title}: {setting}: it has no column {printable(chosen)}{did_you_mean(chosen, features)}")


def _listed(names: Sequence[str]) -> str:
    return f" ({', '.join(map(printable, names))})" if names else ""


def _columns(features: Mapping[str, Any]) -> str:
    return ", ".join(printable(f"{name} ({type(feature).__name__})") for name, feature in features.items())
