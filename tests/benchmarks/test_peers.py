"""benchmarks.peers: what the other side reads."""

from __future__ import annotations

import torch

from benchmarks.peers.__main__ import tensors
from benchmarks.runs import places


def test_labels_are_places_among_classes_in_any_order() -> None:
    assert places(torch.tensor([[7, 2], [2, 7]]), (7, 2)).tolist() == [[0, 1], [1, 0]]


def test_each_task_has_labels_from_zero_where_a_seed_draws_the_order_of_classes() -> None:
    data = tensors("digits-mlp", ["scenario.order=seed", "data.validation=0"], None)
    assert all(data[f"train.labels.{task}"].unique().tolist() == [0, 1] for task in range(5))
