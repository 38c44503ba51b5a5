"""Permuted tasks: which pixels, which classes, and that the images are in memory once."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from gencl.core.errors import UsageError
from gencl.core.randomness import permutation
from gencl.core.settings import DataSettings
from gencl.datasets import digits
from gencl.datasets.dataset import Split
from gencl.scenarios.permuted import Permuted
from gencl.scenarios.task import Scenario, Task


def permuted(tasks: int, size: int | None = None, **data: Any) -> Scenario:
    recipe = Permuted(Permuted.Settings.model_validate({"tasks": tasks, "size": size}))
    return recipe.build(DataSettings(**data), lambda _: digits.load())


def test_the_first_task_is_the_data_and_the_others_are_permuted() -> None:
    data = digits.load()
    first, second, third = permuted(3).tasks
    assert torch.equal(first.test.images, data.test.images)
    order = permutation(784, "permuted", 1)
    assert torch.equal(second.test.images, data.test.images.flatten(2)[:, :, order].view(-1, 1, 28, 28))
    assert not torch.equal(second.test.images, third.test.images)
    assert torch.equal(third.train.images.sort(-1).values.sum((1, 2, 3)), first.train.images.sum((1, 2, 3)))


def test_only_a_central_square_is_permuted() -> None:
    first, second = permuted(2, size=10).tasks
    before, after = first.test.images, second.test.images
    moved = (before != after).any(0)[0]
    assert moved[9:19, 9:19].any() and not moved[:9].any() and not moved[19:].any() and not moved[:, :9].any()
    squares = [images[:, 0, 9:19, 9:19].flatten(1).sort().values for images in (before, after)]
    assert torch.equal(*squares)
    with pytest.raises(UsageError, match=r"scenario\.size: 29 is larger than the images, which are 28x28"):
        permuted(2, size=29)


def test_classes_are_unique_and_named_by_their_digit() -> None:
    scenario = permuted(3)
    assert [task.classes for task in scenario.tasks] == [tuple(range(10 * t, 10 * t + 10)) for t in range(3)]
    assert [task.name for task in scenario.tasks] == ["permutation 1", "permutation 2", "permutation 3"]
    assert scenario.class_names == tuple("0123456789") * 3 and scenario.reader is None
    assert torch.equal(scenario.tasks[2].train.labels, scenario.tasks[0].train.labels + 20)


def test_rows_are_taken_as_from_the_whole() -> None:
    task = permuted(2, validation=0.1, limit=300).tasks[1]
    assert len(task.train) == 300 and 120 < len(task.validation) < 160
    rows = torch.tensor([5, 0, 5, 299])
    assert torch.equal(task.train.take(rows), task.train.images[rows])
    chosen = task.train.select(task.train.labels == 13)
    assert torch.equal(chosen.images, task.train.images[task.train.labels == 13])
    assert chosen.labels.unique().tolist() == [13]
    assert torch.equal(chosen.select(torch.tensor([1])).images, chosen.images[1:2])


def _addresses(tasks: tuple[Task, ...]) -> set[int]:
    return {task.train.store.pieces[0].data_ptr() for task in tasks}


def test_fifty_tasks_hold_the_images_once_on_every_device() -> None:
    scenario = permuted(50)
    assert len(_addresses(scenario.tasks)) == 1
    assert _addresses(scenario.to("cpu").tasks) == _addresses(scenario.tasks)
    moved = scenario.to("meta").tasks  # a device that is not the CPU, and is always there
    assert len({id(task.train.store) for task in moved}) == 1 and moved[0].train.labels.device.type == "meta"


def test_merged_tasks_share_the_images_too() -> None:
    tasks = permuted(3).tasks
    merged = Task.merge(tasks)
    expected = torch.cat([task.train.images for task in tasks])
    assert merged.train.store is tasks[0].train.store
    rows = torch.randperm(len(expected), generator=torch.Generator().manual_seed(0))[:200]
    assert torch.equal(merged.train.take(rows), expected[rows])
    again = Split.concatenate([merged.train, tasks[1].train.select(rows[rows < 1000])])
    assert torch.equal(again.images, torch.cat([expected, tasks[1].train.images[rows[rows < 1000]]]))


def test_equal_images_have_equal_fingerprints_however_they_arestore() -> None:
    part = permuted(2).tasks[1].test
    assert part.fingerprint() == Split(part.images, part.labels).fingerprint()
    assert part.fingerprint() != permuted(1).tasks[0].test.fingerprint()


def test_permutations_compose() -> None:
    data = digits.load().test
    one, two = permutation(784, 1), permutation(784, 2)
    twice = data.permuted(one).permuted(two)
    assert torch.equal(twice.images, data.permuted(one).images.flatten(2)[:, :, two].view(-1, 1, 28, 28))
