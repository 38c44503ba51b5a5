"""A dry run tells the settings, the networks, the time and the memory of a run, and leaves nothing."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch
import yaml

import gencl as library
from gencl import presets
from gencl.reports.foreseen import estimate_lines
from gencl.training.dry_run import dry_run
from gencl.training.rehearsal import over_tasks
from tests import forked
from tests.conftest import gencl, killed_at, tiny


def options(preset: str, *more: str) -> list[str]:
    return ["--preset", preset, *(part for text in (*tiny(preset), *more) for part in ("--set", text))]


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


RUNS = [
    ("digits-cgan", "anpyc+align"), ("digits-cgan", "dgr"), ("digits-cgan", "joint"), ("digits-vae", "mas"),
    ("digits-flow", "dgr"),
    ("digits-mlp", "anpyc"), ("digits-mlp", "lwf"), ("digits-mlp", "hat"), ("digits-mlp", "er"), ("digits-mlp", "si"),
]  # fmt: skip


@pytest.mark.parametrize(("preset", "method"), RUNS)
def test_it_tells_what_the_run_then_is(preset: str, method: str, tmp_path: Path) -> None:
    arguments = ["train", *options(preset), "--method", method, "--json"]
    work = tmp_path / "work"
    work.mkdir()
    foreseen = json.loads(gencl(*arguments, "--dry-run", cwd=work).stdout)
    assert not any(work.iterdir())
    run = json.loads(gencl(*arguments, cwd=work).stdout)
    (config,) = work.rglob("config.yaml")
    assert foreseen["settings"] == yaml.safe_load(config.read_text())
    networks, estimate = foreseen["networks"].values(), foreseen["estimate"]
    for key in ("shared", "per_task", "total"):
        assert sum(size[key] for size in networks) == run["parameters"][key]
    assert sum(size["bytes"] for size in networks) == 4 * run["parameters"]["total"]
    assert estimate["steps"] == run["cost"]["steps"]
    parts = sum(estimate[key] for key in ("train_seconds", "importance_seconds", "eval_seconds"))
    assert estimate["seconds"] == pytest.approx(parts, abs=0.2) and estimate["train_seconds"] >= 0
    assert estimate["memory_bytes"] > 0 and estimate["free_memory_bytes"] > 0


def test_people_get_the_settings_a_table_and_two_lines(tmp_path: Path) -> None:
    done = gencl("train", *options("digits-cgan"), "--dry-run", cwd=tmp_path)
    assert done.returncode == 0 and not any(tmp_path.iterdir())
    settings, _, rest = done.stdout.partition("parameters, with all tasks learned")
    assert yaml.safe_load(settings) == presets.resolve("digits-cgan", assignments=tiny("digits-cgan")).tree()
    assert all(word in rest for word in ("generator", "discriminator", "shared", "per task", "carried along", "all"))
    assert "time:   about " in rest and "on this machine (18 steps" in rest
    assert "memory: about " in rest and "that are free" in rest and "first look" not in rest
    assert "3 tasks" in done.stderr and "thrown away" in done.stderr


def test_what_grows_with_the_tasks_is_estimated_to_grow() -> None:
    assert over_tasks([0.0, 1.0], 4) == 0 + 1 + 2 + 3  # a pool: nothing to draw before the second task
    assert over_tasks([1.0, 1.5], 4) == 1 + 3 * 1.5 and over_tasks([1.5, 1.0], 3) == 3.5
    assert over_tasks([2.0], 3) == 6 and over_tasks([0.0, 0.0], 3) == 0


def test_it_disturbs_nothing(tmp_path: Path) -> None:
    def model(name: str) -> bytes:
        run = library.train("digits-cgan", "anpyc", 0, tmp_path / name, set=tiny("digits-cgan"), progress="silent")
        return (run.path / "model.safetensors").read_bytes()

    before, state, threads = model("before"), torch.get_rng_state(), torch.get_num_threads()
    dry_run("digits-cgan", "anpyc", out=tmp_path / "new", set=tiny("digits-cgan"), threads=2, progress="silent")
    assert torch.equal(torch.get_rng_state(), state) and torch.get_num_threads() == threads
    assert not (tmp_path / "new").exists() and model("after") == before


@pytest.mark.parametrize("step", [4, 8])
def test_of_a_run_that_was_stopped_it_tells_what_is_left(step: int, tmp_path: Path) -> None:
    out = tmp_path / "run"
    sets = [*tiny("digits-mlp"), "train.checkpoint_every=2"]
    with killed_at(step):
        library.train("digits-mlp", "anpyc", 0, out, set=sets, progress="silent")
    before = files(out)
    done = gencl("train", "--resume", "--out", out, "--dry-run", "--json")
    assert json.loads(done.stdout)["estimate"]["steps"] == 18 - step and files(out) == before
    assert gencl("train", "--resume", "--out", out).returncode == 0
    finished = gencl("train", "--resume", "--out", out, "--dry-run")
    assert finished.returncode == 0 and not finished.stdout and "finished already" in finished.stderr


def test_what_a_run_refuses_it_refuses(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for arguments in (["--out", "file"], ["--method", "lwf"], ["--set", "train.stepz=3"], ["--resume"]):
        done = gencl("train", *options("digits-cgan"), *arguments, "--dry-run", cwd=tmp_path)
        assert done.returncode == 2 and not done.stdout and len(done.stderr.strip().splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")
def test_two_processes_do_it_together(tmp_path: Path) -> None:
    ranks = forked.ranks("train", *options("digits-cgan"), "--dry-run", "--json", "--out", tmp_path / "run")
    assert forked.ended(ranks) == [0, 0], "".join(rank.errors for rank in ranks)
    estimate = json.loads("".join(rank.output for rank in ranks))["estimate"]  # printed once, else this is no JSON
    assert estimate["processes"] == 2 and not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("seconds", "train", "hint"),
    [(599, {}, None), (601, {}, "train.steps=0.1x"), (601, {"epochs": 3.0}, "train.epochs=0.1x")],
)
def test_a_long_run_deserves_a_first_look(seconds: float, train: dict[str, float], hint: str | None) -> None:
    of_run = {"seconds": seconds, "train_seconds": seconds, "importance_seconds": 0.0, "eval_seconds": 2.0}
    lines = estimate_lines({"train": train}, {**of_run, "steps": 5, "memory_bytes": 1, "free_memory_bytes": 2})
    assert lines[0] == "time:   about 10 minutes on this machine (5 steps 10 minutes, measuring 2 seconds)"
    assert lines[2:] == ([] if hint is None else [f"a first look, with a tenth of the steps: --set {hint}"])


def test_a_first_look_measures_less_if_measuring_takes_long() -> None:
    of_run = {"seconds": 700, "train_seconds": 400.0, "importance_seconds": 0.0, "eval_seconds": 300.0}
    lines = estimate_lines({"train": {}}, {**of_run, "steps": 5, "memory_bytes": 1, "free_memory_bytes": 2})
    assert lines[2].endswith("--set train.steps=0.1x --set evaluate.samples=0.2x")
