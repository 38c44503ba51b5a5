"""The stages of a task, each with its weights and its score, beside those that a paper printed."""

from __future__ import annotations

import csv
from pathlib import Path

import gencl
from gencl.analysis.course import Course
from gencl.analysis.learning import _beside, _names, _stages
from tests.conftest import tiny


def test_each_round_of_pruning_has_a_row(tmp_path: Path) -> None:
    sets = [
        *tiny("digits-mlp"),
        "scenario.tasks=1",
        "train.steps=40",
        "evaluate.within=yes",
        "method.prune=[50,50,50]",
        "method.last=prune",
    ]
    run = gencl.train("digits-mlp", "anpyc", 0, tmp_path / "run", set=sets, progress="silent")
    run.analyze("learning")
    with (run.path / "analysis" / "learning-stages.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["number"] for row in rows] == ["1", "2", "3", "4"]
    left = [int(row["shared_parameters_not_zero"]) for row in rows]
    assert left == sorted(left, reverse=True) and left[3] < 0.2 * left[0]
    assert not any(row["published_mean"] or row["published_parameters"] for row in rows)


def test_panels_are_named_for_tasks_that_all_runs_learned() -> None:
    assert _names([["0", "1"], ["0", "1"]]) == ["0", "1"]
    assert not _names([["0", "1"], ["1", "0"]]) and not _names([["0", "1"], ["0"]])


def test_published_stages_stand_beside_the_mean_of_the_seeds() -> None:
    def course(accuracy: float, left: int) -> Course:
        course = Course("accuracy", [4, 8], [[0.5], [accuracy]], [8], {})
        course.stages["0", "train", 0] = 4, [0.5], 100
        course.stages["0", "retrain", 1] = 8, [accuracy], left
        return course

    courses = {"a": {0: course(0.25, 20), 1: course(0.75, 40)}, "b": {0: course(1.0, 7)}}
    published = {"a": [(1000, 0.9), (300, 0.8), (5, 0.7)], "b": []}
    assert _beside(courses, published) == [
        "a, stage 1: 100 weights, 50.00 %; published: 1,000 weights, 90.00 %",
        "a, stage 2: 30 weights, 50.00 %; published: 300 weights, 80.00 %",
    ]
    rows = list(csv.DictReader(_stages(courses, published).splitlines()))
    assert [(row["published_parameters"], row["published_mean"]) for row in rows] == [
        ("1000", "0.9"), ("300", "0.8"), ("1000", "0.9"), ("300", "0.8"), ("", ""), ("", ""),
    ]  # fmt: skip
