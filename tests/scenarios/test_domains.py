"""Data sets and folders one after another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import gencl
from gencl import presets
from gencl.core.errors import UsageError
from gencl.core.settings import Settings
from gencl.datasets import digits
from gencl.runs.build import make_scenario
from tests.conftest import tiny


def folder(path: Path, classes: str, size: int = 28, channels: int = 1) -> str:
    random = np.random.default_rng(len(str(path)))
    for name in classes:
        (path / name).mkdir(parents=True)
        for i in range(6):
            pixels = random.integers(0, 256, (size, size, channels), dtype=np.uint8)
            Image.fromarray(pixels.squeeze()).save(path / name / f"{i}.png")
    return str(path)


def settings(domains: list[str], data: dict[str, Any] | None = None, **keys: Any) -> Settings:
    assignments = {"scenario.name": "domains", "scenario.domains": domains}
    assignments |= {f"scenario.{key}": value for key, value in keys.items()}
    return presets.resolve("digits-mlp", assignments=assignments | {f"data.{k}": v for k, v in (data or {}).items()})


def test_classes_go_on_from_domain_to_domain(tmp_path: Path) -> None:
    letters = folder(tmp_path / "letters", "abcd")
    scenario = make_scenario(settings(["digits", letters]), None)
    assert [task.name for task in scenario.tasks] == ["digits", "letters"]
    assert [task.classes for task in scenario.tasks] == [tuple(range(10)), (10, 11, 12, 13)]
    assert scenario.class_names == (*"0123456789", *"abcd") and scenario.image_shape == (1, 28, 28)
    assert scenario.tasks[1].test.labels.unique().tolist() == [10, 11, 12, 13]
    assert torch.equal(scenario.tasks[0].test.images, digits.load().test.images)


def test_domains_can_be_divided_and_cut_short(tmp_path: Path) -> None:
    letters = folder(tmp_path / "letters", "abcd")
    scenario = make_scenario(settings([letters, "digits"], classes_per_task=2, tasks=4), None)
    assert [task.classes for task in scenario.tasks] == [(0, 1), (2, 3), (4, 5), (6, 7)]
    assert [task.name for task in scenario.tasks] == ["letters 1", "letters 2", "digits 1", "digits 2"]
    for task in scenario.tasks:
        assert set(task.train.labels.tolist()) == set(task.test.labels.tolist()) == set(task.classes)


def test_domains_that_come_after_the_last_task_are_not_read(tmp_path: Path) -> None:
    assert len(make_scenario(settings(["digits", "./nowhere"], tasks=1), None).tasks) == 1


def test_images_are_brought_to_one_shape(tmp_path: Path) -> None:
    colours = folder(tmp_path / "colours", "ab", size=20, channels=3)
    with pytest.raises(UsageError, match=r"1x28x28, .*3x20x20.*--set data\.size=28 --set data\.channels=3"):
        make_scenario(settings(["digits", colours]), None)
    scenario = make_scenario(settings(["digits", colours], {"size": 16, "channels": 3}), None)
    assert scenario.image_shape == scenario.tasks[1].train.shape == (3, 16, 16)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"domains": ["digits", "mnits"]}, "no data set is called 'mnits'; did you mean"),
        ({"domains": ["digits"], "classes_per_task": 11}, "11, but digits has only 10 classes"),
        ({"domains": ["digits"], "classes_per_task": 3}, "cannot be split into tasks of 3"),
        ({"domains": ["digits"], "tasks": 2}, r"scenario\.tasks: 2 is not between 1 and 1"),
        ({"domains": ["digits", "digits"]}, "digits is named twice"),
        ({"domains": ["./a", "./b", "./a/"]}, r"\./a/ is named twice"),
        ({"domains": []}, r"scenario\.domains"),
        ({"domains": "digits"}, r"scenario\.domains"),
        ({"domains": ["digits"], "sizes": [10]}, "no setting is called scenario.sizes"),
    ],
)
def test_what_does_not_fit_is_named(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make_scenario(settings(**keys), None)


@pytest.mark.parametrize(("absent", "message"), [("./nowhere", "there is no folder .*nowhere"), ("mnits", "'mnits'")])
def test_nothing_is_read_before_every_domain_is_there(absent: str, message: str, tmp_path: Path) -> None:
    letters = folder(tmp_path / "letters", "ab")
    for picture in Path(letters).rglob("*.png"):
        picture.write_bytes(b"no picture")
    with pytest.raises(UsageError, match=message):
        make_scenario(settings([letters, absent]), None)


def test_a_run_over_domains_is_stored_and_gone_on_with(tmp_path: Path) -> None:
    letters = folder(tmp_path / "letters", "ab")
    sets = [*tiny("digits-mlp"), "scenario.name=domains", f"scenario.domains=[digits,{letters}]"]
    sets = [text for text in sets if not text.startswith("scenario.tasks")]
    run = gencl.train("digits-mlp", "finetune", out=tmp_path / "run", set=sets, progress="silent")
    assert run.metrics["tasks"] == ["digits", "letters"] and len(run.card.class_names) == 12
    gencl.train("digits-mlp", "finetune", out=run.path, set=sets, resume=True, progress="silent")
    with pytest.raises(UsageError, match=r"scenario\.classes_per_task is None there, 2 here"):
        gencl.train(
            "digits-mlp",
            "finetune",
            out=run.path,
            set=[*sets, "scenario.classes_per_task=2"],
            resume=True,
            progress="silent",
        )
