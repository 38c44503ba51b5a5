"""`gencl analyze` of runs and comparisons, and what it refuses."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image

from gencl.analysis import ANALYSES, analyze
from gencl.analysis.measuring import Bench, held
from gencl.api import train
from gencl.core.errors import GenclError, UsageError
from gencl.experiments.results import write_results
from gencl.run import Run
from gencl.runs import kept, ready
from gencl.runs.folder import RunFolder
from gencl.runs.variants import Variant, cell_folder, distinct_variants
from tests.conftest import gencl, tiny

SWEPT = "ewc:method.lambda=9"


def trained(folder: Path, variant: Variant, *more: str) -> Run:
    sets = [*tiny("digits-mlp"), *variant.assignments, *more]
    return train("digits-mlp", variant.method, 0, folder, set=sets, progress="silent")


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A comparison as `gencl compare --set keep=tasks` leaves it."""
    folder = tmp_path_factory.mktemp("compared")
    variants = distinct_variants(f"ewc,{SWEPT},packnet,joint".split(","))
    for variant in variants:
        trained(cell_folder(folder, variant, 0), variant, "keep=tasks")
    write_results(folder, variants, [0], "digits-mlp", {})
    return folder


@pytest.fixture(scope="module")
def run(compared: Path) -> Run:
    return Run(compared / "ewc" / "seed-0")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The same run without ``keep``."""
    return trained(tmp_path_factory.mktemp("runs") / "plain", Variant("ewc", "ewc"))


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text())))


def test_keeping_changes_nothing_else(run: Run, plain: Run) -> None:
    names = [sorted(path.name for path in each.path.iterdir()) for each in (run, plain)]
    assert set(names[0]) - set(names[1]) <= {"kept", "analysis"} and "kept" in names[0] and "kept" not in names[1]
    assert "keep" not in (plain.path / "config.yaml").read_text()
    assert "keep: tasks" in (run.path / "config.yaml").read_text()
    weights = [(each.path / "model.safetensors").read_bytes() for each in (run, plain)]
    assert weights[0] == weights[1]


def test_measured_again_importance_is_what_the_method_held(run: Run) -> None:
    bench, at_end = Bench(10**6, None, "cpu"), held(run)
    assert at_end is not None and list(kept.learners(run)) == [1, 2, 3]
    each = [bench.importance(run, make(), "fisher", number) for number, make in kept.learners(run).items()]
    for name, value in at_end.items():
        assert torch.equal(value, each[0][name] + each[1][name] + each[2][name])


def test_importance_of_an_older_checkpoint_is_not_that_of_the_end(run: Run, tmp_path: Path) -> None:
    shutil.copytree(run.path, tmp_path / "cut")
    max((tmp_path / "cut" / "checkpoint").glob("*.safetensors")).write_bytes(b"cut off")
    with pytest.raises(GenclError, match=r"the last checkpoint is damaged: .*; train the run again"):
        held(RunFolder(tmp_path / "cut"))


@pytest.fixture(scope="module")
def drawn(run: Run) -> dict[str, list[str]]:
    """What the command says of a run without naming an analysis."""
    done = gencl("analyze", run.path, "--n", "40", "--json")
    assert done.returncode == 0, done.stderr
    paths: dict[str, list[str]] = json.loads(done.stdout)
    return paths


def test_without_a_name_a_run_gets_all_that_apply(run: Run, drawn: dict[str, list[str]]) -> None:
    figures = [Path(path) for path in drawn["figures"]]
    assert [path.stem for path in figures] == ["importance", "similarity", "drift", "drift-map", "size"]
    for path in figures:
        assert Image.open(path).width > 900 and rows(path.with_suffix(".csv"))
    assert any(line.startswith("sensitivity: left out") for line in drawn["said"])
    before = {path: path.read_bytes() for path in (run.path / "analysis").iterdir()}
    with pytest.warns(UserWarning, match="sensitivity: left out"):  # one that does not apply costs no other
        assert run.analyze("sensitivity,importance", samples=40) == figures[:1]
    with pytest.raises(UsageError, match="sensitivity: left out"):
        run.analyze("sensitivity", samples=40)
    assert {path: path.read_bytes() for path in (run.path / "analysis").iterdir()} == before


def test_overlap_and_drift_of_a_run(run: Run, drawn: dict[str, list[str]]) -> None:
    pairs = rows(run.path / "analysis" / "similarity.csv")
    assert {(row["task"], row["other_task"]) for row in pairs} == {("1", "2"), ("1", "3"), ("2", "3")}
    assert all(0 < float(row["overlap"]) < 1 for row in pairs)
    changes = rows(run.path / "analysis" / "drift.csv")
    assert [row["layer"] for row in changes] == ["all", "trunk.hidden.0.linear", "trunk.hidden.1.linear"]
    early, late = (make().shared() for number, make in kept.learners(run).items() if number != 2)
    names = [f"trunk.hidden.1.linear.{part}" for part in ("weight", "bias")]
    moved = torch.cat([(late[name] - early[name]).detach().flatten() for name in names])
    assert float(changes[2]["mean_square"]) == pytest.approx(float(moved.square().mean()), rel=1e-4)


def test_without_keep_only_the_last_change_is_known(plain: Run) -> None:
    done = gencl("analyze", plain.path, "drift", "--n", "40")
    assert done.returncode == 0, done.stderr
    assert "from task 2 to task 3 of 3: what is older was not kept" in done.stdout
    assert "--set keep=tasks" in done.stdout


def test_a_comparison_has_a_line_or_panel_a_method(compared: Path) -> None:
    done = gencl("analyze", compared, "--n", "40")
    assert done.returncode == 0, done.stderr
    folder = compared / "analysis"
    assert {row["importance"] for row in rows(folder / "importance.csv")} == {"ewc", SWEPT}
    assert {row["method"] for row in rows(folder / "similarity.csv")} == {"ewc", SWEPT, "packnet", "joint"}
    assert "similarity: each measured when the task had been learned\n" in done.stdout
    assert {row["method"] for row in rows(folder / "drift.csv")} == {"ewc", SWEPT, "packnet"}
    assert {row["method"] for row in rows(folder / "capacity.csv")} == {"packnet"}
    sizes = {row["method"]: int(row["parameters"]) for row in rows(folder / "size.csv") if row["tasks_learned"] == "1"}
    assert sizes["ewc"] < sizes["joint"]  # which has all heads from the start
    swept = rows(folder / "sensitivity.csv")
    assert {(row["setting"], row["value"]) for row in swept} == {("method.lambda", "100.0"), ("method.lambda", "9.0")}
    assert {row["measure"] for row in swept if row["mean"]} == {"acc", "bwt", "fwt"}


def test_curves_within_tasks(tmp_path: Path, plain: Run) -> None:
    watched = trained(tmp_path / "watched", Variant("ewc", "ewc"), "evaluate.within=yes")
    assert (watched.path / "model.safetensors").read_bytes() == (plain.path / "model.safetensors").read_bytes()
    (figure,) = watched.analyze("learning")
    course = rows(figure.with_suffix(".csv"))
    assert [(row["step"], row["task"]) for row in course][:5] == [*((s, "1") for s in "246"), ("8", "1"), ("8", "2")]
    at_end = [float(row["accuracy"]) for row in course if row["step"] == "18"]
    assert at_end == watched.metrics["matrices"]["accuracy"][-1]


def test_the_score_falls_with_large_steps(run: Run) -> None:
    before = (run.path / "model.safetensors").read_bytes()
    (figure,) = run.analyze("perturbation", samples=20)
    scores = rows(figure.with_suffix(".csv"))
    assert {row["direction"] for row in scores} == {"uniform", "inverse", "null"} and len(scores) == 3 * 13 * 5
    assert before == (run.path / "model.safetensors").read_bytes()


def test_memory_of_patterns_drawn_by_compare(tmp_path: Path) -> None:
    settings = ["scenario.tasks=3", "scenario.units=20", "train.steps=5", "model.inputs=signed", "keep=tasks"]
    done = gencl(
        "compare", "--preset", "random-patterns", "--methods", "l2,joint", "--seeds", "0", "--out",
        tmp_path / "patterns", *(word for one in settings for word in ("--set", one)), "--analyze", "patterns",
    )  # fmt: skip
    assert done.returncode == 0 and "l2 remembers" in done.stdout, done.stderr
    memory = rows(tmp_path / "patterns" / "analysis" / "patterns.csv")
    assert [row["patterns_stored"] for row in memory if row["method"] == "l2"] == ["10", "20", "20", "30", "30", "30"]
    assert [row["patterns_stored"] for row in memory if row["method"] == "joint"] == ["30"] * 3
    wrong = gencl("compare", "--methods", "l2", "--analyze", "patern")
    assert wrong.returncode == 2 and "did you mean patterns" in wrong.stderr


def test_what_is_refused(run: Run, plain: Run, compared: Path, tmp_path: Path) -> None:
    alone, unfinished, damaged, end, one = (tmp_path / name for name in ("alone", "begun", "damaged", "end", "one"))
    alone.mkdir()
    for name in ("model.json", "model.safetensors"):
        shutil.copy(run.path / name, alone)
    for folder in (unfinished, damaged, end):
        shutil.copytree(run.path, folder)
    (unfinished / "report.html").unlink()
    (damaged / "kept" / "task-01.safetensors").write_bytes(b"nothing")
    for name in ("kept", "checkpoint"):
        shutil.rmtree(end / name)
    trained(one, Variant("sgd", "sgd"), "scenario.tasks=1")
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "results.json").write_text('{"preset": "x", "seeds": [0], "methods": {"ewc": {}}, "paper": {}}')
    cases = [
        ([run.path, "importence"], 2, "did you mean importance"),
        ([run.path, "sensitivity"], 2, "gencl tune --config"),
        ([alone], 2, "holds a model alone"),
        (["digits-cgan-anpyc"], 2, "digits-cgan-anpyc is a ready model, which has no checkpoints and no log; give the"),
        ([ready.FOLDER / "digits-cgan-anpyc"], 2, "digits-cgan-anpyc is a ready model"),
        ([ready.FOLDER.resolve() / "digits-cgan-anpyc"], 2, "digits-cgan-anpyc is a ready model"),
        ([tmp_path / "no"], 2, "does not exist"),
        ([unfinished], 2, "is not finished; go on with it first: gencl train --resume --out"),
        ([damaged, "drift"], 1, "task-01.safetensors cannot be used"),
        ([end, "drift"], 2, "--set keep=tasks"),
        ([compared / "joint" / "seed-0", "drift"], 2, "joint training has no other"),
        ([one, "drift"], 2, "it learned one task"),
        ([one, "similarity"], 2, "one task alone"),
        ([plain.path, "learning"], 2, "--set evaluate.within=yes"),
        ([plain.path, "patterns"], 2, "it learned no random patterns"),
        ([broken], 2, "no run of this comparison is finished"),
        ([run.path, "--n", "0"], 2, "0 is not in the range"),
    ]
    for arguments, status, words in cases:
        result = gencl("analyze", *arguments)
        assert result.returncode == status, (arguments, result.stderr)
        assert words in result.stderr and result.stderr.count("\n") <= 3, (arguments, result.stderr)
        assert "Traceback" not in result.stderr and not result.stdout


def test_every_analysis_is_listed_and_says_what_it_did(compared: Path, run: Run) -> None:
    listed = gencl("analyze", "--help").stdout
    assert all(f"    {name} " in listed and ANALYSES.about(name) in listed for name in ANALYSES)
    said = analyze(run.path, "capacity")[1]
    assert said[0].startswith("size: ewc ") and said[0].endswith(
        "; no capacity: no method here takes units or weights for good (hat, packnet, clnp, anpyc do)"
    )
    assert [line.split(":")[0] for line in analyze(compared, "capacity")[1]] == ["capacity", "size"]
