"""Which of the earlier tasks' own parameters move: those that the method's loss needs, where the learner lets them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import gencl
from gencl.methods import building
from gencl.methods.building import settings_of
from gencl.run import Run
from tests.conftest import grown, killed_at, tiny
from tests.training.runs import model_bytes

SCHOLAR = ["model.generator={name: cgan, width: 4}", "model.generator_batch=8"]


def moved(tmp_path: Path, method: str, *more: str, preset: str = "digits-mlp") -> dict[int, bool]:
    """Whether each task's own parameters differ from what they were right after that task."""
    sets = [*tiny(preset), *more]
    moved = {}
    runs = [gencl.train(preset, method, 0, tmp_path / str(n), set=[*sets, f"scenario.tasks={n}"], progress="silent")
            for n in (1, 2, 3)]  # fmt: skip
    last = runs[-1].learner()
    for task in (0, 1):
        then = runs[task].learner().own(task)
        moved[task] = any(not torch.equal(then[name], parameter) for name, parameter in last.own(task).items())
    return moved


@pytest.mark.parametrize("method", ["lwf", "er", "der++", "agem", "dgr", "lwf+ewc"])
@pytest.mark.parametrize("heads", ["task", "class"])
def test_what_replays_or_distils_trains_old_heads_too(method: str, heads: str, tmp_path: Path) -> None:
    more = SCHOLAR if method == "dgr" else []
    assert moved(tmp_path, method, f"model.heads={heads}", *more) == {0: True, 1: True}


@pytest.mark.parametrize(
    ("method", "heads", "moves"),
    [
        ("sgd", "class", True),
        ("finetune", "task", False),  # no gradient reaches them
        ("ewc", "class", False),
        ("si", "class", False),
        ("sgd-f", "class", False),
        ("er+packnet", "task", False),
        ("er+xdg", "task", True),
    ],
)
def test_plain_training_moves_all_and_consolidation_leaves_old_outputs(
    method: str, heads: str, moves: bool, tmp_path: Path
) -> None:
    more = ["method.packnet.last=prune"] if "packnet" in method else []  # the same stages wherever a run ends
    assert moved(tmp_path, method, f"model.heads={heads}", *more) == {0: moves, 1: moves}


@pytest.mark.parametrize(("preset", "method"), [("digits-cgan", "dgr"), ("digits-cgan", "er"), ("digits-vae", "dgr")])
def test_generators_keep_old_own_parameters(preset: str, method: str, tmp_path: Path) -> None:
    assert moved(tmp_path, method, preset=preset) == {0: False, 1: False}


def test_the_generator_beside_a_classifier_keeps_its_own_too(tmp_path: Path) -> None:
    sets = [*tiny("digits-mlp"), *SCHOLAR]
    one, three = (
        gencl.train("digits-mlp", "dgr", 0, tmp_path / str(n), set=[*sets, f"scenario.tasks={n}"], progress="silent")
        for n in (1, 3)
    )
    first, last = one.generator().own(0), three.generator().own(0)
    assert first and all(torch.equal(parameter, last[name]) for name, parameter in first.items())


def test_a_checkpoint_within_a_task_holds_the_optimisers_state_of_old_heads(tmp_path: Path) -> None:
    """Momentum of old heads, and the average's share of them."""
    sets = [*tiny("digits-mlp"), "train.checkpoint_every=1", "train.half_life=100", "train.optimizer=adam"]
    whole = gencl.train("digits-mlp", "lwf", 0, tmp_path / "whole", set=sets, progress="silent")
    with killed_at(10):
        gencl.train("digits-mlp", "lwf", 0, tmp_path / "cut", set=sets, progress="silent")
    resumed: Run = gencl.train(out=tmp_path / "cut", resume=True, progress="silent")
    assert model_bytes(resumed) == model_bytes(whole)


def test_composed_methods_move_old_heads_if_one_does_and_none_must_hold_them() -> None:
    def moves(name: str) -> bool | None:
        return building.build(settings_of({"name": name}, "test")).moves_old

    assert moves("ewc+er") and moves("er+ewc") and moves("lwf+dgr") and moves("er+xdg")
    assert not moves("ewc+si") and not moves("packnet+er") and not moves("ewc")
    learner, _ = grown(gencl.resolve("digits-mlp"), 2)
    assert [p.shape for p in learner.retrainable([0])] == [(2, 128), (2,)]
    assert grown(gencl.resolve("digits-cgan"), 2)[0].retrainable([0]) == []
