"""What stands in a preset's method blocks, and values that multiply."""

from __future__ import annotations

from pathlib import Path

import pytest

from gencl import presets
from gencl.core.errors import UsageError
from gencl.core.part import read_yaml
from gencl.methods import METHODS
from gencl.presets.like import LIKE, taken_over

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


def like(tmp_path: Path, **files: str) -> dict[str, Path]:
    paths = {name: tmp_path / f"{name}.yaml" for name in files}
    for name, block in files.items():
        paths[name].write_text(f"model: {{name: mlp}}\nmethods: {block}\n")
    return paths


def test_methods_like_those_of_another_preset(tmp_path: Path, mine: Path) -> None:
    files = like(tmp_path, near="{like: mine.yaml, mas: {}}", far="{like: near.yaml, si: {lambda: 7}}")
    far = {name: presets.resolve(config=files["far"], method=name) for name in ("sgd", "ewc", "mas", "si")}
    assert far["sgd"].train.lr == 0.1 and far["ewc"].model["hidden"] == [4] and far["si"].method["lambda"] == 7
    plain = presets.resolve("split-mnist", method="mas", assignments=["method.lambda=9"]).method
    assert far["mas"].method.keys() == plain.keys() and far["mas"].method["lambda"] != 5 and far["mas"].train.lr != 0.2
    assert presets.methods_of(str(files["far"])) == ["sgd", "ewc", "mas", "si"]
    assert list(taken_over(files["far"])) == ["sgd", "ewc", "mas"]
    assert taken_over(presets.path_of("mnist-cgan")) == {}


def test_a_preset_like_another_has_its_settings() -> None:
    for name in presets.names():
        given = read_yaml(presets.path_of(name)).get("methods", {})
        if LIKE in given:
            for method in set(presets.methods_of(given[LIKE])) - set(given):
                theirs = presets.resolve(given[LIKE], method=method)
                assert presets.resolve(name, method=method).method == theirs.method


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ("{like: mnist-cgna}", r"a.yaml: methods.like: no preset is called 'mnist-cgna'; did you mean mnist-cgan"),
        ("{like: nothing.yaml}", r"a.yaml: methods.like: there is no settings file .*nothing.yaml"),
        ("{like: {lambda: 3}}", r"a.yaml: methods.like: name the preset"),
        ("{like: a.yaml}", r"a.yaml: methods.like: the presets lead in a circle: a -> a"),
        ("{like: b.yaml}", r"methods.like: the presets lead in a circle: a -> b -> a"),
        ("{like: c.yaml}", r"^c.yaml: methods.ewc: no setting is called method.lambada"),
    ],
)
def test_like_what_there_is_not(block: str, message: str, tmp_path: Path) -> None:
    files = like(tmp_path, a=block, b="{like: a.yaml}", c="{ewc: {lambada: 3}}")
    with pytest.raises(UsageError, match=message):
        presets.resolve(config=files["a"])


def test_no_method_is_called_like() -> None:
    assert LIKE not in METHODS and "choose another name" in METHODS.problem(LIKE, METHODS.get("sgd"))


def test_generators_learn_by_default_with_a_method_that_keeps_them() -> None:
    of_flows = [name for name in presets.names() if presets.resolve(name).model["name"] == "flow"]
    assert len(of_flows) == 7 and {presets.resolve(name).method["name"] for name in of_flows} == {"align"}
    assert [presets.resolve("cifar10-flow", method=method).train.lr for method in ("ewc", "align")] == [0.0005, 0.001]


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
    with pytest.raises(UsageError, match="finite"):
        resolved(f"train.steps={'9' * 400}x")
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


def test_a_preset_says_how_many_seeds_a_comparison_has(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("seeds: 3\nmodel: {name: mlp}\n")
    assert presets.default_seeds("digits-mlp") == "0-4" and presets.default_seeds(config=mine) == "0-2"
    assert presets.default_seeds("mnist-cgan") == presets.default_seeds() == "0"
    assert "seeds" not in presets.resolve(config=mine).tree()


@pytest.mark.parametrize("number", ["0", "0-4", "true", "[0, 1]", "2.0"])
def test_other_numbers_of_seeds_are_refused(number: str, tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(f"seeds: {number}\nmodel: {{name: mlp}}\n")
    with pytest.raises(UsageError, match=r"mine\.yaml: seeds: .* is no number of seeds; write a whole number"):
        presets.resolve(config=mine)


def test_a_value_that_there_is_not() -> None:
    with pytest.raises(KeyError):
        presets.value_at(presets.resolve("digits-cgan"), ["method", "nothing"])


def test_methods_in_files_need_no_name(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("method: {lambda: 50}")
    assert presets.resolve(config=file).method["lambda"] == 50
    assert presets.resolve(config=file, method="ewc").method["lambda"] == 1
    assert presets.resolve(assignments=["method.lambda=7", "method.name=ewc"]).method["lambda"] == 7
    assert presets.resolve(assignments={"method.samples": None}).method["samples"] is None


def test_a_preset_may_say_how_long_it_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("about: mine\ntime: 12\nmodel: {name: mlp}\n")
    assert "time" not in presets.resolve(config=path).tree()
    monkeypatch.setattr(presets, "FOLDER", tmp_path)
    assert presets.about("mine") == "mine (about 12 minutes on two cores)"
    assert presets.about("mine", timed=False) == "mine"


@pytest.mark.parametrize("time", ["soon", "-1", "0", ".inf", ".nan", "true", "[3]"])
def test_a_time_that_is_none(time: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(f"time: {time}\nmodel: {{name: mlp}}\n")
    with pytest.raises(UsageError, match=r"mine.yaml: time: .* is no time; write the minutes"):
        presets.resolve(config=path)


def test_what_is_named_twice_must_be_the_same() -> None:
    assert presets.resolve("digits-mlp", method="ewc", seed=3, assignments=["method.name=ewc", "seed=3"]).seed == 3
    with pytest.raises(UsageError, match=r"--set method\.name=ewc: the method is sgd already"):
        presets.resolve("digits-mlp", method="sgd", assignments=["method={name: ewc}"])
    with pytest.raises(UsageError, match="--set seed=5: the seed is 0 already"):
        presets.resolve("digits-mlp", seed=0, assignments=["seed=5"])


@pytest.mark.parametrize("assignments", [["train={steps: 5}"], {"train": {"steps": 5}}])
def test_a_block_changes_what_it_names(assignments: list[str] | dict[str, object]) -> None:
    plain, changed = presets.resolve("digits-mlp"), presets.resolve("digits-mlp", assignments=assignments)
    assert changed.train == plain.train.model_copy(update={"steps": 5})


def test_steps_that_nothing_would_read_are_refused() -> None:
    with pytest.raises(UsageError, match=r"--set train\.steps=0\.1x: these settings count passes over the images"):
        presets.resolve("digits-mlp", assignments=["train.epochs=3", "train.steps=0.1x"])
    settings = presets.resolve("digits-mlp", assignments=["train.epochs=3", "train.steps=9", "train.epochs=null"])
    assert settings.train.steps == 9
