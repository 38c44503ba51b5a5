"""Runs in which classes, or whole tasks, come again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import gencl
from gencl.analysis.measuring import held, joined
from gencl.core.errors import UsageError
from gencl.runs.folder import RunFolder
from gencl.training.train import prepare
from tests.conftest import gencl as command
from tests.conftest import killed_at, tiny
from tests.scenarios.test_domains import folder

GENERATORS = ("digits-cgan", "digits-vae", "digits-flow")


def chosen(preset: str, scenario: str) -> list[str]:
    """A tiny run whose classes are spread over three tasks, or whose two tasks come twice."""
    rest = [one for one in tiny(preset) if not one.startswith("scenario.")]
    if scenario == "dirichlet":
        heads = ["model.heads=class"] if preset == "digits-mlp" else []
        return [*rest, "scenario.name=dirichlet", "scenario.tasks=3", *heads]
    return [*rest, "scenario.name=repeat", "scenario.of.classes_per_task=2", "scenario.of.tasks=2"]


def trained(preset: str, method: str, scenario: str, out: Path, *more: str, resume: bool = False) -> RunFolder:
    assignments = () if resume else [*chosen(preset, scenario), *more]
    if resume:
        return gencl.train(out=out, resume=True, progress="silent")  # type: ignore[return-value]
    return gencl.train(preset, method, 0, out, set=assignments, progress="silent")  # type: ignore[return-value]


@pytest.mark.parametrize("scenario", ["dirichlet", "repeat"])
@pytest.mark.parametrize("preset", [*GENERATORS, "digits-mlp"])
def test_every_learner_goes_on_with_the_classes_it_knows(preset: str, scenario: str, tmp_path: Path) -> None:
    run = trained(preset, "sgd", scenario, tmp_path / "run")
    metrics, learner = run.metrics, run.learner()
    tasks = 3 if scenario == "dirichlet" else 4
    assert len(metrics["tasks"]) == len(learner.tasks) == tasks
    assert sorted(learner.classes) == sorted(set(learner.classes)) == sorted({c for t in learner.tasks for c in t})
    assert len(learner.groups) < tasks
    for matrix in metrics["matrices"].values():
        assert all(value is not None for i, row in enumerate(matrix) for value in row[: i + 1])
    assert set(metrics["classes"]) == {run.class_names()[c] for c in learner.classes}
    assert json.loads((run.path / "evaluation.json").read_text())["classes"] == metrics["classes"]
    assert "a row per class" in (run.path / "report.html").read_text()


@pytest.mark.parametrize("preset", [*GENERATORS, "digits-mlp"])
def test_a_run_that_was_stopped_in_a_second_visit_goes_on_exactly(preset: str, tmp_path: Path) -> None:
    method = "ewc" if preset == "digits-mlp" else "anpyc+align"
    more = ["train.checkpoint_every=2"]
    whole = trained(preset, method, "repeat", tmp_path / "whole", *more)
    with killed_at(6 * 2 + 4):
        trained(preset, method, "repeat", tmp_path / "cut", *more)
    resumed = trained(preset, method, "repeat", tmp_path / "cut", resume=True)
    assert (whole.path / "model.safetensors").read_bytes() == (resumed.path / "model.safetensors").read_bytes()
    assert whole.metrics["matrices"] == resumed.metrics["matrices"]


@pytest.mark.parametrize("method", ["joint", "sgd-f", "ewc", "si", "mas", "spp", "anpyc", "dgr", "align", "er"])
def test_methods_of_generators_learn_spread_classes(method: str, tmp_path: Path) -> None:
    run = trained("digits-cgan", method, "dirichlet", tmp_path / "run")
    assert run.finished and len(run.metrics["matrices"]["fid"]) == 3


@pytest.mark.parametrize("method", ["ewc", "si", "mas", "spp", "anpyc", "lwf", "er", "der++", "agem", "joint"])
def test_methods_of_classifiers_learn_spread_classes(method: str, tmp_path: Path) -> None:
    run = trained("digits-mlp", method, "dirichlet", tmp_path / "run")
    assert run.finished and len(run.metrics["matrices"]["accuracy"]) == 3


@pytest.mark.parametrize("method", ["finetune", "lwf", "er", "agem", "si", "hat", "packnet", "xdg", "clnp", "joint"])
@pytest.mark.parametrize("heads", ["task", "domain"])
def test_methods_of_classifiers_learn_tasks_that_come_back(method: str, heads: str, tmp_path: Path) -> None:
    if (method, heads) == ("finetune", "domain"):
        method = "sgd"
    more = [f"model.heads={heads}", "data.validation=0.2"]
    more += ["method.last=prune"] if method == "packnet" else []
    run = trained("digits-mlp", method, "repeat", tmp_path / "run", *more)
    assert run.finished and len(run.learner().groups) == 2


@pytest.mark.parametrize("method", ["hat", "packnet", "clnp", "sgd-f"])
def test_a_task_that_comes_back_moves_only_its_own_head_where_units_are_divided(method: str, tmp_path: Path) -> None:
    more = ["keep=tasks", "model.heads=task", "data.validation=0.2", "scenario.visits=[0,1,0]"]
    run = trained("digits-mlp", method, "repeat", tmp_path / "run", *more)
    before, after = (load_file(run.path / path) for path in ("kept/task-02.safetensors", "model.safetensors"))
    moved = {name for name, tensor in after.items() if not torch.equal(tensor, before[name])}
    assert "head.0.bias" in moved and moved <= {"head.0.weight", "head.0.bias"}  # hat may have closed all units


def test_a_task_that_comes_back_has_the_parameters_of_its_first_visit(tmp_path: Path) -> None:
    for preset in (*GENERATORS, "digits-mlp"):
        heads = ["model.heads=task"] if preset == "digits-mlp" else []
        learner = trained(preset, "sgd", "repeat", tmp_path / preset, *heads).learner()
        for visit in (0, 1):
            first, again = learner.own(visit), learner.own(visit + 2)
            assert first and list(first) == list(again)
            assert all(first[name] is again[name] for name in first)
        assert learner.groups_of([2]) == [0] and learner.returns(3) and not learner.returns(1)


@pytest.mark.parametrize("method", ["ewc", "ewc-online", "l2", "mas", "si"])
def test_a_task_that_comes_back_counts_once_in_the_importance(method: str, tmp_path: Path) -> None:
    run = trained("digits-mlp", method, "repeat", tmp_path / "run", "scenario.visits=[0,1,0,0,1]")
    importance = held(run)
    assert importance is not None and joined(importance).double().mean().item() == pytest.approx(2, rel=1e-4)


def test_what_comes_back_at_once_replaces_its_own_term(tmp_path: Path) -> None:
    of = "scenario.of={name: split, classes_per_task: 2, tasks: 1}"
    once, twice = (
        trained("digits-mlp", "l2", "repeat", tmp_path / str(visits), of, f"scenario.visits={visits}")
        for visits in (1, 2)
    )
    for run in (once, twice):
        importance = held(run)
        assert importance is not None and all(bool((value == 1).all()) for value in importance.values())


@pytest.mark.parametrize(("method", "others"), [("align", [0, 1, 1, 2, 2, 2]), ("joint", [0])])
def test_hooks_are_told_of_the_other_tasks_each_once(method: str, others: list[int], tmp_path: Path) -> None:
    assignments = [*chosen("digits-cgan", "repeat"), "scenario.of.tasks=3", "scenario.visits=[0,1,0,2,1,0]"]
    settings = gencl.resolve("digits-cgan", method=method, assignments=assignments)
    session, _ = prepare(settings, tmp_path / "run", False, None, "cpu", None, "silent")
    assert [session.context(task).others for task in session.episodes] == others


def test_heads_that_a_class_must_tell_are_refused_where_it_is_in_several_tasks(tmp_path: Path) -> None:
    for heads in ("task", "domain"):
        more = [f"model.heads={heads}", "scenario.tasks=8"]
        with pytest.raises(UsageError, match=r"classes of task 1; train with model.heads=class"):
            trained("digits-mlp", "sgd", "dirichlet", tmp_path / "run", *more)
    for method in ("hat", "packnet", "xdg"):
        with pytest.raises(UsageError, match=f"method {method} cannot serve"):
            trained("digits-mlp", method, "dirichlet", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_scores_per_class_can_be_asked_for(tmp_path: Path) -> None:
    run = gencl.train(
        "digits-mlp", "sgd", 0, tmp_path / "run", set=[*tiny("digits-mlp"), "evaluate.by_class=yes"], progress="silent"
    )
    names = {run.class_names()[c] for c in run.learner().classes}
    assert set(run.metrics["classes"]) == names
    assert all(0 <= row["accuracy"] <= 1 for row in run.metrics["classes"].values())
    plain = gencl.train("digits-mlp", "sgd", 0, tmp_path / "plain", set=tiny("digits-mlp"), progress="silent")
    assert "classes" not in plain.metrics


@pytest.mark.parametrize("preset", [*GENERATORS, "digits-mlp"])
def test_a_run_learns_more_pictures_of_known_classes(preset: str, tmp_path: Path) -> None:
    heads = ["model.heads=task"] if preset == "digits-mlp" else []
    more = folder(tmp_path / "more", "01")
    rest = [*tiny(preset), "scenario.tasks=2", "scenario.classes_per_task=2", "scenario.order=given", *heads]
    run = gencl.train(preset, "ewc", 0, tmp_path / "run", set=rest, progress="silent")
    before = {name: tensor.clone() for name, tensor in run.learner().own(0).items()}
    extended = gencl.extend(run, more, known=True, progress="silent")
    learner = extended.learner()
    assert learner.tasks == [(0, 1), (2, 3), (0, 1)] and learner.classes == [0, 1, 2, 3]
    assert any(not torch.equal(tensor, before[name]) for name, tensor in learner.own(0).items())
    assert set(extended.metrics["classes"]) == {"0", "1", "2", "3"} and len(extended.class_names()) == 10


def test_the_command_takes_known(tmp_path: Path) -> None:
    run = tmp_path / "run"
    gencl.train("digits-mlp", "sgd", 0, run, set=[*tiny("digits-mlp"), "model.heads=class"], progress="silent")
    refused = command("extend", run, folder(tmp_path / "letters", "ab"), "--known")
    assert refused.returncode == 2 and "none of its classes (a, b)" in refused.stderr
    learned = command("extend", run, folder(tmp_path / "more", "12"), "--known")
    assert learned.returncode == 0, learned.stderr
