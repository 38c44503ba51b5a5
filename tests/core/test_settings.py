"""Settings of training: what may stand for a moving average, and what settings are called elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import gencl
from gencl.core.errors import UsageError
from gencl.core.part import check, read_yaml
from gencl.core.settings import Settings
from gencl.core.synonyms import _MEANT
from gencl.core.train_settings import TrainSettings
from gencl.learners import LEARNERS
from gencl.methods import METHODS
from gencl.scenarios import SCENARIOS


@pytest.mark.parametrize("value", [-1, "never", float("nan"), True])
def test_a_half_life_is_a_number_of_images_or_auto(value: object) -> None:
    with pytest.raises(UsageError, match=r"train\.half_life"):
        check(TrainSettings, {"half_life": value}, "--set", "train.")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_settings_file_may_have_a_byte_order_mark(encoding: str, tmp_path: Path) -> None:
    mark = "\ufeff" if encoding in ("utf-16-le", "utf-16-be") else ""
    (tmp_path / "mine.yaml").write_bytes(f"{mark}preset: Übung\n".encode(encoding))
    assert read_yaml(tmp_path / "mine.yaml") == {"preset": "Übung"}


@pytest.mark.parametrize(
    "key, ours",
    [
        ("train.ema", "train.half_life"),
        ("train.lr_scheduler", "lr_end"),
        ("data.num_workers", "place"),
    ],
)
def test_a_setting_is_known_by_its_name_elsewhere(key: str, ours: str) -> None:
    with pytest.raises(UsageError, match=f"no setting is called {key}; it is .*{ours} here"):
        gencl.train(set={key: 1})


def test_what_names_elsewhere_mean_is_a_setting_here() -> None:
    blocks: dict[str, list[Any]] = {
        "model": [LEARNERS.get(name).Settings for name in LEARNERS],
        "scenario": [SCENARIOS.get(name).Settings for name in SCENARIOS],
        "method": [METHODS.get(name).Settings for name in METHODS],
    }
    blocks |= {block: [Settings.model_fields[block].annotation] for block in ("data", "train", "evaluate")}
    known = {
        f"{block}.{field.alias or name}"
        for block, parts in blocks.items()
        for part in parts
        for name, field in part.model_fields.items()
    }
    for meant in _MEANT:
        assert set(meant.split(" or ")) <= known


@pytest.mark.parametrize(
    ("key", "instead"),
    [
        ("weight", "method.align.weight"),
        ("lambda", "method.anpyc.lambda"),
        ("samples", "method.anpyc.samples or method.align.samples"),
        ("nothing", "method.anpyc.nothing"),
    ],
)
def test_a_setting_of_one_of_several_methods_is_told_with_the_one_that_has_it(key: str, instead: str) -> None:
    with pytest.raises(UsageError, match=rf"for anpyc\+align write {instead}$"):
        gencl.resolve("digits-cgan", method="anpyc+align", assignments=[f"method.{key}=3"])


def test_a_block_may_take_over_another_one(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("base: &base {lr: 0.5, steps: 7}\ntrain: {<<: *base, lr: 0.1}\n")
    assert read_yaml(file)["train"] == {"lr": 0.1, "steps": 7}
    file.write_text("train: {lr: 0.1, lr: 0.2}\n")
    with pytest.raises(UsageError, match="the key 'lr' stands twice"):
        read_yaml(file)
