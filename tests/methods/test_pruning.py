"""Pruning: exact counts, masks that hold, and the intersection of eq. 9."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import gencl
from gencl.core.processes import Processes
from gencl.core.randomness import RandomSource
from gencl.methods import building
from gencl.methods.anpyc import ANPyC
from gencl.methods.base import Context, Stage
from gencl.methods.pruning import least, prunable, set_to_zero
from gencl.training.train import run_settings
from tests.conftest import grown, tiny

pytestmark = pytest.mark.numeric


def test_exactly_the_share_is_chosen_even_with_ties() -> None:
    score, everything = torch.zeros(4, 5), torch.ones(4, 5, dtype=torch.bool)
    magnitude = torch.arange(20.0).flip(0).view(4, 5)
    chosen = least(score, magnitude, everything, 0.25)
    assert chosen.sum() == 5
    assert torch.equal(chosen.flatten().nonzero().squeeze(1), torch.arange(15, 20))  # ties: smallest magnitude first
    assert least(score, score, everything, 0.0).sum() == 0
    assert least(score, score, everything, 1.0).all()


def test_only_the_free_are_chosen() -> None:
    free = torch.tensor([True, False, True, False])
    chosen = least(torch.tensor([3.0, 0.0, 1.0, 0.0]), torch.ones(4), free, 0.5)
    assert chosen.tolist() == [False, False, True, False]


def test_of_equal_size_too_the_first_are_chosen() -> None:
    score = torch.tensor([[2.0, 1.0, 1.0], [1.0, 1.0, 0.0]])
    weight = torch.tensor([[0.0, -2.0, 1.0], [-1.0, 1.0, 9.0]])
    chosen = least(score, weight, torch.ones(2, 3, dtype=torch.bool), 0.5)
    assert chosen.tolist() == [[False, False, True], [True, False, True]]


@pytest.mark.parametrize("shape", [(3,), (70_000,), (400, 500)])
def test_what_is_pruned_becomes_zero_and_nothing_else(shape: tuple[int, ...]) -> None:
    weight, mask = torch.randn(shape), torch.rand(shape) < 0.4
    held, across = weight.clone(), weight.clone().t()
    set_to_zero([held, across], [mask, mask.t()])  # the second is not contiguous
    assert torch.equal(held, weight.masked_fill(mask, 0)) and torch.equal(across, held.t())


def test_biases_and_norms_are_never_pruned() -> None:
    assert list(prunable({"w": torch.ones(2, 2), "b": torch.ones(2), "k": torch.ones(1, 1, 3, 3)})) == ["w", "k"]


def test_stages_add_up_and_the_last_task_is_not_pruned() -> None:
    method = ANPyC(ANPyC.Settings(prune=20, rounds=2, retrain=0.4))
    stages = method.stages(0, last=False)
    assert [stage.name for stage in stages] == ["train", "retrain", "retrain"]
    assert sum(stage.share for stage in stages) == pytest.approx(1)
    assert [stage.prune for stage in stages] == pytest.approx([0, 0.1, 0.2])
    assert method.stages(0, last=True) == [Stage("train")]
    assert ANPyC(ANPyC.Settings(prune=50, decay=0.8)).stages(1, False)[-1].prune == pytest.approx(0.4)


@pytest.mark.parametrize("score", ["importance", "loss", "loss-size", "magnitude", "random"])
def test_rounds_prune_the_share_of_the_free_and_free_shrinks(score: str) -> None:
    settings = gencl.resolve("digits-cgan", method="anpyc", assignments=[*tiny("digits-cgan"), f"method.score={score}"])
    learner, scenario = grown(settings)
    method = building.build(settings.method)
    assert isinstance(method, ANPyC)
    ctx = Context(learner, scenario.tasks[0], False, 0, settings.train, Processes(), RandomSource(0))
    sizes = {name: parameter.numel() for name, parameter in prunable(dict(learner.shared())).items()}
    for _ in range(2):  # two tasks
        free = {name: int(method.free[name].sum()) if method.free else size for name, size in sizes.items()}
        before = {name: mask.clone() for name, mask in method.free.items()}
        earlier = None
        for stage in method.stages(0, last=False)[1:]:
            ctx.stage = stage
            method.enter_stage(ctx)
            for name, mask in method.pruned.items():
                assert int(mask.sum()) == round(stage.prune * free[name])
                assert (learner.shared()[name][mask] == 0).all()
                assert earlier is None or (mask | ~earlier[name]).all()  # what was pruned stays pruned
                assert not before or (before[name] | ~mask).all()  # only free weights
            earlier = method.pruned
        method.after_task(ctx)
        assert not method.pruned


def test_pruned_weights_are_held_at_zero_through_retraining(tmp_path: Path) -> None:
    """A checkpoint within a retraining stage, after steps of Adam and of the proximal form, in the second task."""
    settings = gencl.resolve(
        "digits-cgan", method="anpyc", assignments=[*tiny("digits-cgan"), "train.steps=10", "train.checkpoint_every=9"]
    )

    class Enough(Exception):
        pass

    kept = []

    def look(folder: Path, number: int, state: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        if state["episode"] == 1 and state["step"] == 9:
            kept.append({name: tensor.clone() for name, tensor in tensors.items()})
            raise Enough

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Enough):
        patch.setattr("gencl.runs.checkpoint.save", look)
        run_settings(settings, tmp_path / "run", False, None, "cpu", 1, "silent")
    (tensors,) = kept
    pruned = {
        name.removeprefix("method.pruned."): t for name, t in tensors.items() if name.startswith("method.pruned.")
    }
    assert pruned and any(mask.any() for mask in pruned.values())
    for name, mask in pruned.items():
        assert (tensors[f"learner.{name}"][mask] == 0).all()
        assert (tensors[f"learner.{name}"][~mask] != 0).any()
        assert (tensors[f"method.importance.{name}"][mask] == 0).all()  # free: pruned in task 1, so of no importance
