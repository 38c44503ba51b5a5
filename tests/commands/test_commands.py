"""What the commands do when they are used rightly."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image
from PIL.GifImagePlugin import GifImageFile

from gencl import presets
from tests import forked
from tests.conftest import METHODS, gencl, gencl_process, tiny

SETS = [part for text in tiny("digits-cgan") for part in ("--set", text)]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of the real command, in the default place."""
    folder = tmp_path_factory.mktemp("work")
    done = gencl_process("train", *SETS, cwd=folder)
    assert done.returncode == 0, done.stderr
    wanted = ("report.html", "just learned", "at the end", "overall: conditional accuracy")
    assert all(words in done.stdout for words in wanted)
    return folder / "runs" / "digits-cgan-anpyc-seed0"


def test_default_folder_is_numbered_when_taken(run: Path) -> None:
    quick = [*SETS, "--set", "scenario.tasks=1", "--set", "train.steps=1"]
    done = gencl("train", *quick, "--json", cwd=run.parents[1])
    assert done.returncode == 0
    assert json.loads(done.stdout)["method"] == "anpyc"
    assert (run.parent / "digits-cgan-anpyc-seed0-2" / "report.html").exists()
    third = gencl("train", *quick, cwd=run.parents[1])
    told = f"runs/{run.name} is finished: this run goes into runs/{run.name}-3"
    assert third.returncode == 0 and told in third.stderr + third.stdout


def test_resume_of_a_finished_run_says_so(run: Path) -> None:
    done = gencl("train", "--resume", "--out", run)
    assert done.returncode == 0 and "finished already" in done.stderr + done.stdout


def test_sample(run: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "1.png", tmp_path / "2.png"
    for path in (one, two):
        assert gencl("sample", run, "--classes", "0,2", "--n", "8", "--out", path).returncode == 0
    assert one.read_bytes() == two.read_bytes()
    picture = Image.open(one)
    assert picture.width > 4 * 28 and picture.height > 2 * 28
    assert gencl("sample", run, "--task", "2", "--n", "4", "--out", tmp_path / "3.png").returncode == 0


def test_evaluate(run: Path) -> None:
    done = gencl("evaluate", run, "--json", "--n", "30")
    result = json.loads(done.stdout)
    assert result == json.loads((run / "evaluation.json").read_text())
    assert [row["task"] for row in result["tasks"]] == ["0", "1", "2"]
    assert result["n"] == 30 and result["features"]["name"] == "digits" and "fid" in result["mean"]


def test_evaluate_agrees_with_what_training_measured(run: Path) -> None:
    result = json.loads(gencl("evaluate", run, "--json").stdout)
    matrix = json.loads((run / "metrics.json").read_text())["matrices"]["fid"]
    assert [row["fid"] for row in result["tasks"]] == pytest.approx(matrix[-1])


def test_report_is_self_contained_and_escapes(run: Path) -> None:
    report = (run / "report.html").read_text()
    assert "http" not in report.replace("http-equiv", "") and "data:image/png;base64," in report
    assert gencl("report", run).returncode == 0


def test_pictures_are_there_for_every_task(run: Path) -> None:
    names = sorted(path.name for path in (run / "samples").iterdir())
    assert names == ["beside-real.png", "evolution.gif", "evolution.png", "task-01.png", "task-02.png", "task-03.png"]
    heights = [Image.open(run / "samples" / f"task-0{k}.png").height for k in (1, 2, 3)]
    assert heights[0] < heights[1] < heights[2]
    animation = Image.open(run / "samples" / "evolution.gif")
    assert isinstance(animation, GifImageFile) and animation.n_frames == 3


@pytest.mark.parametrize("what", ["methods", "presets", "datasets", "learners", "models", "metrics"])
def test_list(what: str) -> None:
    lines = json.loads(gencl("list", what, "--json").stdout)
    assert lines and all(about for about in lines.values())
    assert what != "methods" or set(METHODS) <= set(lines)


def test_list_of_all_names() -> None:
    names = json.loads(gencl("list", "--json").stdout)
    assert set(METHODS) <= set(names["methods"]) and "digits-cgan" in names["presets"] and "cgan" in names["learners"]
    shown = gencl("list").stdout
    assert all(name in shown for name in (*names, *names["datasets"])) and max(map(len, shown.splitlines())) <= 120


def test_listing_help_and_slips_do_not_import_torch() -> None:
    code = """
import sys
from gencl.commands import main
right = ("--help", "list", "list methods", "list presets", "train --help", "preset show fashion-cgan")
wrong = (
    "trian", "list method", "train --sed 1", "preset show digits", "train --preset nope", "train --method nope",
    "compare --methods anpcy", "tune --methods anpyc,nope", "preset validate digits-cgan --method nope",
)
for line in (*right, *wrong):
    sys.argv = ["gencl", *line.split()]
    try:
        main()
    except SystemExit as leave:
        assert (leave.code or 0) == (0 if line in right else 2), line
    assert "torch" not in sys.modules, line
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_presets_are_valid_and_start_with_their_command(tmp_path: Path) -> None:
    for name in presets.names():
        text = presets.path_of(name).read_text()
        assert text.startswith(f"# gencl train --preset {name}")
        for method in METHODS:
            presets.resolve(name, method=method)
    copied = tmp_path / "mine.yaml"
    assert gencl("preset", "copy", "digits-mlp", copied).returncode == 0
    assert gencl("preset", "validate", copied, "--method", "ewc").returncode == 0
    empty = gencl("preset", "validate", "folders-cgan")
    assert empty.returncode == 0 and "before it can run: scenario.domains: name data sets or folders" in empty.stdout
    assert gencl("preset", "show", "digits-mlp").stdout == copied.read_text()
    shown, text = gencl("preset", "show", "fashion-cgan").stdout, presets.path_of("fashion-cgan").read_text()
    assert shown.startswith(text) and "#   dgr: {share: 0.5}\n" in shown


def test_tuned_settings_reach_the_method_and_can_be_changed() -> None:
    settings = presets.resolve("digits-mlp", method="anpyc")
    assert settings.method["prune"] == 50
    settings = presets.resolve("digits-mlp", method="anpyc", assignments=["method.prune=10"])
    assert settings.method["prune"] == 10
    composed = presets.resolve(
        "digits-cgan", method="mas+dgr", assignments=["method.dgr.share=0.25", "method.mas.lambda=7"]
    )
    assert composed.method["dgr"] == {"share": 0.25} and composed.method["mas"]["lambda"] == 7


def test_data_check() -> None:
    done = gencl("data", "check", "digits")
    assert done.returncode == 0 and "1437 training and 360 test images of 1x28x28" in done.stdout


def test_compare_is_resumable_and_reports_failed_cells(tmp_path: Path) -> None:
    sets = [part for text in tiny("digits-mlp") for part in ("--set", text)]
    base = ["compare", "--preset", "digits-mlp", *sets, "--out", tmp_path / "c", "--json"]
    done = gencl(*base, "--methods", "sgd,ewc:method.lambda=3,joint", "--seeds", "0-1", "--jobs", "2")
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    assert results["methods"]["sgd"]["acc"]["n"] == 2 and results["seeds"] == [0, 1]
    assert results["methods"]["ewc:method.lambda=3"]["status"] == "done"
    assert results["methods"]["sgd"]["fwt"]["n"] == 2 and "fwt" not in results["methods"]["joint"]
    model = tmp_path / "c" / "sgd" / "seed-0" / "model.safetensors"
    before = model.stat().st_mtime_ns
    done = gencl(*base, "--methods", "sgd,dgr:model.generator=null", "--seeds", "0")
    results = json.loads(done.stdout)
    assert done.returncode == 1
    refused = results["methods"]["dgr:model.generator=null"]
    assert refused["status"] == "failed" and "generator" in refused["error"]
    assert results["methods"]["sgd"]["acc"]["n"] == 2 and model.stat().st_mtime_ns == before  # the table is kept
    assert "| sgd | 2 |" in (tmp_path / "c" / "results.md").read_text()
    assert refused["error"].replace("'", "&#39;") in (tmp_path / "c" / "report.html").read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")
def test_compare_stops_with_its_cells_and_goes_on(tmp_path: Path) -> None:
    out = tmp_path / "c"
    sets = [part for text in [*tiny("digits-cgan"), "train.steps=60", "scenario.tasks=2"] for part in ("--set", text)]
    arguments = ["compare", *sets, "--out", str(out), "--threads", "1", "--methods"]
    process = forked.command(*arguments, "sgd,ewc")
    while not (out / "sgd" / "seed-0" / "log.jsonl").exists() and process.poll() is None:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all processes of the group
    assert process.wait(60) == 130
    assert "goes on where it was" in process.errors and "Traceback" not in process.errors
    assert list((out / "sgd" / "seed-0" / "checkpoint").glob("*.json")) and not (out / "ewc").exists()
    done = gencl(*arguments, "sgd")
    assert done.returncode == 0 and (out / "samples.png").exists()


def test_list_methods_says_whom_each_serves() -> None:
    from gencl.methods import METHODS as REGISTRY
    from gencl.methods import SERVES

    listed = gencl("list", "methods").stdout
    words = set()
    for name in METHODS:
        word = next((need.word for need in REGISTRY.get(name).needs), "")
        assert REGISTRY.serves(name) == word and f"[{word or 'any'}]" in listed
        words |= {word or "any", *(need.word for need in REGISTRY.get(name).needs)}
    assert set(SERVES) == words and "model.heads: task" in listed
