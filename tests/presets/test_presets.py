"""What stands in a preset's method blocks, and values that multiply."""

from __future__ import annotations

from pathlib import Path

import pytest

from gencl import presets
from gencl.core.errors import UsageError

MINE = """\
model: {name: mlp, hidden: [8]}
train: {steps: 10, lr: 0.05}
methods:
  sgd: {train.lr: 0.1, train.steps: 2x}
  ewc: {lambda: 3, model.hidden: [4]}
  mas: {lambda: 5, train.lr: 0.2}
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    file = tmp_path / "mine.yaml"
    file.write_text(MINE)
    return file


def test_a_key_with_a_dot_sets_what_lies_outside_the_method(mine: Path) -> None:
    sgd, ewc, joint = (presets.resolve(config=mine, method=name) for name in ("sgd", "ewc", "joint"))
    assert sgd.train.lr == 0.1 and sgd.train.steps == 20 and sgd.method == {"name": "sgd"}
    assert ewc.train.lr == 0.05 and ewc.model["hidden"] == [4] and ewc.method["lambda"] == 3
    assert joint.train.steps == 10 and joint.model["hidden"] == [8]
    assert presets.resolve(config=mine, assignments=["method.name=sgd"]).train.lr == 0.1


def test_what_is_set_by_hand_comes_last(mine: Path) -> None:
    assert presets.resolve(config=mine, method="sgd", assignments=["train.lr=0.3"]).train.lr == 0.3
    assert presets.resolve(config=mine, method="sgd", assignments=["train.lr=2x"]).train.lr == 0.2


def test_the_parts_of_a_composed_method_are_applied_in_order(mine: Path) -> None:
    settings = presets.resolve(config=mine, method="sgd+mas")
    assert settings.train.lr == 0.2 and settings.train.steps == 20 and settings.method["mas"]["lambda"] == 5
    assert presets.resolve(config=mine, method="mas+sgd").train.lr == 0.1


def test_a_runs_config_is_not_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mine: Path) -> None:
    """config.yaml names its preset; what it says of its own method is complete."""
    monkeypatch.setattr(presets, "FOLDER", tmp_path)
    for method in ("sgd", "ewc"):
        settings = presets.resolve("mine", method=method, assignments=["train.lr=0.7", "model.hidden=[5]"])
        config = tmp_path / "config" / "config.yaml"
        config.parent.mkdir(exist_ok=True)
        config.write_text(settings.to_yaml())
        assert presets.resolve(config=config) == settings == presets.resolve(config=config, method=method)
    assert presets.resolve(config=config, method="mas").train.lr == 0.2


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ("{method.lambda: 3}", r"mine.yaml: methods.sgd.method.lambda: .*without a dot"),
        ("{trian.lr: 3}", r"mine.yaml: methods.sgd.trian.lr"),
        ("{train.lrr: 3}", r"mine.yaml: methods.sgd.train.lrr: .*did you mean train.lr"),
        ("{train.lr: -3}", r"mine.yaml: methods.sgd.train.lr: train.lr"),
        ("{model.hiden: [3]}", r"methods.sgd.model.hiden: .*did you mean model.hidden"),
        ("{lambda: 3}", r"mine.yaml: methods.sgd: no setting is called method.lambda"),
    ],
)
def test_wrong_keys_name_the_file_and_the_key(block: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(f"model: {{name: mlp}}\nmethods: {{sgd: {block}}}")
    with pytest.raises(UsageError, match=message):
        presets.resolve(config=file, method="sgd")


def test_values_that_multiply() -> None:
    def resolved(*texts: str) -> presets.Settings:
        return presets.resolve("digits-mlp", method="sgd", assignments=texts)

    assert resolved("train.steps=1.5x").train.steps == 225
    assert resolved("train.steps=0.001x").train.steps == 1
    assert resolved("train.lr=3x").train.lr == 0.15
    assert resolved("train.steps=100", "train.steps=.5x").train.steps == 50
    with pytest.raises(UsageError, match=r"data.limit=2x: 2x multiplies numbers, and data.limit is null"):
        resolved("data.limit=2x")
    with pytest.raises(UsageError, match=r"model.hidden is \[256, 128\]"):
        resolved("model.hidden=2x")
    with pytest.raises(UsageError, match="greater than 0"):
        resolved("train.lr=0x")
    with pytest.raises(UsageError, match=r"did you mean train\.steps"):
        resolved("train.stepz=2x")


@pytest.mark.parametrize(
    ("method", "path", "value"),
    [("dgr", "method.labels", "asked"), ("ewc+er", "method.er.extra", None), ("si", "method.scale", "mean")],
)
def test_settings_that_came_later_have_values_but_are_left_out(method: str, path: str, value: object) -> None:
    settings = presets.resolve("digits-cgan" if method == "dgr" else "mnist-cgan", method=method)
    assert presets.value_at(settings, path.split(".")) == value
    assert path.rpartition(".")[2] not in settings.to_yaml()


def test_an_experience_replay_is_stored_as_it_always_was() -> None:
    assert list(presets.resolve("mnist-cgan", method="er").method) == ["name", "memory", "share"]


def test_quick_presets_are_compared_with_five_seeds() -> None:
    assert set(presets._QUICK) <= set(presets.names())
    assert presets.default_seeds("digits-mlp") == "0-4"
    assert presets.default_seeds("mnist-cgan") == presets.default_seeds(None) == "0"


def test_a_value_that_there_is_not() -> None:
    with pytest.raises(KeyError):
        presets.value_at(presets.resolve("digits-cgan"), ["method", "nothing"])
