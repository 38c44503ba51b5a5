"""Whole runs: every method on both learners, the contract, determinism, and going on after being killed."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors.torch import load_file
from torch import Tensor

import gencl
from gencl.api import Run
from gencl.core.errors import GenclError, UsageError
from gencl.core.registry import parts_of
from gencl.datasets.dataset import Split
from gencl.experiments.fork_server import ForkServer
from gencl.runs.recorder import Recorder
from gencl.runs.state import State
from tests import forked
from tests.conftest import METHODS, tiny


def train(out: Path, preset: str = "digits-cgan", method: str = "anpyc", **options: object) -> Run:
    more = list(options.pop("set", []))  # type: ignore[call-overload]
    return gencl.train(preset, method, 0, out, set=[*tiny(preset), *more], progress="silent", **options)


def contract(folder: Path, data_root: Path) -> str:
    script = data_root.parent / "check" / "contract.py"
    return subprocess.run([sys.executable, script, folder], capture_output=True, text=True, check=False).stdout.strip()


def model_bytes(run: Run) -> bytes:
    return (run.path / "model.safetensors").read_bytes()


def without_cost(run: Run) -> dict[str, object]:
    return {key: value for key, value in run.metrics.items() if key not in ("cost", "environment")}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run of anpyc on images; not to be changed."""
    return train(tmp_path_factory.mktemp("whole") / "run")


@pytest.fixture(scope="module")
def classified(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run of ewc on classes; not to be changed."""
    return train(tmp_path_factory.mktemp("classified") / "run", "digits-mlp", "ewc")


def unfinished(run: Run, out: Path) -> Run:
    """A copy that was cut off when all but the end was written."""
    shutil.copytree(run.path, out)
    _unfinish(Run(out))
    return Run(out)


NOT_FOR = {
    "digits-cgan": ["finetune", "lwf", "hat", "xdg", "packnet", "clnp", "der++", "agem"],
    "digits-vae": ["hat"],
    "digits-mlp": ["align"],
}
ON_A_VAE = ["sgd", "sgd-f", "joint", "ewc", "si", "mas", "anpyc", "dgr", "align", "hat", "er+spp", "anpyc+align"]
RUNS = [
    *((preset, method) for preset in ("digits-cgan", "digits-mlp") for method in [*METHODS, "mas+dgr", "xdg+si"]),
    *(("digits-vae", method) for method in ON_A_VAE),
]


@pytest.mark.data
@pytest.mark.parametrize(("preset", "method"), RUNS)
def test_every_method_leaves_a_run_as_the_contract_says(
    preset: str, method: str, tmp_path: Path, data_root: Path
) -> None:
    out = tmp_path / "run"
    if any(name in NOT_FOR[preset] for name in parts_of(method)):
        with pytest.raises(UsageError, match="cannot serve"):
            train(out, preset, method)
        assert not out.exists()
        return
    run = train(out, preset, method)
    assert contract(out, data_root) == "as the contract says"
    assert run.finished and run.metrics["cost"]["steps"] == 18
    summary = run.metrics["summary"]
    assert ("fid_first_half" in summary) == (preset != "digits-mlp") != ("acc" in summary)
    assert ("reconstruction" in summary) == (preset == "digits-vae")
    assert len(run.learner().tasks) == 3
    by_task = run.metrics["cost"]["by_task"]
    assert len(by_task) == (1 if method == "joint" else 3) and all(row["memory_bytes"] > 0 for row in by_task)
    assert sum(row["train_seconds"] for row in by_task) == pytest.approx(run.metrics["cost"]["train_seconds"], abs=0.01)
    for row in run.metrics.get("capacity", []):
        assert all(0 <= share <= 1 for share in row.values())
    assert ("capacity" in run.metrics) == (method in ("hat", "packnet", "clnp", "anpyc", "anpyc+align"))


def test_shared_parameters_do_not_grow_and_own_ones_freeze(tmp_path: Path) -> None:
    one, two = (train(tmp_path / str(n), set=[f"scenario.tasks={n}"]).metrics["parameters"] for n in (1, 3))
    assert one["shared"] == two["shared"] and one["per_task"] == two["per_task"]


def test_same_seed_same_bytes_other_seed_other_bytes(whole: Run, tmp_path: Path) -> None:
    one, two = whole, train(tmp_path / "2")
    assert model_bytes(one) == model_bytes(two)
    assert without_cost(one) == without_cost(two)
    again = gencl.train(config=one.path / "config.yaml", out=tmp_path / "3", progress="silent")
    assert model_bytes(one) == model_bytes(again)
    other = gencl.train("digits-cgan", "anpyc", 1, tmp_path / "4", set=tiny("digits-cgan"), progress="silent")
    assert model_bytes(one) != model_bytes(other)


def test_same_bytes_with_two_threads(tmp_path: Path, forks: ForkServer) -> None:
    """Threads that add up in the order in which they arrive would show here (they did)."""
    sets = ["train.steps=60", "scenario.tasks=2", "evaluate.features=none"]
    command = ["train", "--threads", "2", *(part for text in sets for part in ("--set", text))]
    for name in ("1", "2"):
        assert forks.start([*command, "--out", str(tmp_path / name)]).wait()[0] == 0
    assert model_bytes(Run(tmp_path / "1")) == model_bytes(Run(tmp_path / "2"))


def test_old_tasks_own_parameters_never_move(tmp_path: Path) -> None:
    """What belongs to task 1 is bit-equal whether one task or three are learned."""
    one, three = (train(tmp_path / str(n), method="sgd", set=[f"scenario.tasks={n}"]).learner() for n in (1, 3))
    for name, parameter in one.own(0).items():
        assert parameter.equal(three.own(0)[name])


def test_killed_in_the_middle_of_task_2_and_resumed(tmp_path: Path, forks: ForkServer) -> None:
    """kill -9 while it runs; the resumed run ends with the same bytes as one that was never stopped."""
    longer = ["train.steps=60", "train.checkpoint_every=7"]
    whole = train(tmp_path / "whole", set=longer)
    out = tmp_path / "killed"
    sets = [part for text in [*tiny("digits-cgan"), *longer] for part in ("--set", text)]
    process = forks.start(["train", "--preset", "digits-cgan", "--threads", "1", "--out", str(out), *sets])
    deadline = time.time() + 120
    while not _in_task_2(out) and time.time() < deadline and not Run(out).finished:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait()[0] == -signal.SIGKILL, "it ended before it could be killed"
    assert not Run(out).finished
    resumed = gencl.train(out=out, resume=True, progress="silent")
    assert model_bytes(resumed) == model_bytes(whole)
    assert without_cost(resumed) == without_cost(whole)
    steps = [(entry["task"], entry["step"]) for entry in log(resumed)]
    assert steps == [(entry["task"], entry["step"]) for entry in log(whole)]


def log(run: Run) -> list[dict[str, object]]:
    return [json.loads(line) for line in (run.path / "log.jsonl").read_text().splitlines()]


class Cut(Exception):
    """Stands for the end of the process."""


@pytest.mark.parametrize(
    "method",
    [
        "ewc-online",
        "si",
        "lwf",
        "hat",
        "xdg+si",
        "packnet",
        "clnp",
        "anpyc",
        "er+mas",
        "der++",
        "agem+der++",
        "packnet+ewc",
        "dgr",
        "anpyc+align",
    ],
)
def test_cut_off_within_any_task_and_resumed(method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a checkpoint in the first task, the second, and while the second is retrained: the same bytes."""
    sets = ["train.checkpoint_every=1", *(["method.finetune=0.4"] if method == "clnp" else [])]
    preset = "digits-vae" if "align" in method else "digits-mlp"
    whole = train(tmp_path / "whole", preset, method, set=sets)
    write = Recorder.checkpoint
    for at in (4, 7, 11):

        def cut(recorder: Recorder, state: State, tensors: dict[str, Tensor], at: int = at) -> None:
            write(recorder, state, tensors)
            if state.cost.steps == at:
                raise Cut

        with monkeypatch.context() as patch, pytest.raises(Cut):
            patch.setattr(Recorder, "checkpoint", cut)
            train(tmp_path / str(at), preset, method, set=sets)
        resumed = gencl.train(out=tmp_path / str(at), resume=True, progress="silent")
        assert model_bytes(resumed) == model_bytes(whole)
        assert without_cost(resumed) == without_cost(whole)


def _in_task_2(out: Path) -> bool:
    """Whether the newest checkpoint lies within the second task (60 steps each; numbers are twice the steps)."""
    numbers = [int(path.stem) for path in (out / "checkpoint").glob("*.json")]
    return bool(numbers) and 2 * 60 < max(numbers) < 2 * 115


@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_write_a_checkpoint_and_end_with_their_status(number: signal.Signals, tmp_path: Path) -> None:
    out = tmp_path / "run"
    sets = [part for text in [*tiny("digits-cgan"), "train.steps=2000"] for part in ("--set", text)]
    process = forked.command("train", "--out", out, *sets)
    while not (out / "log.jsonl").exists() and process.poll() is None:
        time.sleep(0.01)
    os.kill(process.pid, number)
    assert process.wait(60) == 128 + number
    assert "--resume" in process.errors and "Traceback" not in process.errors and process.output == ""
    assert list((out / "checkpoint").glob("*.json"))


def test_resume_falls_back_to_the_last_good_checkpoint(whole: Run, tmp_path: Path) -> None:
    run = unfinished(whole, tmp_path / "run")
    newest = sorted((run.path / "checkpoint").glob("*.safetensors"))[-1]
    newest.write_bytes(newest.read_bytes()[:-10])
    assert model_bytes(gencl.train(out=run.path, resume=True, progress="silent")) == model_bytes(whole)
    _unfinish(run)
    for path in (run.path / "checkpoint").glob("*.json"):
        path.write_text(path.read_text().replace("1", "2"))
    with pytest.raises(GenclError, match=r"no checkpoint in .* is whole"):
        gencl.train(out=run.path, resume=True, progress="silent")


def _unfinish(run: Run) -> None:
    for name in ("report.html", "model.json", "model.safetensors"):
        (run.path / name).unlink()


def test_resume_of_a_finished_run_changes_nothing(whole: Run) -> None:
    before = {path: path.stat().st_mtime_ns for path in whole.path.rglob("*")}
    gencl.train(out=whole.path, resume=True, progress="silent")
    assert {path: path.stat().st_mtime_ns for path in whole.path.rglob("*")} == before


def test_resume_with_config_only_starts_at_step_0(whole: Run, tmp_path: Path) -> None:
    out = tmp_path / "run"
    out.mkdir()
    (out / "config.yaml").write_bytes((whole.path / "config.yaml").read_bytes())
    assert model_bytes(gencl.train(out=out, resume=True, progress="silent")) == model_bytes(whole)


def test_nan_names_task_and_step_and_keeps_the_checkpoint(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with pytest.raises(GenclError, match=r"loss of the \w+ became (nan|inf) in task .*, stage train, step \d+"):
        train(out, method="sgd", set=["train.lr=1e18", "train.checkpoint_every=1"])
    assert not Run(out).finished
    for path in (out / "checkpoint").glob("*.safetensors"):
        assert all(t.isfinite().all() for t in load_file(path).values() if t.is_floating_point())


def test_nan_in_a_tasks_last_step_leaves_no_checkpoint_of_it(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with pytest.raises(GenclError, match=r"parameters became infinite or NaN in task \d,\d, .* has no checkpoint yet"):
        train(out, "digits-mlp", "sgd", set=["train.lr=1e38", "train.steps=1"])
    assert not (out / "checkpoint").exists()


@pytest.mark.parametrize("content", ["[]", "[" * 100_000, "{}", '{"sha256": 1}', "3", ""])
def test_an_odd_checkpoint_file_is_passed_over(content: str, classified: Run, tmp_path: Path) -> None:
    run = unfinished(classified, tmp_path / "run")
    newest = sorted((run.path / "checkpoint").glob("*.json"))[-1]
    newest.write_text(content)
    assert model_bytes(gencl.train(out=run.path, resume=True, progress="silent")) == model_bytes(classified)


def test_a_checkpoint_of_other_settings_or_data_is_not_gone_on_with(
    classified: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = unfinished(classified, tmp_path / "run")
    config = run.path / "config.yaml"
    text = config.read_text()
    config.write_text(text.replace("steps: 6", "steps: 7"))
    with pytest.raises(UsageError, match="other settings"):
        gencl.train(out=run.path, resume=True, progress="silent")
    config.write_text(text)
    from gencl.datasets import digits

    real = digits.load()
    altered = dataclasses.replace(real, train=Split(255 - real.train.images, real.train.labels))
    monkeypatch.setattr(digits, "load", lambda *_: altered)
    with pytest.raises(UsageError, match="other data"):
        gencl.train(out=run.path, resume=True, progress="silent")


def test_a_run_has_one_writer(tmp_path: Path, forks: ForkServer) -> None:
    out = tmp_path / "run"
    sets = [part for text in [*tiny("digits-cgan"), "train.steps=2000"] for part in ("--set", text)]
    process = forks.start(["train", "--out", str(out), *sets])
    while not (out / "log.jsonl").exists():
        time.sleep(0.01)
    try:
        with pytest.raises(UsageError, match="another process writes the run"):
            gencl.train(out=out, resume=True, progress="silent")
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()


def test_methods_in_files_need_no_name(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("method: {lambda: 50}")
    assert gencl.resolve(config=file).method["lambda"] == 50
    assert gencl.resolve(config=file, method="ewc").method["lambda"] == 1
    assert gencl.resolve(assignments=["method.lambda=7", "method.name=ewc"]).method["lambda"] == 7
    assert gencl.resolve(assignments={"method.samples": None}).method["samples"] is None
