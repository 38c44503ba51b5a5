"""A classifier with a generator beside it: what it shares, what it learns from, and how it is replayed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import gencl
from gencl.core.errors import Interrupted, UsageError
from gencl.core.processes import Processes
from gencl.core.randomness import RandomSource
from gencl.learners.classifier import Classifier
from gencl.learners.generative import GenerativeLearner
from gencl.learners.scholar import some_rows
from gencl.methods.base import Context
from gencl.methods.dgr import DGR
from gencl.run import Run
from gencl.runs.build import make_learner
from gencl.scenarios.batch import Batch
from gencl.scenarios.task import Scenario
from gencl.training.session import Session
from tests.conftest import grown, tiny

SMALL = [*tiny("digits-mlp"), "scenario.order=given", "model.generator.width=4", "model.generator_batch=8"]


def scholar(tasks: int, *more: str) -> tuple[Classifier, GenerativeLearner, Scenario]:
    learner, scenario = grown(gencl.resolve("digits-mlp", method="dgr", assignments=[*SMALL, *more]), tasks)
    generator = learner.generative()
    assert isinstance(learner, Classifier) and generator is not None
    return learner, generator, scenario


def train(out: Path, method: str = "dgr", *more: str) -> Run:
    return gencl.train("digits-mlp", method, 0, out, set=[*SMALL, *more], progress="silent")


def log(run: Run) -> list[dict[str, object]]:
    return [json.loads(line) for line in (run.path / "log.jsonl").read_text().splitlines()]


def test_both_grow_and_only_the_classifier_is_protected() -> None:
    learner, generator, _ = scholar(2)
    plain, _ = grown(
        gencl.resolve("digits-mlp", method="sgd", assignments=["model.heads=task", *tiny("digits-mlp")]), 2
    )
    assert learner.generative() is not None and plain.generative() is None and learner.generator_itself() is None
    assert generator.classes == learner.classes and generator.tasks == learner.tasks
    assert list(learner.shared()) == list(plain.shared()) and list(learner.own(1)) == list(plain.own(1))
    assert all(torch.equal(learner.shared()[name], parameter) for name, parameter in plain.shared().items())
    phases = learner.phases([1])
    assert [phase.name for phase in phases] == ["classifier", "discriminator", "generator"]
    assert [phase.moves_shared for phase in phases] == [True, False, False]
    assert [phase.adam_lr for phase in phases] == [None, 0.002, 0.002]
    classifier = {id(p) for p in [*learner.shared().values(), *learner.own(1).values()]}
    assert all(id(p) not in classifier for phase in phases[1:] for p in phase.parameters)


@pytest.mark.parametrize(("size", "n"), [(32, 8), (32, 12), (10, 3), (8, 8), (4, 8), (32, None)])
def test_some_rows_keep_the_shares_of_new_and_replayed_samples(size: int, n: int | None) -> None:
    new = size // 2
    batch = Batch(torch.zeros(size, 1, 2, 2), (torch.arange(size) >= new).long())
    some = some_rows(batch, n)
    assert len(some) == min(size, n or size)
    assert abs(float(some.classes.float().mean()) - (size - new) / size) <= 1 / len(some)


@pytest.mark.parametrize("heads", ["task", "domain", "class"])
def test_replay_is_of_all_past_classes_alike(heads: str) -> None:
    """Global classes whatever the heads; the histogram of (image, class) pairs is flat over them."""
    learner, _, scenario = scholar(3, f"model.heads={heads}")
    settings = gencl.resolve("digits-mlp")
    method = DGR(DGR.Settings())
    method.check(learner, scenario.tasks)
    ctx = Context(learner, scenario.tasks[2], False, 0, settings.train, Processes(), RandomSource(0))
    method.before_task(ctx)
    batch = method.extend_batch(ctx, Batch(torch.rand(4000, 1, 28, 28), torch.full((4000,), 4), tasks=(2,)))
    counts = batch.classes.bincount(minlength=5)
    assert batch.tasks == (0, 1, 2) and counts[4] == 2000
    assert (counts[:4] - 500).abs().max() < 80  # four standard deviations
    for phase in learner.phases([2]):
        assert torch.isfinite(phase.loss(phase.draw(batch, RandomSource(1)), 1, RandomSource(1)))


def test_a_run_is_measured_read_and_drawn(tmp_path: Path) -> None:
    run = train(tmp_path / "run")
    assert run.metrics["kind"] == "classify" and set(run.metrics["matrices"]) == {"accuracy"}
    assert run.settings.model["generator"]["width"] == 4
    losses = [entry["loss"] for entry in log(run)]
    assert all(list(loss) == ["classifier", "discriminator", "generator"] for loss in losses)  # type: ignore[call-overload]
    last = run.metrics["matrices"]["accuracy"][-1]
    assert run.evaluate(device="cpu")["mean"]["accuracy"] == pytest.approx(sum(last) / 3)
    assert run.generator().tasks == run.learner().tasks
    assert run.sample(n=6).size[0] > 0 and (run.path / "samples" / "evolution.png").is_file()


def test_stopped_in_the_middle_of_task_2_and_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both optimisers, the teacher and the pictures come back: the same bytes as without the interruption."""
    whole = train(tmp_path / "whole")
    batch = Session.batch

    def stopping(self: Session, ctx: Context) -> Batch:
        if self.state.cost.steps == 9:
            self.save()
            raise Interrupted("stopped", 15)
        return batch(self, ctx)

    monkeypatch.setattr(Session, "batch", stopping)
    with pytest.raises(Interrupted):
        train(tmp_path / "stopped")
    monkeypatch.undo()
    again = gencl.train(out=tmp_path / "stopped", resume=True, progress="silent")
    for name in ("model.safetensors", "log.jsonl", "samples/evolution.png"):
        assert (again.path / name).read_bytes() == (whole.path / name).read_bytes()


@pytest.mark.parametrize("method", ["joint", "mas+dgr", "hat+dgr", "lwf+dgr", "si", "packnet", "clnp", "anpyc", "er"])
def test_other_methods_leave_the_generator_alone(method: str, tmp_path: Path) -> None:
    run = train(tmp_path / "run", method, "model.heads=task", "train.steps=4", "scenario.tasks=2")
    assert run.finished


def test_the_generators_rate_does_not_touch_the_classifier(tmp_path: Path) -> None:
    """Without replay the classifier is the same, bit for bit, whatever learns beside it."""
    runs = [train(tmp_path / str(i), "er", *more) for i, more in enumerate(([], ["model.generator_lr=0.1"]))]
    one, two = (dict(run.learner().named_parameters()) for run in runs)
    same = {name for name in one if torch.equal(one[name], two[name])}
    assert {name for name in one if name.startswith(("trunk.", "head."))} <= same
    assert any(name not in same for name in one if name.startswith("generator."))


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("model.generator.widht=8", r"model.generator: .*cgan: no setting is called widht; did you mean width"),
        ("model.generator.width=7", r"model.generator: .*cgan: width"),
        ("model.generator.name=gan", r"model.generator: no learner is called 'gan'; did you mean cgan"),
        ("model.generator.name=mlp", r"model.generator: mlp generates no images; name a generator"),
        ("model.generator=cgan", r"model.generator: must be a block of settings"),
        ("model.generator=true", r"model.generator: true and false"),
        ("model.generator_batch=1", r"model.generator_batch"),
        ("model.generator_lr=0", r"model.generator_lr"),
    ],
)
def test_wrong_settings_are_named(assignment: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        gencl.resolve("digits-mlp", method="dgr", assignments=[assignment])


def test_a_generator_can_be_named_by_hand_or_put_away() -> None:
    by_name = gencl.resolve("digits-mlp", method="ewc", assignments=["model.generator.name=cgan"]).model["generator"]
    by_key = gencl.resolve("digits-mlp", method="ewc", assignments=["model.generator.latent=32"]).model["generator"]
    assert by_name == by_key == gencl.resolve("digits-mlp", method="dgr").model["generator"]
    assert gencl.resolve("digits-mlp", method="ewc").model["generator"] is None
    both = ["model.generator.width=8", "model.generator.name=cgan", "model.name=mlp"]
    assert gencl.resolve("digits-mlp", method="ewc", assignments=both).model["generator"]["width"] == 8


def test_without_a_generator_dgr_says_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"with a generator \(model\.generator\.name=cgan\)"):
        gencl.train("digits-mlp", "dgr", 0, tmp_path / "run", set=["model.generator=null"], progress="silent")
    assert not any(tmp_path.iterdir())
    with pytest.raises(UsageError, match=r"square images .* not \(1, 28, 14\)"):
        make_learner(gencl.resolve("digits-mlp", method="dgr").model, (1, 28, 14), 0, "cpu")
