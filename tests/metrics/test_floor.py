"""Distances are from held-out images, never from training images; what real images score; few held-out images."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import gencl
from gencl.api import train
from gencl.experiments.compare import compare
from gencl.metrics.evaluator import Evaluator
from gencl.metrics.figures import shown
from gencl.metrics.statistics import Statistics
from gencl.reports import ties
from gencl.reports.comparison import write_comparison
from gencl.run import Run
from gencl.uses.floor import floor
from tests.conftest import gencl as command
from tests.conftest import grown, tiny
from tests.metrics.copying import Copying


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("run") / "gan"
    return train("digits-cgan", "sgd", 0, folder, set=tiny("digits-cgan"), progress="silent")


def evaluator(*sets: str) -> Evaluator:
    settings = gencl.resolve("digits-cgan", assignments=[*tiny("digits-cgan"), *sets])
    learner, scenario = grown(settings, tasks=3)
    return Evaluator(learner, scenario, settings.evaluate, 0)


@pytest.mark.parametrize("split", ["test", "validation"])
def test_the_reference_is_held_out_however_few_images_are(split: str) -> None:
    measuring = evaluator("data.validation=0.1", f"evaluate.split={split}")
    snapshot = measuring.snapshot(measuring.scenario.tasks)
    for task in measuring.scenario.tasks:
        assert len(task.test) < 100 and torch.equal(snapshot.held_out_part(task).images, getattr(task, split).images)
    features = measuring.features() or {}
    assert features["reference"] == split and features["pooled"] == ["fid", "precision", "recall"]


def test_copies_of_the_training_images_score_no_better_than_the_floor() -> None:
    measuring = evaluator("evaluate.samples=100")
    tasks = measuring.scenario.tasks
    snapshot = Copying(measuring.learner, measuring.conditions, tasks, keep=True)
    copies = measuring.evaluation(snapshot)
    assert copies["mean"]["fid"] > 0.5 * copies["floor"]["fid"] > 10
    assert copies["mean"]["fid"] == copies["summary"]["fid_all"]


def test_the_floor_is_that_of_the_tasks_whatever_the_learner() -> None:
    sets = ("evaluate.samples=30",)
    one, other = evaluator(*sets), evaluator("seed=7", *sets)
    floors = [each.floor(each.scenario.tasks) for each in (one, other)]
    assert floors[0] == floors[1] and floors[0]["n"] == 30
    assert floors[0].keys() >= {
        "fid",
        "fid_all",
        "fid_first_half",
        "kid",
        "precision",
        "recall",
        "conditional_accuracy",
    }
    assert floors[0]["conditional_accuracy"] > 0.95
    snapshot = one.snapshot(one.scenario.tasks, final=True)
    assert one.evaluation(snapshot)["mean"]["fid"] > 5 * floors[0]["fid"]  # nothing was learned


def test_classes_of_a_pool_have_equal_weight_on_both_sides() -> None:
    """A mixture of the same two classes in other shares is at no distance."""
    torch.manual_seed(0)
    near, far = torch.randn(90, 3), torch.randn(300, 3) + 5
    balanced = Statistics.balanced([Statistics.of(near), Statistics.of(far)])
    assert balanced.n == 390
    torch.testing.assert_close(balanced.total / 390, (near.double().mean(0) + far.double().mean(0)) / 2)
    few = Statistics.balanced([Statistics.of(near), Statistics.of(far.repeat(3, 1))])
    torch.testing.assert_close(few.outer / few.n, balanced.outer / balanced.n)


def test_with_few_held_out_images_a_matrix_is_of_the_tasks_up_to_each(run: Run) -> None:
    metrics = run.metrics
    matrix, summary = metrics["matrices"]["fid"], metrics["summary"]
    assert all((value is not None) == (j <= i) for i, row in enumerate(matrix) for j, value in enumerate(row))
    assert summary["fid"] == matrix[-1][-1] == summary["fid_all"]
    assert summary["fid_first_half"] == matrix[-1][0]  # of three tasks
    assert set(metrics["matrices"]) == {"conditional_accuracy", "fid", "kid"}  # KID is each task's own
    assert summary["kid"] == pytest.approx(sum(metrics["matrices"]["kid"][-1]) / 3)
    assert metrics["floor"]["fid"] < summary["fid"] and "real images" in (run.path / "report.html").read_text()


def test_no_mean_is_taken_of_what_is_of_all_tasks_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sets = [*tiny("digits-cgan"), "scenario.tasks=2"]
    matrices = train("digits-cgan", "sgd", 0, tmp_path / "run", set=sets, progress="lines").metrics["matrices"]
    kid = shown("kid", sum(matrices["kid"][-1]) / 2)
    said = f"KID (digits) {kid}; over all tasks so far: FD (digits) {shown('fid', matrices['fid'][1][1])}\n"
    assert said in capsys.readouterr().err


def test_two_commands_agree_with_the_run(run: Run) -> None:
    once = json.loads(command("fid", run.path, "--json").stdout)
    summary = run.metrics["summary"]
    assert once["scores"]["fid"] == pytest.approx(summary["fid"], rel=1e-6)
    assert once["scores"]["precision"] == pytest.approx(summary["precision"])
    again = json.loads(command("evaluate", run.path, "--json").stdout)
    assert again["mean"]["fid"] == pytest.approx(summary["fid"], rel=1e-6)
    assert again["summary"]["fid_first_half"] == pytest.approx(summary["fid_first_half"], rel=1e-6)
    assert again["floor"] == pytest.approx(run.metrics["floor"], rel=1e-6)
    done = command("evaluate", run.path)
    assert "pooled (FD (digits), precision, recall)" in " ".join(done.stdout.split())
    last = {cells[0].strip(): cells[1:] for line in done.stdout.splitlines() if len(cells := line.split("│")[1:-1]) > 1}
    assert all(bool(one.strip()) != bool(other.strip()) for one, other in zip(last["all"], last["mean"], strict=True))
    assert "fewer than 100 images of a task are held out" in " ".join(done.stderr.split())


def test_the_floor_of_a_preset_or_run(run: Run) -> None:
    sets = [option for text in tiny("digits-cgan") for option in ("--set", text)]
    result = command("fid", "digits-cgan", "--real", "--json", *sets)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["floor"] == pytest.approx(run.metrics["floor"], rel=1e-6)
    assert floor(run.path)["floor"] == pytest.approx(run.metrics["floor"], rel=1e-6)
    assert "real images" in command("fid", run.path, "--real").stdout
    cases = [
        (["digits-mlp", "--real"], "there is no floor"),
        (["digits-cgan", "digits", "--real"], "leave REFERENCE out"),
        (["digits-cgan", "--set", "seed=1"], "which --real measures"),
        ([run.path, "--real", "--set", "seed=1"], "is none"),
    ]
    for arguments, words in cases:
        result = command("fid", *arguments)
        assert result.returncode == 2 and words in " ".join(result.stderr.split()), (arguments, result.stderr)


def test_a_comparison_has_a_row_of_real_images_that_never_competes(tmp_path: Path) -> None:
    sets = tiny("digits-cgan")
    results = compare("sgd,joint", out=tmp_path, preset="digits-cgan", set=sets, progress="silent")
    real = results["methods"]["real"]
    assert list(results["methods"]) == ["sgd", "joint", "real"] and real["status"] == "done"
    assert real["fid"]["mean"] == Run(tmp_path / "sgd/seed-0").metrics["floor"]["fid"] and real["fid"]["n"] == 1
    assert results["features"]["floor_n"] == 20 and "real,fid,3" in (tmp_path / "curves.csv").read_text()
    assert not any(ties.mark(results, key, "real") for key in real)
    page = write_comparison(tmp_path).read_text()
    assert "FD (digits), logarithmic, all tasks learned so far together" in page
    assert "mean over the tasks learned so far" not in page and '<th scope="col" title="up to' in page
    assert "2 methods on digits-cgan" in page and "--methods sgd,joint" in page
