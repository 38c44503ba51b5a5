"""What ``--set`` and ``set=`` say: files, folders and labels are text, other values YAML; wrong ones get one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import gencl
from gencl.core.assignments import Written, parsed, read, together, written
from gencl.core.errors import UsageError
from gencl.core.yaml_files import load

PLACES = ["./photos #2", "./photos: old", "./[a]/{b}", "./a,b", "./no", "./&x", "./*x", "./%x", "./50 % \t off"]


@pytest.mark.parametrize("place", PLACES)
def test_places_are_text(place: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert gencl.resolve("digits-mlp", assignments=[f"data.name={place}"]).data.name == f"{tmp_path}/{place[2:]}"
    quoted = f"scenario.domains=[./first #1, '{place}']"
    domains = gencl.resolve("folders-vae", assignments=[quoted]).scenario["domains"]
    assert domains == [f"{tmp_path}/first #1", f"{tmp_path}/{place[2:]}"]
    assert gencl.resolve("digits-mlp", assignments=together({"data.name": place})).data.name.endswith(place[2:])


@pytest.mark.parametrize("label", ["no", "on", "null", "12", "1e3", "2024-01-01", "true"])
def test_labels_are_text(label: str, tmp_path: Path) -> None:
    assert gencl.resolve("digits-mlp", assignments=[f"preset={label}"]).preset == label
    assert gencl.resolve("digits-mlp", assignments=[f"preset='{label}'"]).preset == label
    (tmp_path / "mine.yaml").write_text("preset: no\ndata: {flip: yes}\n")
    settings = gencl.resolve(config=tmp_path / "mine.yaml", assignments=["data.flip=no"])
    assert (settings.preset, settings.data.flip) == ("no", "no")


def test_other_values_are_yaml() -> None:
    sets = ["train.lr=1e-2", "model.hidden=[12, 8]", "data.size=null", "train.steps=0.5x", " train.optimizer = sgd "]
    settings = gencl.resolve("digits-mlp", assignments=sets)
    assert (settings.train.lr, settings.model["hidden"], settings.data.size) == (0.01, [12, 8], None)
    assert settings.train.optimizer == "sgd"


@pytest.mark.parametrize(
    ("given", "steps"),
    [
        ("train.steps=3", 3),
        ({"train.steps": np.int64(3), "model.hidden": np.array([12, 8])}, 3),
        ({"train.steps": torch.tensor(3), "data.name": Path("digits"), "model.hidden": (12, 8)}, 3),
    ],
)
def test_python_says_it_in_its_own_ways(given: Any, steps: int) -> None:
    settings = gencl.resolve("digits-mlp", assignments=given)
    assert settings.train.steps == steps
    assert gencl.resolve("digits-mlp", assignments=together(given)) == settings


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["train.steps"], "write KEY=VALUE"),
        ([("train.steps", 3)], "assignments must be a dict, a list of strings or a string"),
        (["train..steps=3"], "train..steps=3: write KEY=VALUE"),
        (["=5"], "--set =5: write KEY=VALUE"),
        (["train.steps=-1x"], "the factor must be greater than 0"),
        (["data.name=./caf\udce9"], r"caf\\udce9: is no UTF-8"),
        ({"data.name": Path("./caf\udce9")}, "is no UTF-8"),
        (["model.hidden=[1"], "is not a value that YAML understands"),
    ],
)
def test_what_is_wrong_is_told(given: Any, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        gencl.resolve("digits-mlp", assignments=given)


@pytest.mark.parametrize("value", [*PLACES, "null", "[a]", "'x", '"', " a ", "a, b", "né", ""])
def test_what_is_written_is_read_again(value: str) -> None:
    assert read(Written(written(value)), str) == value == load(written(value))
    assert read(Written(written([value, value])), list[str]) == [value, value]
    assert parsed([f"preset={written(value)}"]) == [(["preset"], written(value))]
