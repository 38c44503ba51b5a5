"""Methods beside one another, and what they see of each other's work."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
import torch
from safetensors.torch import load_file

import gencl
from gencl.learners.classifier import Classifier
from gencl.methods.base import Context
from gencl.methods.composed import Composed
from gencl.methods.er import ER
from gencl.methods.hat import HAT
from gencl.methods.mas import MAS
from gencl.methods.packnet import PackNet
from gencl.methods.replay import ReplaySettings
from gencl.scenarios.batch import Batch
from tests.conftest import context, tiny

GENERATOR = ["model.generator.name=cgan", "model.generator.width=4", "model.generator_batch=4"]


@pytest.mark.parametrize("method", ["er+packnet", "dgr+packnet"])
def test_replay_lets_a_new_task_train_the_weights_that_are_free(method: str, tmp_path: Path) -> None:
    more = ["method.packnet.last=prune", "keep=tasks", *(GENERATOR if "dgr" in method else [])]
    run = gencl.train("digits-mlp", method, 0, tmp_path / "run", set=[*tiny("digits-mlp"), *more], progress="silent")
    first = load_file(run.path / "kept/task-01.safetensors")
    second = load_file(run.path / "kept/task-02.safetensors")
    owner = cast(Classifier, run.learner()).ownership
    (name, weight), *_ = cast(Classifier, run.learner()).trunk.named_parameters()
    key = f"trunk.{name}"
    assert weight.ndim == 2 and bool((owner.get(name) == 2).any())
    moved = first[key] != second[key]
    assert bool(moved[owner.get(name) == 2].any()) and not bool(moved[owner.get(name) == 1].any())


def old(n: int, label: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.full((n, 1, 2, 2), float(label)), torch.full((n,), label)


def test_two_kinds_of_replay_keep_what_each_mixed_in() -> None:
    """Half of sixteen places, then half of those that are left; probabilities are kept beside plain classes."""
    new, random = Batch(*old(16, 5), tasks=(2,), index=torch.arange(16)), context().random
    half = ReplaySettings()
    assert half.number(new, random) == 8
    soft = half.mixed(new, *old(8, 1), beliefs=torch.full((8, 3), 0.25))
    assert half.number(soft, random) == 4
    both = half.mixed(soft, *old(4, 2))
    assert both.classes.tolist() == [5] * 4 + [1] * 8 + [2] * 4 and torch.equal(both.inputs[:, 0, 0, 0], both.classes)
    assert both.replayed == 12 and both.index is None and both.tasks == (0, 1, 2)
    assert both.extra["beliefs"].sum(1).tolist() == [0.0] * 4 + [0.75] * 8 + [0.0] * 4
    added = ReplaySettings(extra=4).mixed(soft, *old(4, 2), beliefs=None)
    assert len(added) == 20 and added.classes[:8].tolist() == [5] * 8


def test_generative_and_experience_replay_train_together(tmp_path: Path) -> None:
    more = ["method.dgr.labels=soft", "model.generator.name=cgan", "model.generator.width=4", "model.generator_batch=4"]
    assert gencl.train(
        "digits-mlp", "dgr+er", 0, tmp_path, set=[*tiny("digits-mlp"), *more], progress="silent"
    ).finished


def test_a_class_in_three_tasks_shares_its_places_alike() -> None:
    """What came first does not give way, also when later classes take places from all."""
    ctx = context(tasks=1, data__limit=90)
    (a, b), images = ctx.task.classes, ctx.task.train
    method = ER(ER.Settings(memory=24))
    parts = [images.select(torch.arange(30 * n, 30 * n + 30)) for n in range(3)]
    for n, part in enumerate(parts):
        method.after_task(replace(ctx, task=replace(ctx.task, train=part, sharing={a: n, b: n} if n else {})))

    def numbers() -> list[int]:
        held = {tuple(image.flatten().tolist()) for image in method.state_dict()["images"]}
        each = [{tuple(i.flatten().tolist()) for i in part.take(torch.arange(len(part)))} for part in parts]
        return [len(held & of_part) for of_part in each]

    assert numbers() == [8, 8, 8]
    ctx.learner.grow((4, 5), 0)
    method.after_task(replace(ctx, task=replace(ctx.task, classes=())))
    assert numbers() == [4, 4, 4]


def test_hats_gates_are_open_or_closed_between_steps() -> None:
    ctx = context(tasks=2)
    learner, method = cast(Classifier, ctx.learner), HAT(HAT.Settings())
    method.before_task(ctx)
    batch = Batch(torch.rand(4, 1, 28, 28), torch.tensor([2, 3, 2, 3]), tasks=(1,))
    ctx.steps = 10
    assert method.extend_batch(ctx, batch) is batch
    within = ctx.within(learner.phases([1])[0], batch)
    learner.loss(batch, 0, ctx.random).backward()
    method.after_step(within)
    (gates, *_), wanted = learner.gates.of(torch.tensor([1])) or [], method._embeddings[0].detach() > 0
    assert torch.equal(gates[0], wanted.float()) and 0 < int(wanted.sum()) < len(wanted)
    again = HAT(HAT.Settings())
    again.load_state_dict(method.state_dict(), learner)
    assert torch.equal((learner.gates.of(torch.tensor([1])) or [])[0][0], wanted.float())
    method.after_task(ctx)
    assert learner.gates.live is None and torch.equal(learner.gates.rows()[0][1], wanted.float())


def test_what_a_task_keeps_is_settled_before_others_measure_it(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def noted(method: type) -> None:
        monkeypatch.setattr(method, "after_task", lambda self, ctx: calls.append(method.__name__))

    noted(MAS)
    noted(PackNet)
    methods = {"mas": MAS(MAS.Settings()), "packnet": PackNet(PackNet.Settings())}
    Composed(methods).after_task(cast(Context, None))
    assert calls == ["PackNet", "MAS"]
