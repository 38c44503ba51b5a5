"""Who labels what generative replay replays: the class asked for, or the previous solver."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
import torch
import torch.nn.functional as F

from gencl.core.randomness import RandomSource
from gencl.learners.classifier import Classifier
from gencl.methods.base import Context
from gencl.methods.dgr import DGR
from gencl.scenarios.batch import Batch
from tests.conftest import context, gencl

pytestmark = pytest.mark.numeric


def begun(labels: str, heads: str = "class", **settings: object) -> tuple[DGR, Context]:
    ctx = context(tasks=2, model__heads=heads, model__generator="{name: cgan, width: 4}", model__hidden="[16]")
    method = DGR(DGR.Settings(labels=labels, **settings))
    method.before_task(ctx)
    return method, ctx


def new_images(n: int = 20) -> Batch:
    return Batch(torch.rand(n, 1, 28, 28), torch.full((n,), 2), tasks=(1,))


@pytest.mark.parametrize("heads", ["class", "task", "domain"])
def test_the_previous_solver_labels_what_is_replayed(heads: str) -> None:
    method, ctx = begun("solver", heads)
    classifier = cast(Classifier, ctx.learner)
    batch = method.extend_batch(ctx, new_images())
    assert len(batch) == 20 and set(batch.classes[10:].tolist()) <= {0, 1}
    with torch.no_grad():  # nothing has been learned since: the solver answers as the classifier still does
        scores, _ = classifier.eval().logits(batch.inputs[10:], classifier.position[batch.classes[10:]], range(1))
    assert torch.equal(scores[:, :2].argmax(1), batch.classes[10:])


def test_soft_labels_are_the_solvers_probabilities() -> None:
    method, ctx = begun("soft", extra=12)
    classifier = cast(Classifier, ctx.learner)
    batch = method.extend_batch(ctx, new_images())
    assert len(batch) == 32 and "beliefs" in batch.extra
    assert not batch.extra["beliefs"][:20].any() and torch.allclose(batch.extra["beliefs"][20:].sum(1), torch.ones(12))
    scores, right = classifier.logits(batch.inputs, classifier.position[batch.classes], batch.tasks)
    log_q = F.log_softmax(scores, 1)
    new = -log_q[:20].gather(1, right[:20, None]).sum()
    old = -(batch.extra["beliefs"][20:] * log_q[20:, :2]).sum()
    assert torch.isclose(classifier.loss(batch, 0, RandomSource(0)), (new + old) / 32)


@pytest.mark.parametrize("labels", ["solver", "soft"])
def test_it_survives_a_checkpoint(labels: str) -> None:
    method, ctx = begun(labels)
    again = DGR(DGR.Settings(labels=labels))
    again.load_state_dict({name: value.clone() for name, value in method.state_dict().items()}, ctx.learner)
    images, classes = torch.rand(5, 1, 28, 28), torch.zeros(5, dtype=torch.long)
    assert torch.equal(again._solver.beliefs(images, classes), method._solver.beliefs(images, classes))


def test_a_generator_alone_has_no_solver(tmp_path: Path) -> None:
    asked = ["--method", "dgr", "--set", "method.labels=soft", "--out", str(tmp_path / "run")]
    done = gencl("train", *asked)
    assert done.returncode == 2 and "method.labels: soft needs a classifier" in done.stderr
    assert not (tmp_path / "run").exists()
