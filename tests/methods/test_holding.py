"""What SGD-F, PackNet, HAT and CLNP promise: old tasks' outputs stay bit for bit as they are."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
import torch
from torch import Tensor

import gencl
from gencl import presets
from gencl.learners.classifier import Classifier
from gencl.methods import building
from gencl.methods.base import Method
from gencl.methods.hat import HAT
from gencl.metrics.evaluator import Evaluator
from gencl.runs.build import make_scenario
from gencl.scenarios.task import Task
from tests.conftest import context

SETS = [
    "train.steps=30",
    "train.lr=0.05",
    "model.hidden=[24,16]",
    "train.log_every=30",
    "scenario.tasks=4",
    "scenario.order=given",
]
ADAM = ["train.optimizer=adam", "train.lr=0.003"]


def scores(learner: Classifier, task: Task) -> Tensor:
    """All scores of a task's test images, as they are when the task is known."""
    learner.eval()
    with torch.no_grad():
        logits, _ = learner.logits(task.test.images.float() / 255, learner.position[task.test.labels])
    learner.train()
    return logits


def watched(seen: dict[int, Tensor]) -> type[Evaluator]:
    """An evaluator that keeps each task's first scores in ``seen`` and asserts that later ones are the same."""

    class Watching(Evaluator):
        def measure(self, snapshot):  # type: ignore[no-untyped-def]
            for task in snapshot.tasks:
                now = scores(cast(Classifier, self.learner), task)
                assert torch.equal(seen.setdefault(task.index, now), now), f"task {task.index} moved"
            return super().measure(snapshot)

    return Watching


@pytest.mark.parametrize("heads", ["task", "domain"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("method", ["sgd-f", "packnet", "hat", "clnp"])
def test_old_outputs_are_bit_identical(
    method: str, optimizer: str, heads: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if method == "sgd-f" and heads == "domain":
        pytest.skip("nothing would be left to learn: refused, see below")
    seen: dict[int, Tensor] = {}
    monkeypatch.setattr("gencl.training.train.Evaluator", watched(seen))
    sets = [*SETS, *(ADAM if optimizer == "adam" else []), f"model.heads={heads}"]
    sets += ["method.embedding_lr=0.05"] if method == "hat" else []  # the preset's is for more steps
    run = gencl.train("digits-mlp", method, 0, tmp_path / "run", set=sets, progress="silent")
    assert len(seen) == 4
    learner = cast(Classifier, run.learner())  # gates and owners are part of the model
    scenario = make_scenario(presets.resolve("digits-mlp", method=method, assignments=sets), None)
    for task in scenario.tasks:
        assert torch.equal(scores(learner, task), seen[task.index])
    assert run.metrics["summary"]["bwt"] == 0
    assert run.metrics["summary"]["acc"] > 0.55


def test_frozen_sgd_needs_something_to_train() -> None:
    settings = presets.resolve("digits-mlp", method="sgd-f", assignments=["model.heads=domain"])
    with pytest.raises(gencl.UsageError, match="parameters per task"):
        build_and_check(settings)


def build_and_check(settings: gencl.Settings) -> Method:
    from gencl.runs.build import make_learner

    scenario = make_scenario(settings, None)
    method = building.build(settings.method)
    method.check(make_learner(settings.model, scenario.image_shape, 0, "cpu"), scenario.tasks)
    return method


def test_clnp_asks_for_validation_data_and_a_strength_a_layer() -> None:
    for sets, message in (
        (["data.validation=0"], "data.validation=0.1"),
        (["method.l1=[0.1,0.2]"], "a value for each of the 3 layers"),
    ):
        with pytest.raises(gencl.UsageError, match=message):
            build_and_check(presets.resolve("digits-mlp", method="clnp", assignments=sets))


def test_a_refusal_names_the_methods_that_can() -> None:
    settings = presets.resolve("digits-mlp", method="hat", assignments=["model.heads=class"])
    with pytest.raises(gencl.UsageError, match=r"hat cannot serve MLPClassifier.*know the task.*these can: sgd.*ewc"):
        build_and_check(settings)


def test_packnet_divides_weights_in_exact_counts(tmp_path: Path) -> None:
    sets = [*SETS, "method.prune=75"]
    run = gencl.train("digits-mlp", "packnet", 0, tmp_path / "run", set=sets, progress="silent")
    learner = cast(Classifier, run.learner())
    for name, weight in learner.trunk.named_parameters():
        if weight.ndim < 2:
            assert not learner.ownership.get(name).numel()
            continue
        n, counts = weight.numel(), learner.ownership.get(name).long().flatten().bincount(minlength=5).tolist()
        free = n
        for task in range(3):
            kept = free - round(0.75 * free)
            assert counts[task + 1] == kept
            free -= kept
        assert counts[4] == free and counts[0] == 0


@pytest.mark.parametrize("method", ["ewc+packnet", "packnet+ewc", "si+hat", "clnp+mas"])
def test_what_is_held_stays_held_beside_other_methods(method: str, tmp_path: Path) -> None:
    sets = [*SETS, *(["method.hat.embedding_lr=0.05"] if "hat" in method else [])]
    run = gencl.train("digits-mlp", method, 0, tmp_path / "run", set=sets, progress="silent")
    assert run.metrics["summary"]["bwt"] == 0 and run.metrics["summary"]["acc"] > 0.55


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("hat+clnp", "both divide"),
        ("joint+packnet", "joint learns all tasks at once, so there is nothing for packnet to protect"),
        ("ewc+joint+si", "joint learns all tasks at once, so there is nothing for ewc and si to protect; write joint"),
        ("anpyc+packnet", "stages of their own"),
    ],
)
def test_what_cannot_go_together_is_refused_before_anything_is_written(
    method: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(gencl.UsageError, match=message):
        gencl.train("digits-mlp", method, 0, tmp_path / "run", set=SETS, progress="silent")
    assert not (tmp_path / "run").exists()


def test_one_head_needs_equal_tasks_and_consolidation_something_shared(tmp_path: Path) -> None:
    for method, sets, message in (
        ("ewc", ["scenario.sizes=[2,3,5]", "model.heads=domain"], "as many classes"),
        ("ewc", ["model.hidden=[]"], "nothing is shared"),
    ):
        with pytest.raises(gencl.UsageError, match=message):
            gencl.train("digits-mlp", method, 0, tmp_path / "run", set=["train.steps=9", *sets], progress="silent")
        assert not (tmp_path / "run").exists()


def test_clnp_with_one_head_gives_each_task_last_units_of_its_own(tmp_path: Path) -> None:
    sets = [*SETS, "model.heads=domain", "model.hidden=[32,24]", "method.l1=0.001", "method.margin=0.05"]
    run = gencl.train("digits-mlp", "clnp", 0, tmp_path / "run", set=sets, progress="silent")
    last = cast(Classifier, run.learner()).gates.rows()[-1]
    assert (last.sum(0) <= 1).all() and (last.sum(1) > 0).all()


def test_clnp_keeps_what_was_learned_when_no_units_are_left(tmp_path: Path) -> None:
    sets = [*SETS, "model.heads=domain", "model.hidden=[16,2]", "method.l1=0", "method.margin=0"]
    with pytest.warns(UserWarning, match="have taken all units"):
        run = gencl.train("digits-mlp", "clnp", 0, tmp_path / "run", set=sets, progress="silent")
    accuracy, capacity = run.metrics["matrices"]["accuracy"], run.metrics["capacity"]
    learned = next(t for t, row in enumerate(capacity) if max(row.values()) == 1) + 1
    assert learned < 4 and capacity[learned:] == capacity[learned - 1 : -1]
    assert all(row[:learned] == accuracy[learned - 1][:learned] for row in accuracy[learned:])


def test_clnp_tries_what_it_may_and_keeps_the_smallest(tmp_path: Path) -> None:
    """The strong L1 of the second trial takes fewer units, and the third is too strong to learn."""
    sets = [*SETS, "scenario.tasks=1", "train.steps=90", "method.margin=0.1", "method.l1=0.0001", "train.log_every=1"]
    one, two = (
        gencl.train("digits-mlp", "clnp", 0, tmp_path / name, set=[*sets, *more], progress="silent")
        for name, more in (("one", []), ("two", ["method.l1_factors=[1,100]", "method.lr_factors=[1,0.0001]"]))
    )
    sums = [sum(float(rows[0].sum()) for rows in cast(Classifier, run.learner()).gates.rows()) for run in (one, two)]
    assert sums[1] < sums[0] and two.metrics["summary"]["acc"] > one.metrics["summary"]["acc"] - 0.12
    stages = [json.loads(line) for line in (two.path / "log.jsonl").read_text().splitlines()]
    assert [entry["stage"] for entry in stages][-1] == "train, l1 times 100, lr times 0.0001"
    # the last trial was far from the best and dropped out: what stays is not what was trained last
    assert max(entry["lr"] for entry in stages if "lr times 1" in entry["stage"]) == 0.05


def test_hat_gates_open_less_when_units_cost_more(tmp_path: Path) -> None:
    used = []
    for cost in (0.0, 5.0):
        sets = [*SETS, f"method.cost={cost}", "method.embedding_lr=0.5", "train.steps=60"]
        run = gencl.train("digits-mlp", "hat", 0, tmp_path / str(cost), set=sets, progress="silent")
        used.append(float(cast(Classifier, run.learner()).gates.rows()[0].mean()))
    assert used[1] < used[0]


def test_clnp_grows_and_cuts_interference(tmp_path: Path) -> None:
    """Units in use only grow, and no weight leads from a unit that is not in use to one that is."""
    sets = [*SETS, "method.l1=0.001", "method.margin=0.05", "train.steps=60"]
    run = gencl.train("digits-mlp", "clnp", 0, tmp_path / "run", set=sets, progress="silent")
    learner = cast(Classifier, run.learner())
    first, second = (rows.bool() for rows in learner.gates.rows())
    assert (first[1:] | ~first[:-1]).all() and (second[1:] | ~second[:-1]).all()  # with heads per task: cumulative
    assert not first.all()
    weight = learner.shared()["trunk.hidden.1.linear.weight"]
    assert (weight[second[-1]][:, ~first[-1]] == 0).all()


@pytest.mark.parametrize(("steps", "batch_size"), [(1005, 128), (103, 32), (20, 8), (9, 8)])
def test_hats_cycles_are_whole(steps: int, batch_size: int) -> None:
    """However many steps there are, gates become steep once an epoch, and are so at the end."""
    ctx = replace(context(train__batch_size=batch_size), steps=steps)
    method = HAT(HAT.Settings(steepest=400))
    rises = [method._steepness(replace(ctx, step=step)) for step in range(steps)]
    falls = [step for step in range(1, steps) if rises[step] < rises[step - 1]]
    assert rises[0] == 1 / 400 and rises[-1] == 400 and rises[-2] > 300
    assert all(rises[step - 1] > 300 for step in falls) and bool(falls) == (steps > 20)
