"""The script that makes ready models, models/publish.py."""

from __future__ import annotations

import runpy
import shutil
from pathlib import Path
from typing import Any

import pytest

import gencl
from gencl.core.errors import GenclError

SCRIPT = Path(__file__).parents[2] / "models" / "publish.py"


@pytest.fixture
def publish(tmp_path: Path) -> Any:
    (tmp_path / "models").mkdir()
    script = runpy.run_path(str(shutil.copy(SCRIPT, tmp_path / "models")))
    return script["publish"]


def test_a_ready_model_is_replaced_as_a_whole(publish: Any, tmp_path: Path) -> None:
    folder = tmp_path / "models" / "mine"
    folder.mkdir()
    (folder / "old.txt").touch()
    publish(gencl.load_run("digits-cgan-sgd"), "mine")
    assert sorted(file.name for file in folder.iterdir()) == [
        "README.md", "config.yaml", "metrics.json", "model.json", "model.safetensors", "samples.png",
    ]  # fmt: skip
    assert gencl.load_run(folder).sample(n=10).size[0] > 10
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert card.startswith("# mine\n") and "plain training" in card
    assert [place.name for place in folder.parent.iterdir() if place.name.startswith(".")] == []


def test_a_failure_leaves_the_old_model(publish: Any, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(gencl.load_run("digits-cgan-sgd").path, run)
    folder = tmp_path / "models" / "mine"
    folder.mkdir()
    (folder / "old.txt").touch()
    loaded = gencl.load_run(run)
    (run / "model.json").write_text("{}", encoding="utf-8")
    with pytest.raises(GenclError, match=r"model\.json"):
        publish(loaded, "mine")
    assert [file.name for file in folder.iterdir()] == ["old.txt"] and len(list(folder.parent.iterdir())) == 2
