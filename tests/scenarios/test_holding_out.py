"""Which images of a task are learned from, and which are kept apart."""

from __future__ import annotations

import pytest
import torch

from gencl.core.errors import UsageError
from gencl.core.settings import DataSettings
from gencl.datasets.dataset import Split
from gencl.scenarios.recipe import hold_out


def split(of_class: list[int], copies: int = 1) -> Split:
    """Different images, so many of each class, each with its copies."""
    labels = torch.arange(len(of_class)).repeat_interleave(torch.tensor(of_class))
    images = torch.arange(len(labels), dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 2, 2)
    return Split(images.repeat(copies, 1, 1, 1), labels.repeat(copies))


def test_copies_of_an_image_are_on_one_side() -> None:
    every = split([20, 20], copies=2)
    train, validation = hold_out(every, DataSettings(validation=0.2), "digits", 0)
    assert not {*train.prints()} & {*validation.prints()}
    assert len(train) + len(validation) == len(every) and len(validation) >= 16
    with pytest.raises(UsageError, match="class 1 leaves none to learn from apart from copies"):
        hold_out(split([9, 1], copies=2), DataSettings(validation=0.5), "digits", 0)


def test_a_limit_keeps_every_class() -> None:
    every = split([97, 1, 1, 1])
    for limit in (4, 10):
        train, _ = hold_out(every, DataSettings(limit=limit), "digits", 0)
        assert len(train) == limit and {*train.labels.tolist()} == {0, 1, 2, 3}
    with pytest.raises(UsageError, match=r"data\.limit: 3 images cannot show 4 classes"):
        hold_out(every, DataSettings(limit=3), "digits", 0)
