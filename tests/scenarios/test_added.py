"""Tasks that are added to a sequence, whatever its scenario."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gencl import presets
from gencl.core.errors import UsageError
from gencl.runs.build import make_scenario
from gencl.scenarios.task import Scenario
from tests.scenarios.test_domains import folder


def scenario(extend: object, **keys: Any) -> Scenario:
    assignments = {"extend": extend, **{key.replace("__", "."): value for key, value in keys.items()}}
    return make_scenario(presets.resolve("digits-mlp", assignments=assignments), None)


@pytest.mark.parametrize(
    ("keys", "before"),
    [
        ({"scenario__tasks": 2}, 10),  # the names of all classes of the data set are there, learned or not
        ({"scenario__name": "permuted", "scenario__tasks": 2}, 20),
        ({"scenario__name": "domains", "scenario__domains": ["digits"]}, 10),
    ],
)
def test_class_numbers_go_on_after_those_of_any_scenario(keys: dict[str, Any], before: int, tmp_path: Path) -> None:
    letters = folder(tmp_path / "letters", "ab", size=20, channels=3)
    signs = folder(tmp_path / "signs", "c")
    extended, planned = scenario([letters, {"data": signs}], **keys), scenario([], **keys)
    assert extended.added == 2 and [task.name for task in extended.tasks[-2:]] == ["letters", "signs"]
    assert [task.classes for task in extended.tasks[-2:]] == [(before, before + 1), (before + 2,)]
    assert extended.class_names == (*planned.class_names, "a", "b", "c")
    assert [task.name for task in extended.planned] == [task.name for task in planned.tasks]
    for task in extended.tasks[-2:]:
        assert task.train.shape == (1, 28, 28) and set(task.test.labels.tolist()) == set(task.classes)
        assert len(task.validation) == pytest.approx(0.1 * len(task.train), abs=1)


@pytest.mark.parametrize(
    ("extend", "keys", "message"),
    [
        (["digits"], {}, "digits is learned already"),
        (["mnits"], {}, "no data set is called 'mnits'"),
        ([{"data": "digits", "train": {"stepz": 3}}], {}, r"extend: no setting is called train\.stepz"),
        ([{"data": "digits", "train": {"steps": 0}}], {}, r"extend: train\.steps"),
        ([{"dta": "digits"}], {}, "dta"),
        ([3], {}, "extend"),
        ("./a", {}, "extend"),
        (["digits"], {"scenario__name": "patterns"}, "1x28x28, those of the run 1x1x500"),
    ],
)
def test_what_cannot_be_added_is_named(extend: object, keys: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        scenario(extend, **keys)


def test_added_tasks_may_train_in_their_own_way() -> None:
    settings = presets.resolve("digits-mlp", assignments={"extend": ["./a", {"data": "./b", "train": {"steps": 7}}]})
    assert [train.steps for train in settings.train_of(4)] == [150, 150, 150, 7]
    assert settings.train_of(4)[3].optimizer == "sgd" and settings.before(1).extend == settings.extend[:1]
    assert "extend" not in settings.before(2).tree()


def test_names_that_are_there_already_are_told_apart(tmp_path: Path) -> None:
    one, two = folder(tmp_path / "one" / "signs", "3a"), folder(tmp_path / "two" / "signs", "ab")
    extended = scenario([one, two], scenario__tasks=1, scenario__order="given")
    assert [task.name for task in extended.tasks] == ["0,1", "signs", "two/signs"]
    assert extended.class_names[10:] == ("signs 3", "a", "two/signs a", "b")


def test_known_classes_keep_their_numbers_and_others_are_new(tmp_path: Path) -> None:
    more = folder(tmp_path / "more", "3a")
    extended = scenario([{"data": more, "known": "yes"}], scenario__order="given")
    task = extended.tasks[-1]
    assert task.classes == (3, 10) and set(task.train.labels.tolist()) == {3, 10}
    assert extended.class_names == (*"0123456789", "a") and extended.recurs
    settings = presets.resolve("digits-mlp", assignments={"extend": [more, {"data": "./b", "known": "yes"}]})
    assert [entry.get("known") for entry in settings.tree()["extend"]] == [None, "yes"]


@pytest.mark.parametrize(
    ("names", "keys", "said"),
    [
        ("ab", {}, r"none of its classes \(a, b\) is called as one that the run knows \(0, 1, 2"),
        ("3", {"scenario__name": "permuted", "scenario__tasks": 2}, "several classes of the run are called 3"),
    ],
)
def test_known_classes_that_are_not_are_named(names: str, keys: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=said):
        scenario([{"data": folder(tmp_path / "more", names), "known": "yes"}], **keys)
