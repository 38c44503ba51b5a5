"""Data sets and scenarios of plug-ins are checked when they are made: one line names them and what is wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

import gencl
from gencl.core.errors import GenclError
from gencl.core.settings import DataSettings
from gencl.datasets import DATASETS
from gencl.datasets.check import checked
from gencl.datasets.dataset import Dataset, Split
from gencl.datasets.load import load_dataset
from gencl.scenarios.check import built
from gencl.scenarios.task import Scenario, Task


def part(n: int, labels: Any = None, size: int = 4) -> Split:
    return Split(torch.zeros(n, 1, size, size, dtype=torch.uint8), torch.arange(n) % 2 if labels is None else labels)


def last(n: int) -> Split:
    """Images with their channel last."""
    return Split(torch.zeros(n, 4, 4, 1, dtype=torch.uint8), torch.arange(n) % 2)


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (None, "load returned NoneType None; it must return a gencl.Dataset"),
        ((torch.zeros(2, 2), part(4)), r"load returned tuple \(tensor\(\[\[0., 0.\], \[0., 0.\]\]\), "),
        (Dataset("x", ("a", "b"), last(4), last(4)), r"images are \(4, 4, 1\); channels come first, \(c, h, w\)"),
        (Dataset("x", ("a", "b"), part(4), torch.ones(3)), r"must be gencl.Split"),  # type: ignore[arg-type]
        (Dataset("x", ("a", "a"), part(4), part(4)), "classes must be different names"),
        (Dataset("x", (1, 2), part(4), part(4)), "classes must be different names"),  # type: ignore[arg-type]
        (Dataset("x", ("a", "b"), part(4), part(4, size=8)), r"training images are \(1, 4, 4\)"),
        (Dataset("x", ("a", "b"), part(4, torch.ones(4)), part(4)), "training labels must be int64"),
        (Dataset("x", ("a", "b"), part(4), part(4, torch.tensor([0, 1, 2, 0]))), "test labels must be from 0 to 1"),
        (Dataset("x", ("a", "b"), part(4, torch.tensor([0, -1, 1, 0])), part(4)), "must be from 0 to 1"),
        (Dataset("x", ("a", "b", "c"), part(4), part(4)), "no training images of class c"),
        (Dataset("x", ("a", "b"), part(4), part(0)), "no test images of class a"),
    ],
)
def test_a_data_set_is_whole(made: Any, told: str) -> None:
    with pytest.raises(GenclError, match=f"data set mine: .*{told}"):
        checked("mine", made)
    assert checked("mine", whole := Dataset("x", ("a", "b"), part(4), part(2))) is whole


@pytest.mark.parametrize(
    ("images", "labels", "told"),
    [
        (
            np.zeros((2, 1, 4, 4), np.uint8),
            torch.zeros(2),
            r"not ndarray uint8 of shape .*; torch.from_numpy",
        ),
        (torch.zeros(2, 4, 4), torch.zeros(2), r"torch.uint8 tensor \(n, c, h, w\), not Tensor torch.float32 of shape"),
        (part(2).store, [0, 1], r"labels must be a tensor \(n,\), such as .*, not list \[0, 1\]"),
        (part(2).store, torch.tensor(1), r"not Tensor torch.int64 of shape \(\)"),
    ],
)
def test_images_and_labels_are_tensors(images: Any, labels: Any, told: str) -> None:
    DATASETS.add("mine", lambda root, download: Split(images, labels), "mine", source="mine.py")
    try:
        with pytest.raises(gencl.UsageError, match=f"data set mine: .*{told}"):
            load_dataset("mine", DataSettings())
    finally:
        DATASETS.remove("mine")


def task(classes: tuple[int, ...], index: int = 0, labels: Any = None) -> Task:
    images = part(4, labels)
    return Task(index, "first", classes, images, images, images)


@pytest.mark.parametrize(
    ("tasks", "told"),
    [
        ((task((0, 1), 1),), "task first: its index must be its place in the scenario, 0, not 1"),
        ((task((0, 1, 2)),), "task first: its class 2 has no name; class_names has names of classes 0 to 1"),
        ((task((1,)),), r"task first: its train labels include 0, which is not among its classes \(1,\)"),
        ((task((0, 1), 0, torch.ones(4)),), "task first: its train labels must be torch.int64, not torch.float32"),
        (
            (replace(task((0, 1)), test=part(2).select(torch.arange(0))),),
            "task first: it has 4 training images and no test images",
        ),
        ((), "build returned Scenario .* it must return a gencl.Scenario of one task or more"),
    ],
)
def test_the_tasks_of_a_scenario_fit_together(tasks: tuple[Task, ...], told: str) -> None:
    with pytest.raises(GenclError, match=f"scenario Mine: {told}"):
        built(Scenario("mine", tasks, ("a", "b"), None), "scenario Mine")
    assert built(whole := Scenario("mine", (task((0, 1)),), ("a", "b"), None), "scenario Mine") is whole
