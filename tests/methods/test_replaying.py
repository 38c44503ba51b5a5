"""Experience replay, gating and distillation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
import torch
import torch.nn.functional as F

import gencl
from gencl.core.errors import UsageError
from gencl.core.randomness import RandomSource
from gencl.learners.classifier import Classifier
from gencl.learners.learner import Phase
from gencl.methods.er import ER
from gencl.methods.lwf import LwF, distillation
from gencl.methods.replay import ReplaySettings
from gencl.methods.xdg import XdG
from gencl.scenarios.batch import Batch
from gencl.scenarios.task import Task
from tests.conftest import context

pytestmark = pytest.mark.numeric


def test_distillation_is_the_papers_cross_entropy_at_temperature() -> None:
    """Golden value, by hand: T = 2 turns logits (2, 0) into (1, 0), softmax (0.731, 0.269)."""
    new, old = torch.tensor([[[0.0, 0.0]]]), torch.tensor([[[2.0, 0.0]]])
    assert abs(float(distillation(new, old, 2.0)) - 0.6931) < 1e-4  # against (1/2, 1/2): log 2 whatever the teacher
    p = 1 / (1 + torch.tensor(-1.0).exp())
    assert torch.isclose(distillation(old, old, 2.0), -(p * p.log() + (1 - p) * (1 - p).log()))


def test_lwf_adds_a_term_for_each_old_head_on_the_current_images() -> None:
    ctx = context(tasks=3)
    learner = cast(Classifier, ctx.learner)
    method = LwF(LwF.Settings(**{"lambda": 0.5}))
    method.before_task(ctx)
    with torch.no_grad():
        for parameter in learner.parameters():
            parameter.add_(0.01 * torch.randn_like(parameter))
    ctx.batch = learner.probe(ctx.task, 8, RandomSource(0)).rows(slice(None))
    ctx.phase = Phase("classifier", [], learner.loss, moves_shared=True)
    teacher = method._teacher
    assert teacher is not None and not any(p.requires_grad for p in teacher.parameters())
    features, old = learner.trunk(ctx.batch.inputs), teacher.trunk(ctx.batch.inputs)
    heads = [(learner.head[k](features)[:, None], teacher.head[k](old)[:, None]) for k in range(2)]
    wanted = sum(distillation(new, before, 2.0) for new, before in heads)
    penalty = method.penalty(ctx)
    assert penalty is not None and torch.isclose(penalty, 0.5 * wanted)
    learner.train()
    learner.loss(ctx.batch, 0, RandomSource(0))  # within a step the features of the loss are gone on with
    again = method.penalty(ctx)
    assert again is not None and torch.isclose(again, penalty)


def test_lwf_records_the_responses_where_all_images_are_seen() -> None:
    ctx = context(tasks=3)
    method = LwF(LwF.Settings())
    method.before_task(ctx)
    rows = torch.tensor([5, 0, 17])
    data, phase = ctx.task.train, Phase("classifier", [], ctx.learner.loss, moves_shared=True)
    ctx.phase, ctx.batch = phase, Batch(data.take(rows).float() / 255, data.labels[rows], tasks=(2,), index=rows)
    ctx.steps = 1
    once = method.penalty(ctx)
    assert method._recorded is None
    ctx.steps = 1000
    again = method.penalty(ctx)
    assert method._recorded is not None
    assert [tuple(heads.shape) for heads in method._recorded] == [(len(data), 2, 2)]  # two heads of two classes
    assert once is not None and again is not None and torch.isclose(once, again)
    replayed = ReplaySettings().mixed(ctx.batch, ctx.batch.inputs[:1], ctx.batch.classes[:1])
    assert replayed.index is None  # not the task's images alone


def test_er_keeps_equally_many_of_each_class_and_replays_old_tasks_only() -> None:
    ctx = context(tasks=2, data__limit=200)
    method = ER(ER.Settings(memory=40))
    batch = Batch(torch.rand(64, 1, 28, 28), torch.zeros(64, dtype=torch.long), tasks=(0,))
    assert method.extend_batch(ctx, batch) is batch
    method.after_task(ctx)
    state = method.state_dict()
    assert state["images"].dtype == torch.uint8
    assert state["classes"].bincount(minlength=4).tolist() == [0, 0, 10, 10]  # 40 over the four classes known
    fresh = Batch(torch.rand(64, 1, 28, 28), torch.full((64,), 2), tasks=(1,))
    extended = method.extend_batch(ctx, fresh)
    assert len(extended) == 64 and torch.equal(extended.inputs[:32], fresh.inputs[:32])
    again = ER(ER.Settings(memory=40))
    again.load_state_dict(state, ctx.learner)
    assert torch.equal(again.state_dict()["images"], state["images"])


def test_xdg_closes_the_same_units_of_a_task_every_time() -> None:
    ctx = context(tasks=1)
    learner = cast(Classifier, ctx.learner)
    method = XdG(XdG.Settings(closed=0.8))
    method.before_task(ctx)
    first = [rows.clone() for rows in learner.gates.rows()]
    method.before_task(ctx)
    assert all(torch.equal(a, b) for a, b in zip(first, learner.gates.rows(), strict=True))
    assert [int(rows[0].sum()) for rows in first] == [256 - 205, 128 - 102]
    images = ctx.task.test.images.float() / 255
    gated = learner.trunk(images, learner.gates.of(torch.zeros(len(images), dtype=torch.long)))
    assert (gated[:, first[1][0] == 0] == 0).all()
    assert F.relu(gated).equal(gated)


def first_task() -> Task:
    return context(tasks=1, data__limit=200).task


def test_replay_may_add_to_the_batch() -> None:
    ctx = context(tasks=2, data__limit=200)
    method = ER(ER.Settings(extra=24))
    batch = Batch(torch.rand(64, 1, 28, 28), torch.full((64,), 2), tasks=(1,))
    method.after_task(replace(ctx, task=first_task()))
    longer = method.extend_batch(ctx, batch)
    assert len(longer) == 64 + 24 and torch.equal(longer.inputs[:64], batch.inputs)
    assert longer.classes[64:].max() < 2 and longer.tasks == (0, 1)


@pytest.mark.parametrize("method", ["er", "dgr", "ewc+er"])
def test_a_batch_without_room_for_old_and_new_images_is_refused(method: str, tmp_path: Path) -> None:
    preset = "digits-cgan" if method == "dgr" else "digits-mlp"
    with pytest.raises(UsageError, match=r"batch_size: 1 in each process is too little for method .*at least 2"):
        gencl.train(preset, method=method, set={"train.batch_size": 1}, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
    assert ReplaySettings(extra=1).smallest_batch == 1
