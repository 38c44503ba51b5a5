"""Folders of the user's, moved or called otherwise: a run is what its pictures are, not where they lie."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import gencl
from gencl.core.errors import UsageError
from gencl.run import Run
from tests.conftest import killed_at
from tests.training.extending import make_folders
from tests.training.runs import model_bytes, without_cost

SETS = ["train.steps=4", "train.checkpoint_every=1", "model.hidden=[12,8]", "data.validation=0.2", "data.limit=20"]


def train(folder: Path, out: Path, resume: bool = False) -> Run:
    sets = [*SETS, f"data.name={folder}", "scenario.classes_per_task=1", "scenario.order=seed"]
    return gencl.train("digits-mlp", "ewc", 0, out, set=sets, resume=resume, progress="silent")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return make_folders(tmp_path / "first")


def test_a_folder_of_another_name_gives_the_same_run(own: Path, tmp_path: Path) -> None:
    one = train(own / "one", tmp_path / "1")
    (own / "one").rename(tmp_path / "called otherwise")
    two = train(tmp_path / "called otherwise", tmp_path / "2")
    assert model_bytes(one) == model_bytes(two) and without_cost(one) == without_cost(two)


def test_a_run_goes_on_where_its_folder_lies_now(own: Path, tmp_path: Path) -> None:
    whole = train(own / "one", tmp_path / "whole")
    with killed_at(6):
        train(own / "one", tmp_path / "cut off")
    shutil.move(own, tmp_path / "moved")
    resumed = train(tmp_path / "moved" / "one", tmp_path / "cut off", resume=True)
    assert model_bytes(resumed) == model_bytes(whole)
    assert resumed.settings.data.name == f"{tmp_path}/moved/one"


def test_a_finished_run_is_told_where_its_folder_lies_now(own: Path, tmp_path: Path) -> None:
    run = train(own / "one", tmp_path / "run")
    before = model_bytes(run)
    shutil.move(own, tmp_path / "moved")
    with pytest.raises(UsageError, match=r"no folder .*one.*moved, gencl train --resume --out .* --set data.name="):
        run.evaluate()
    told = train(tmp_path / "moved" / "one", tmp_path / "run", resume=True)
    assert model_bytes(told) == before and told.evaluate()["mean"]


def test_a_run_is_extended_where_its_folder_lies_now(own: Path, tmp_path: Path) -> None:
    run = train(own / "one", tmp_path / "run")
    shutil.move(own, tmp_path / "moved")
    config = run.path / "config.yaml"
    config.write_text(f"# moved\n{config.read_text().replace(str(own), f'{tmp_path}/moved')}")
    assert run.evaluate()["mean"]
    assert len(gencl.extend(run, tmp_path / "moved" / "four", progress="silent").metrics["tasks"]) == 3
    config.write_text(config.read_text().replace("moved/one", "moved/two"))
    with pytest.raises(UsageError, match="the training images are not the same"):
        gencl.extend(run, tmp_path / "moved" / "three", progress="silent")
