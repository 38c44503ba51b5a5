"""Divides pictures into a training and a test part."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from gencl.core.errors import UsageError
from gencl.core.waiting import say
from gencl.datasets.dataset import Dataset
from gencl.datasets.pictures import Pictures


def divided(
    every: Pictures,
    name: str,
    title: str,
    classes: Sequence[str],
    where: Sequence[str],
    has_test: bool,
    share: float,
) -> Dataset:
    """Return pictures as a data set with a training and a test part.

    Without a test part, a share of each class is held out for testing. The choice depends on the decoded pixels alone:
    renaming changes nothing, and copies of a picture end up in the same part. A JPEG decoded for another ``data.size``
    has other pixels, and so another size may hold out other pictures.

    Args:
        every: the training pictures, labelled 0 to k - 1, and the test pictures, if any, labelled k to 2 k - 1.
        name: the data set's name.
        title: the data set's name in messages.
        classes: the names of the k classes.
        where: the name of each class's training pictures in messages.
        has_test: whether there are test pictures.
        share: share of each class to hold out for testing if there are none.

    Raises UsageError if a class has too few pictures to divide.
    """
    labels = every.part.labels
    if has_test:
        of_test, test_labels = labels >= len(classes), labels - len(classes)
        if shared := int(torch.isin(every.content[of_test], every.content[~of_test]).sum()):
            what = f"{shared:,} of the {int(of_test.sum()):,} test pictures"
            say(f"{title}: {what} are training pictures, too: what is measured on them is too good")
    else:
        of_test, test_labels = _kept_for_testing(every, where, share), labels
    train, test = every.part.select(~of_test), every.part.relabelled(test_labels).select(of_test)
    return Dataset(name, tuple(classes), train, test, symbols=_are_symbols(classes), pictures=True)


def _are_symbols(classes: Sequence[str]) -> bool:
    """Return whether all class names are single letters or digits."""
    return len(classes) > 1 and all(len(name) == 1 and name.isalnum() for name in classes)


def _kept_for_testing(pictures: Pictures, where: Sequence[str], share: float) -> Tensor:
    """Return a mask of the test pictures: the share of each class with the lowest content hashes.

    Copies are all in the same part, even across classes. Raises UsageError if a class would miss one of the parts.
    """
    kept: dict[int, bool] = {}
    for label, place in enumerate(where):
        hashes, numbers = pictures.content[pictures.part.labels == label].unique(return_counts=True)
        counts = dict(zip(hashes.tolist(), numbers.tolist(), strict=True))
        free = [content for content in counts if content not in kept]
        if free and all(kept.get(content, True) for content in counts):
            kept[free.pop()] = False  # keep at least one for training
        wanted = max(1, round(share * int(numbers.sum())))
        so_far = sum(count for content, count in counts.items() if kept.get(content))
        for content in free:
            kept[content] = so_far < wanted
            so_far += counts[content] if kept[content] else 0
        if len({kept[content] for content in counts}) < 2:
            raise UsageError(
                f"{place} holds too few pictures ({int(numbers.sum())}, {len(counts)} of them "
                "different): a class needs two or more of its own, to learn from and to test on"
            )
    return torch.tensor([kept[content] for content in pictures.content.tolist()])
