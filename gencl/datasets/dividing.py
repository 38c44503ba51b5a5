"""Pictures as a training and a test part."""

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
    """Return a data set of pictures.

    Without a test part, a share of each class is kept for testing. Which pictures these are depends on their content
    alone: renaming changes nothing, and copies of a picture fall on one side.

    Args:
        every: the training pictures, labelled 0 to k - 1, and the test pictures, if any, labelled k to 2 k - 1.
        name: of the data set.
        title: what messages call all of it.
        classes: the k classes' names.
        where: what messages call the training pictures of each class.
        has_test: whether there are test pictures.
        share: of each class, to be kept for testing where there are none.

    Raises UsageError where a class has too few pictures.
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
    """Whether classes are called as digits and letters are."""
    return len(classes) > 1 and all(len(name) == 1 and name.isalnum() for name in classes)


def _kept_for_testing(pictures: Pictures, where: Sequence[str], share: float) -> Tensor:
    """A mask: of each class the share with the lowest content hashes, copies all on one side, over classes too."""
    kept: dict[int, bool] = {}
    for label, place in enumerate(where):
        hashes, numbers = pictures.content[pictures.part.labels == label].unique(return_counts=True)
        counts = dict(zip(hashes.tolist(), numbers.tolist(), strict=True))
        free = [content for content in counts if content not in kept]
        if free and all(kept.get(content, True) for content in counts):
            kept[free.pop()] = False  # one at least is to learn from
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
