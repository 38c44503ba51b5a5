"""DER++ and A-GEM: what they store, what their terms are, and their place in names that a plus joins."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
import torch
import torch.nn.functional as F
from torch.nn import Parameter

import gencl
from gencl.core.errors import UsageError
from gencl.core.randomness import RandomSource
from gencl.core.registry import Registry, parts_of
from gencl.learners.classifier import Classifier
from gencl.learners.heads import IMPOSSIBLE
from gencl.learners.learner import Phase
from gencl.methods import METHODS, names_in
from gencl.methods.agem import AGEM
from gencl.methods.base import Context, StepContext
from gencl.methods.building import settings_of
from gencl.methods.der import DERpp, entered
from gencl.methods.memory import Memory
from gencl.scenarios.batch import Batch
from gencl.scenarios.stretch import Stretch
from tests.conftest import context, tiny


def batch_of(ctx: Context, rows: list[int]) -> Batch:
    data, chosen = ctx.task.train, torch.tensor(rows)
    return Batch(data.take(chosen).float() / 255, data.labels[chosen], tasks=(ctx.task.index,), index=chosen)


def test_a_reservoir_holds_each_sample_with_the_same_chance() -> None:
    """40 samples in batches of 8 through 10 places, 400 times: each stays in a quarter of them."""
    counts = torch.zeros(40)
    for seed in range(400):
        held = torch.full((10,), -1)
        for seen in range(0, 40, 8):
            places, new = entered(seen, 8, 10, seed)
            held[places] = seen + new
        assert (held >= 0).all() and len(held.unique()) == 10
        counts[held] += 1
    assert counts.sum() == 4000 and (counts - 100).abs().max() < 40  # more than four standard deviations


@pytest.mark.parametrize("heads", ["task", "domain", "class"])
def test_der_stores_images_classes_and_the_logits_of_their_time(heads: str) -> None:
    ctx = context(tasks=2, model__heads=heads)
    learner = cast(Classifier, ctx.learner).eval()
    method = DERpp(DERpp.Settings(memory=6, samples=4))
    batch = batch_of(ctx, [0, 1, 2, 3])
    assert method.extend_batch(ctx, batch) is batch
    state = method.state_dict()
    assert torch.equal(state["images"][:4], ctx.task.train.take(torch.arange(4)))
    assert torch.equal(state["classes"][:4], batch.classes) and int(state["seen"]) == 4
    with torch.no_grad():
        scores, _ = learner.logits(batch.inputs, learner.position[batch.classes], (0, 1))
    assert torch.equal(state["logits"][:4], scores)
    again = DERpp(DERpp.Settings(memory=6, samples=4))
    again.load_state_dict(state, learner)
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in state.items())


@pytest.mark.parametrize("heads", ["task", "domain", "class"])
def test_ders_penalty_is_that_of_the_paper_on_the_classes_known_then(heads: str) -> None:
    ctx = context(tasks=2, model__heads=heads)
    learner = cast(Classifier, ctx.learner)
    method = DERpp(DERpp.Settings(memory=20, samples=8, alpha=0.3, beta=0.7))
    ctx.phase = Phase("classifier", [], learner.loss, moves_shared=True)
    method.extend_batch(ctx, batch_of(ctx, [0, 1, 2, 3, 4]))
    assert method.penalty(ctx) is None  # nothing was in the memory when the step began
    method.extend_batch(ctx, batch_of(ctx, [5]))
    with torch.no_grad():
        for parameter in learner.parameters():
            parameter.add_(0.01 * torch.randn_like(parameter))
    learner.grow((4, 5), 0)  # a task later there are more classes
    method.extend_batch(ctx, batch_of(ctx, [6]))
    penalty, drawn = method.penalty(ctx), method._drawn
    assert penalty is not None and len(drawn["images"]) == 16
    scores, right = learner.logits(drawn["images"].float() / 255, learner.position[drawn["classes"]], (0, 1, 2))
    old = drawn["logits"][:8]
    seen = {"task": 2, "domain": 2, "class": 4}[heads]
    assert bool(((old > IMPOSSIBLE).sum(1) == seen).all())
    mask = old > IMPOSSIBLE
    wanted = 0.3 * F.mse_loss(scores[:8][:, : mask.shape[1]][mask], old[mask])
    wanted = wanted + 0.7 * F.cross_entropy(scores[8:], right[8:])
    assert torch.isclose(penalty, wanted)
    learner.eval()
    assert not learner.training


def test_der_rehearses_what_was_in_the_memory_before_the_batch_entered_it() -> None:
    ctx = context(tasks=1)
    method = DERpp(DERpp.Settings(memory=3, samples=8))
    method.extend_batch(ctx, batch_of(ctx, [0, 1, 2]))
    held = method.state_dict()["images"].clone()
    method.extend_batch(ctx, batch_of(ctx, list(range(3, 40))))
    assert not torch.equal(held, method.state_dict()["images"])
    assert all((image == held).flatten(1).all(1).any() for image in method._drawn["images"])


def test_der_leaves_the_learner_in_training() -> None:
    ctx = context(tasks=1)
    ctx.learner.train()
    DERpp(DERpp.Settings()).extend_batch(ctx, batch_of(ctx, [0, 1]))
    assert ctx.learner.training


def agem(target: list[float]) -> tuple[AGEM, Parameter, StepContext]:
    """A method with a memory, and a step that moves one parameter, whose loss on the memory has ``target`` as its
    gradient."""
    ctx = context(tasks=2)
    method = AGEM(AGEM.Settings(memory=8, samples=4))
    method.after_task(ctx)
    weight = Parameter(torch.zeros(2))
    slope = torch.tensor(target)

    def loss(batch: Batch, step: int, random: RandomSource) -> torch.Tensor:
        assert len(batch) == 4
        return (weight * slope).sum()

    return method, weight, ctx.within(Phase("classifier", [weight], loss, moves_shared=True), batch_of(ctx, [0]))


@pytest.mark.parametrize(
    ("gradient", "reference", "wanted"),
    [
        ([1.0, 0.0], [-1.0, 1.0], [0.5, 0.5]),  # g.r = -1, r.r = 2: g + r / 2
        ([1.0, 0.0], [1.0, 1.0], [1.0, 0.0]),
        ([1.0, 2.0], [0.0, 0.0], [1.0, 2.0]),
    ],
)
def test_agem_projects_gradients_that_conflict(
    gradient: list[float], reference: list[float], wanted: list[float]
) -> None:
    """Golden values, by hand, of Chaudhry et al. eq. 11."""
    method, weight, ctx = agem(reference)
    before = weight.grad = torch.tensor(gradient)
    method.adjust_gradients(ctx)
    assert weight.grad is not None and torch.allclose(weight.grad, torch.tensor(wanted))
    assert torch.equal(before, torch.tensor(gradient))  # SI goes on with it after the step


def test_agem_projects_within_the_entries_that_may_move() -> None:
    """Beside a method that freezes the second entry: g.r = -1, r.r = 1 without it, so nothing of g is left."""
    method, weight, ctx = agem([-1.0, 1.0])
    weight.grad = torch.tensor([1.0, 0.0])
    ctx.free[weight] = torch.tensor([1.0, 0.0])
    method.adjust_gradients(ctx)
    assert torch.equal(weight.grad, torch.zeros(2))


def test_agem_waits_for_something_to_look_back_at() -> None:
    ctx = context(tasks=1)
    ctx.phase = ctx.learner.phases([0])[0]
    AGEM(AGEM.Settings()).adjust_gradients(ctx)
    assert all(parameter.grad is None for parameter in ctx.phase.parameters)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("ewc", ["ewc"]),
        ("anpyc+align", ["anpyc", "align"]),
        ("der++", ["der++"]),
        ("der+++ewc", ["der++", "ewc"]),
        ("ewc+der++", ["ewc", "der++"]),
        ("ewc+der+++si", ["ewc", "der++", "si"]),
    ],
)
def test_a_plus_joins_where_a_name_follows(name: str, parts: list[str]) -> None:
    assert parts_of(name) == parts
    assert "+".join(parts) == name
    assert names_in(name) == parts


@pytest.mark.parametrize("name", ["der", "der+", "der+++", "der++ewc", "ewc+", "+ewc", "ewc++si", "+", "der+++der++"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match=r"no method is called|names a method twice"):
        names_in(name)


def test_names_may_end_in_two_plus_signs_only() -> None:
    registry = Registry("thing", {})
    registry.add("a++", object(), "")
    for wrong in ("a+", "a+++", "++", "+a", "a+b"):
        assert "must be made of" in registry.refusal(wrong)


def test_a_name_with_plus_signs_goes_through_settings_comparison_and_search(tmp_path: Path) -> None:
    block = settings_of({"name": "ewc+der++", "der++": {"alpha": 2}}, "test")
    assert block["der++"]["alpha"] == 2 and block["ewc"]["lambda"] == 1
    resolved = gencl.resolve("digits-mlp", method="der+++ewc", assignments=["method.der++.beta=0.2"])
    assert resolved.method["der++"]["beta"] == 0.2
    sets = [*tiny("digits-mlp"), "train.steps=2", "scenario.tasks=2"]
    results = gencl.compare("der++,der++:method.alpha=0.1,der+++ewc", [0], tmp_path / "cells", "digits-mlp", set=sets,
                            progress="silent")  # fmt: skip
    assert set(results["methods"]) == {"der++", "der++:method.alpha=0.1", "der+++ewc"}
    assert (tmp_path / "cells" / "der++" / "seed-0" / "config.yaml").is_file()
    assert (
        METHODS.about("der++").split(":")[0]
        in (tmp_path / "cells" / "der+++ewc" / "seed-0" / "report.html").read_text()
    )
    from gencl.experiments.search import Experiment, searches
    from gencl.experiments.tune import _nested

    (search,) = searches(["ewc+der++"], ["der++.alpha=0.1,0.2"], Experiment("digits-mlp", None, ()), 4)
    wanted = {"ewc.lambda", "der++.alpha", "der++.beta", "train.lr"}
    assert all(set(candidate) == wanted for candidate in search.candidates)
    assert _nested("ewc+der++", {"der++.alpha": 0.2}) == {"der++": {"alpha": 0.2}}


def test_a_visit_that_shows_few_images_takes_no_place_of_the_first() -> None:
    """A batch of a stream that was attributed to a task that had been learned."""
    ctx = context(tasks=2)
    memory = Memory(40)
    memory.fill(ctx)
    held = memory.state_dict()["classes"].bincount()
    few = replace(ctx.task, index=5, again=ctx.task.index, train=ctx.task.train.select(torch.arange(3)))
    memory.fill(replace(ctx, task=replace(few, dealt=Stretch(()))))
    assert torch.equal(memory.state_dict()["classes"].bincount(), held)
    memory.fill(replace(ctx, task=few))  # all that there is of the task, since its data are the same
    assert len(memory.state_dict()["classes"]) == 3
