"""Measuring a run again: with as many images as are said, and on those that it was trained and measured on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import gencl
from gencl.core.errors import UsageError
from gencl.run import Run
from tests.conftest import gencl as command
from tests.conftest import tiny
from tests.training.runs import train


def pictures(folder: Path, seeds: range) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        pixels = np.random.default_rng(seed).integers(0, 256, (8, 8), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{seed}.png")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A classifier of the pictures in ``own/{train,test}/{a,b}``."""
    root = tmp_path_factory.mktemp("own")
    for part, first in (("train", 0), ("test", 50)):
        for place, name in enumerate("ab"):
            pictures(root / "own" / part / name, range(first + 10 * place, first + 10 * place + 6))
    sets = ["train.steps=4", "model.hidden=[12,8]", f"data.name={root}/own", "scenario.classes_per_task=1"]
    return gencl.train("digits-mlp", "sgd", 0, root / "run", set=sets, progress="silent")


def test_n_is_what_was_drawn(tmp_path: Path) -> None:
    sets = ["scenario.classes_per_task=5", "scenario.tasks=2", "train.steps=1"]
    run = gencl.train("digits-cgan", "sgd", 0, tmp_path, set=[*tiny("digits-cgan"), *sets], progress="silent")
    assert run.evaluation["n"] == 20
    assert run.evaluate(["fid"], n=3)["n"] == 5  # one of each class
    shown = command("evaluate", run.path, "--metrics", "fid", "--n", "12", "--json").stdout
    assert '"n": 10' in shown


@pytest.mark.parametrize("part", ["train", "test"])
def test_other_images_are_refused_wherever_a_run_is_measured(part: str, trained: Run, tmp_path: Path) -> None:
    own = Path(trained.settings.data.name)
    assert trained.evaluate()["n"] == 6
    added = own / part / "a" / "more.png"
    shutil.copy(own / part / "b" / f"{60 if part == 'test' else 10}.png", added)
    try:
        for use in (trained.evaluate, lambda: gencl.fid(trained, n=4), lambda: trained.analyze("similarity")):
            with pytest.raises(UsageError, match=r"the images of a are not those that it was trained and measured on"):
                use()
        with pytest.raises(UsageError, match="the images of a are not those"):  # a table of two data sets
            gencl.compare("sgd", [0], _cell(trained, tmp_path), config=trained.path / "config.yaml", progress="silent")
    finally:
        added.unlink()
    assert trained.evaluate()["n"] == 6


def _cell(run: Run, folder: Path) -> Path:
    """A comparison that has finished with this run."""
    shutil.copytree(run.path, folder / "sgd" / "seed-0")
    table = {"schema": 1, "preset": "digits-mlp", "seeds": [0], "methods": {}, "comparisons": {}, "paper": {}}
    (folder / "results.json").write_text(json.dumps(table))
    return folder


def test_a_resumed_run_is_measured_on_the_same_images(trained: Run, tmp_path: Path) -> None:
    shutil.copytree(trained.path, tmp_path / "run")
    (tmp_path / "run" / "report.html").unlink()
    own = Path(trained.settings.data.name) / "test" / "a"
    shutil.copy(own.parent / "b" / "60.png", own / "more.png")
    try:
        with pytest.raises(UsageError, match="of other held out: the images that it is measured on"):
            gencl.train(out=tmp_path / "run", resume=True, progress="silent")
    finally:
        (own / "more.png").unlink()
    assert train(tmp_path / "new", "digits-mlp", "sgd").metrics["images"]


def test_what_cannot_be_written_is_shown(trained: Run, tmp_path: Path) -> None:
    """The run of somebody else."""
    shutil.copytree(trained.path, tmp_path / "run", ignore=shutil.ignore_patterns("evaluation.json"))
    (tmp_path / "run" / "evaluation.json").mkdir()
    ended = command("evaluate", tmp_path / "run", "--json")
    assert ended.returncode == 0 and '"accuracy"' in ended.stdout
    assert "cannot write" in ended.stderr and "the figures are shown, and kept nowhere" in ended.stderr


def test_a_class_of_two_pictures_is_learned_and_measured(tmp_path: Path) -> None:
    for place, (name, n) in enumerate({"0": 2, "1": 2, "2": 6}.items()):
        pictures(tmp_path / "own" / name, range(100 * place, 100 * place + n))
    sets = [f"data.name={tmp_path}/own", "data.size=28", "train.steps=2", "evaluate.features=digits"]
    run = gencl.train("digits-cgan", "sgd", 0, tmp_path / "run", set=[*tiny("digits-cgan"), *sets], progress="silent")
    assert run.metrics["matrices"]["fid"][0][0] is None and run.metrics["matrices"]["fid"][-1][-1] is not None
    assert run.evaluate(["fid", "kid", "prc", "isc", "memorisation"], n=3)["tasks"][0]["task"] == "0"


def test_a_distance_needs_two_images_on_each_side(tmp_path: Path) -> None:
    pictures(tmp_path / "one", range(1))
    pictures(tmp_path / "real", range(10, 14))
    for one, other in (("one", "real"), ("real", "one"), ("one", "one")):
        with pytest.raises(UsageError, match=r"one: 1 image; a distance is between two images or more"):
            gencl.fid(f"{tmp_path}/{one}", f"{tmp_path}/{other}", size=28, features="digits")
