"""Runs on pictures that stay on disk: every method, the same bytes as from memory."""

from __future__ import annotations

from pathlib import Path

import pytest

import gencl
from gencl.metrics.lessons import TrainingPlan
from gencl.run import Run
from tests.conftest import METHODS, killed_at, tiny
from tests.datasets.test_folder import fill

NOT_OF_GENERATORS = ["lwf", "hat", "xdg", "packnet", "clnp", "der++", "agem", "finetune", "sgd-f"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six classes of grey pictures."""
    root = tmp_path_factory.mktemp("own")
    for number in range(6):
        fill(root / f"class {number}", range(20 * number, 20 * number + 20), (28, 28))
    return root


def train(folders: Path, out: Path, preset: str, method: str, place: str, *more: str) -> Run:
    sets = [*tiny(preset), f"data.name={folders}", "evaluate.features=none", "data.flip=yes", f"data.place={place}"]
    return gencl.train(preset, method, 0, out, set=[*sets, *more], progress="silent")


def tensors(run: Run) -> bytes:
    return (run.path / "model.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("preset", "method"),
    [
        *(("digits-mlp", method) for method in METHODS if method != "align"),
        *(("digits-vae", method) for method in METHODS if method not in NOT_OF_GENERATORS),
        ("digits-cgan", "anpyc"),
        ("digits-cgan", "er"),
    ],
)
def test_a_run_learns_the_same_from_disk_as_from_memory(
    preset: str, method: str, folders: Path, tmp_path: Path
) -> None:
    runs = [train(folders, tmp_path / place, preset, method, place) for place in ("host", "device")]
    assert tensors(runs[0]) == tensors(runs[1])
    assert runs[0].metrics["matrices"] == runs[1].metrics["matrices"]


def test_a_run_from_disk_is_gone_on_with(folders: Path, tmp_path: Path) -> None:
    whole = train(folders, tmp_path / "whole", "digits-vae", "ewc", "auto", "train.checkpoint_every=4")
    with killed_at(10):
        train(folders, tmp_path / "cut", "digits-vae", "ewc", "auto", "train.checkpoint_every=4")
    cut = gencl.train(out=tmp_path / "cut", resume=True, progress="silent")
    assert tensors(whole) == tensors(cut)


def test_features_are_trained_and_measured_from_disk(
    folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader of the folder's classes, its validation images left out, and what is measured on request."""
    monkeypatch.setattr("gencl.metrics.trained_reader.TRAINING_PLAN", TrainingPlan(steps=20, fewest_steps=20))
    sets = ["evaluate.features=reader", "data.validation=0.2", "evaluate.split=validation"]
    found = []
    for place in ("host", "device"):
        monkeypatch.setenv("GENCL_CACHE", str(tmp_path / f"cache-{place}"))
        run = train(folders, tmp_path / place, "digits-cgan", "joint", place, *sets)
        found.append((run.metrics["matrices"], run.evaluate(["fid", "memorisation"])["mean"]))
    assert found[0] == found[1] and "fid" in found[0][0]
