"""Methods beside one another, and what they see of each other's work."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
import torch
from safetensors.torch import load_file

import gencl
from gencl.core.processes import Processes
from gencl.core.randomness import RandomSource
from gencl.learners.classifier import Classifier
from gencl.methods.base import Context
from gencl.methods.clnp import CLNP
from gencl.methods.composed import Composed
from gencl.methods.der import DERpp
from gencl.methods.er import ER
from gencl.methods.hat import HAT
from gencl.methods.mas import MAS
from gencl.methods.memory import shared_alike
from gencl.methods.packnet import PackNet
from gencl.methods.replay import ReplaySettings
from gencl.presets import resolve
from gencl.scenarios.batch import Batch
from tests.conftest import context, grown, tiny

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


@pytest.mark.parametrize(
    ("visits", "held"),
    [
        ("[0,1,2]", [4, 4, 4]),
        ("[0,1,0]", [6, 6, 0]),
        ("[0,1,2,0,1,0]", [4, 4, 4]),
        ("[0,0,1]", [6, 0, 6]),
    ],
)
def test_the_tasks_of_a_class_share_its_places_alike(visits: str, held: list[int]) -> None:
    """However often they come, and also when later classes take places from all."""
    of = "{name: dirichlet, tasks: 3, alpha: 100}"
    resolved = resolve(
        "digits-mlp", assignments=["scenario.name=repeat", f"scenario.of={of}", f"scenario.visits={visits}"]
    )
    learner, scenario = grown(resolved, tasks=0)
    method, random = ER(ER.Settings(memory=120)), RandomSource(0)
    for task in scenario.tasks:
        learner.grow(task.classes, task.index)
        method.after_task(Context(learner, task, False, 0, resolved.train, Processes(), random))
    state = method.state_dict()
    assert [[int(((state["classes"] == c) & (state["tasks"] == t)).sum()) for t in range(3)] for c in range(10)] == [
        held
    ] * 10
    learner.grow(tuple(range(10, 20)), 9)
    method.after_task(Context(learner, replace(task, classes=()), False, 0, resolved.train, Processes(), random))
    fewer = method.state_dict()["tasks"]
    assert [int((fewer == t).sum()) for t in range(3)] == [10 * n // 2 for n in held]


@pytest.mark.parametrize(
    ("wanted", "places", "shares"),
    [
        ([9, 9, 9], 6, [2, 2, 2]),
        ([1, 9], 6, [1, 5]),
        ([2, 2, 50], 2, [0, 1, 1]),
        ([1, 1], 6, [1, 1]),
        ([], 3, []),
    ],
)
def test_places_are_shared_alike_by_those_that_want_them(wanted: list[int], places: int, shares: list[int]) -> None:
    assert shared_alike(wanted, places) == shares


def test_a_reservoir_does_not_see_what_another_method_replays() -> None:
    ctx = context(tasks=2)
    method = DERpp(DERpp.Settings(memory=50))
    images = torch.rand(6, 1, 28, 28)
    mixed = ReplaySettings().mixed(Batch(images, torch.full((6,), 2), tasks=(1,)), images[:3], torch.zeros(3).long())
    assert method.extend_batch(ctx, mixed) is mixed
    assert int(method.state_dict()["seen"]) == 3 and set(method.state_dict()["classes"][:3].tolist()) == {2}


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


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("lwf+xdg", r"lwf\+xdg: lwf needs the whole network for each task; xdg divides it"),
        ("hat+lwf", r"hat\+lwf: lwf needs the whole network for each task; hat divides it"),
        ("clnp+si", r"clnp\+si: si follows the weights through a task, and clnp trains each task several times"),
    ],
)
def test_methods_that_would_mislead_each_other_are_refused(method: str, message: str, tmp_path: Path) -> None:
    more = ["method.clnp.lr_factors=[0.5,1]", "data.validation=0.1"] if "clnp" in method else []
    with pytest.raises(gencl.UsageError, match=message):
        gencl.train("digits-mlp", method, 0, tmp_path / "run", set=[*tiny("digits-mlp"), *more], progress="silent")
    assert not (tmp_path / "run").exists()


def test_a_methods_only_stage_keeps_its_rate_beside_others() -> None:
    clnp = CLNP(CLNP.Settings(lr_factors=[0.5]))
    assert [stage.lr for stage in Composed({"clnp": clnp, "er": ER(ER.Settings())}).stages(0, False)] == [0.5]


@pytest.mark.parametrize("order", [("hat", "der++"), ("der++", "hat")])
def test_a_memory_holds_the_answers_of_open_and_closed_gates(order: tuple[str, str]) -> None:
    """Not of the half-open gates of a training step, whichever method is named first."""
    ctx = context(model__heads="domain")
    learner, hat, der = cast(Classifier, ctx.learner), HAT(HAT.Settings()), DERpp(DERpp.Settings(memory=50))
    method = Composed({name: {"hat": hat, "der++": der}[name] for name in order})
    method.before_task(ctx)
    ctx.steps = 10
    images = torch.rand(6, 1, 28, 28)
    method.extend_batch(ctx, Batch(images, torch.tensor([0, 1] * 3), tasks=(0,)))
    learner.gates.live = [(embedding > 0).float() for embedding in hat._embeddings]
    with torch.no_grad():
        wanted, _ = learner.logits(images, torch.tensor([0, 1] * 3))
    assert torch.allclose(der.state_dict()["logits"][:6, : wanted.shape[1]], wanted, atol=1e-6)
