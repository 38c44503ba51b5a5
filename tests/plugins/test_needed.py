"""A run names the plug-ins it needs; whoever uses it gives them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

import gencl
from gencl.core.part import check
from gencl.core.settings import Settings
from gencl.plugins import load_plugin, unload_plugin
from gencl.plugins.needed import require
from gencl.plugins.new import new_plugin
from tests.conftest import gencl as command

SMALL = [
    "train.steps=6", "scenario.tasks=2", "train.checkpoint_every=2", "model.name=mine-net", "data.name=mine-data",
    "scenario.classes_per_task=1", "model.heads=class",
]  # fmt: skip
SETS = [part for text in SMALL for part in ("--set", text)]
KINDS = ("method", "learner", "dataset")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A method, a learner and a data set, a file each."""
    folder = tmp_path_factory.mktemp("plugins")
    names = {"method": "mine", "learner": "mine-net", "dataset": "mine-data"}
    return {kind: new_plugin(kind, names[kind], folder / f"{kind}.py")[0] for kind in KINDS}


@pytest.fixture(scope="module")
def run(files: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that needs all three, by the command."""
    out = tmp_path_factory.mktemp("runs") / "run"
    given = [part for path in files.values() for part in ("--plugin", path)]
    done = command("train", "--preset", "digits-mlp", "--method", "mine+ewc", *SETS, *given, "--out", out)
    assert done.returncode == 0, done.stderr
    for path in files.values():
        unload_plugin(path)
    return out


def test_what_a_run_needs_is_recorded(run: Path, files: dict[str, Path]) -> None:
    stored = yaml.safe_load((run / "config.yaml").read_text())
    assert stored["plugins"] == {
        "method.py": ["method mine"], "learner.py": ["learner mine-net"], "dataset.py": ["data set mine-data"],
    }  # fmt: skip
    assert json.loads((run / "model.json").read_text())["plugins"] == {"learner.py": ["learner mine-net"]}
    checksums = json.loads((run / "metrics.json").read_text())["environment"]["plugins"]
    assert set(checksums) == {"method.py", "learner.py", "dataset.py"}


def test_a_run_without_plugins_records_none(tmp_path: Path, files: dict[str, Path]) -> None:
    load_plugin(files["method"])
    assert "plugins" not in gencl.resolve("digits-mlp", method="ewc").to_yaml()


def test_what_is_missing_is_said(run: Path, files: dict[str, Path], tmp_path: Path) -> None:
    evaluate = ["evaluate", run]
    for given, needed in ((KINDS[:0], "learner"), (KINDS[:2], "dataset")):
        plugins = [part for kind in given for part in ("--plugin", files[kind])]
        done = command(*evaluate, *plugins)
        assert done.returncode == 2
        assert f"{run} needs the plug-in {needed}.py" in done.stderr and f"--plugin PATH/{needed}.py" in done.stderr
        for path in files.values():
            unload_plugin(path)
    done = command("train", "--resume", "--out", run)
    assert done.returncode == 2 and re.search(r"needs the plug-in method.py \(method mine\): add", done.stderr)
    with pytest.raises(gencl.UsageError, match=r"model.json needs the plug-in learner.py \(learner mine-net\)"):
        gencl.load_run(run).learner()
    done = command("train", "--config", run / "config.yaml", "--out", tmp_path / "again")
    assert done.returncode == 2 and "config.yaml needs the plug-in" in done.stderr


def test_given_them_it_is_repeated_extended_and_measured(run: Path, files: dict[str, Path], tmp_path: Path) -> None:
    for path in files.values():
        load_plugin(path)
    again = gencl.train(config=run / "config.yaml", out=tmp_path / "again", progress="silent")
    assert (again.path / "model.safetensors").read_bytes() == (run / "model.safetensors").read_bytes()
    assert gencl.extend(again, "digits", progress="silent").metrics["tasks"][-1] == "digits"
    assert gencl.evaluate(run)["mean"]["accuracy"] >= 0


def test_cells_of_a_comparison_have_them(files: dict[str, Path], tmp_path: Path) -> None:
    """The cells are processes of their own."""
    for kind in ("method", "learner", "dataset"):
        load_plugin(files[kind])
    results = gencl.compare("mine,sgd", (0,), tmp_path / "c", "digits-mlp", set=SMALL, threads=1, progress="silent")
    assert {row["status"] for row in results["methods"].values()} == {"done"}
    assert "│ mine " in results._repr_html_()


def test_a_changed_plugin_is_said_when_a_run_goes_on(files: dict[str, Path], tmp_path: Path) -> None:
    """The checkpoint knows what it was made by; the report is what tells a finished run."""
    plugin, _ = new_plugin("method", "own", tmp_path / "own.py")
    load_plugin(plugin)
    small = ["train.steps=4", "scenario.tasks=1", "model.hidden=[8]"]
    run = gencl.train("digits-mlp", "own", 0, tmp_path / "run", set=small, progress="silent")
    (run.path / "report.html").unlink()
    plugin.write_text(plugin.read_text() + "# mended\n")
    done = command("train", "--resume", "--out", run.path, "--plugin", plugin)
    assert done.returncode == 0 and "the plug-ins own.py were changed since the checkpoint" in done.stderr


OTHERS = """
from typing import Literal
import torch
from gencl import Scenario
from gencl.scenarios.recipe import Recipe, task_of_classes
from gencl.core.part import Part

class Pixels(torch.nn.Module):
    name, version = "pixels", "1"
    def forward(self, images):
        some = images.float().flatten(1)[:, ::60] / 255
        return some, some

class BackwardsSettings(Part):
    name: Literal["backwards"] = "backwards"

class Backwards(Recipe):
    Settings = BackwardsSettings
    def build(self, data, load):
        dataset = load(data.name)
        tasks = [task_of_classes(dataset, (c,), data, c, index=1 - c, name=dataset.classes[c]) for c in (1, 0)]
        return Scenario("backwards", tuple(tasks), dataset.classes, reader=None)

PLUGINS = {"extractors": {"pixels": Pixels}, "scenarios": {"backwards": Backwards}}
"""


def test_extractors_and_scenarios(tmp_path: Path) -> None:
    (tmp_path / "others.py").write_text(OTHERS)
    load_plugin(tmp_path / "others.py")
    small = ["scenario.name=backwards", "evaluate.features=pixels", "train.steps=2", "model.width=4"]
    run = gencl.train("digits-cgan", "sgd", 0, tmp_path / "run", set=small, progress="silent")
    assert run.metrics["tasks"] == ["1", "0"] and run.metrics["features"]["name"] == "pixels"
    assert run.settings.plugins == {"others.py": ["scenario backwards", "feature extractor pixels"]}


def test_a_record_that_is_no_record_is_refused() -> None:
    with pytest.raises(gencl.UsageError, match=r"plugins: x.py: 'mine' is nothing a plug-in provides"):
        require(check(Settings, {"plugins": {"x.py": ["mine"]}}, "here").plugins, "here")
