"""Zero-shot forward transfer of a run, against what its parts measure when they are asked one by one."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from gencl.api import train
from gencl.core.randomness import derive_seed
from gencl.learners.classifier import Classifier
from gencl.learners.measured import accuracy
from gencl.runs.build import make_learner, make_scenario
from tests.conftest import killed_at, tiny

SETS = [
    "scenario={name: permuted, tasks: 3}",
    "model={name: mlp, hidden: [16, 8], heads: domain}",
    "train.steps=20",
    "train.checkpoint_every=5",
]


def sets(**changes: Any) -> list[str]:
    return [*SETS, *(f"{key.replace('__', '.')}={value}" for key, value in changes.items())]


def test_before_each_task_the_learner_and_an_untrained_one_are_measured(tmp_path: Path) -> None:
    run = train("digits-mlp", "sgd", 0, tmp_path / "run", set=sets(), progress="silent")
    scenario, ahead = make_scenario(run.settings, None), []
    tasks = scenario.tasks
    for learned in (1, 2):
        fewer = sets(scenario__tasks=learned)
        shorter = train("digits-mlp", "sgd", 0, tmp_path / str(learned), set=fewer, progress="silent")
        learner = cast(Classifier, shorter.learner())
        fresh = make_learner(run.settings.model, scenario.image_shape, 0, "cpu")
        for index, task in enumerate(tasks[: learned + 1]):
            fresh.grow(task.classes, derive_seed(0, "grow", index))
        learner.grow(tasks[learned].classes, derive_seed(0, "grow", learned))
        ahead.append(accuracy(learner, tasks[learned].test) - accuracy(cast(Classifier, fresh), tasks[learned].test))
    assert run.metrics["summary"]["fwt_zero_shot"] == pytest.approx(sum(ahead) / 2)


@pytest.mark.parametrize("stopped_at", [5, 20, 25])
def test_an_interrupted_run_has_the_same_figure(stopped_at: int, tmp_path: Path) -> None:
    whole = train("digits-mlp", "ewc", 0, tmp_path / "whole", set=sets(), progress="silent")
    with killed_at(stopped_at):
        train("digits-mlp", "ewc", 0, tmp_path / "cut", set=sets(), progress="silent")
    again = train(out=tmp_path / "cut", resume=True, progress="silent")
    assert again.metrics["summary"] == whole.metrics["summary"]


def test_joint_training_and_generators_have_none(tmp_path: Path) -> None:
    joint = train("digits-mlp", "joint", 0, tmp_path / "joint", set=sets(), progress="silent")
    assert "fwt_zero_shot" not in joint.metrics["summary"]
    drawn = train("digits-cgan", "sgd", 0, tmp_path / "cgan", set=tiny("digits-cgan"), progress="silent")
    assert "fwt_zero_shot" not in drawn.metrics["summary"]


def test_a_task_that_comes_back_counts_once(tmp_path: Path) -> None:
    visits = ["scenario={name: repeat, of: {name: permuted, tasks: 2}}", *SETS[1:]]
    back = train("digits-mlp", "sgd", 0, tmp_path / "back", set=visits, progress="silent")
    once = train("digits-mlp", "sgd", 0, tmp_path / "once", set=sets(scenario__tasks=2), progress="silent")
    assert len(back.metrics["tasks"]) == 4
    assert back.metrics["summary"]["fwt_zero_shot"] == once.metrics["summary"]["fwt_zero_shot"]
