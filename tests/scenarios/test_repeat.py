"""Tasks that come back."""

from __future__ import annotations

import pytest

import gencl
from gencl.core.errors import UsageError
from gencl.runs.build import make_scenario, seed_draws_tasks
from gencl.scenarios.task import Scenario, Task


def repeated(*assignments: str) -> Scenario:
    chosen = ["scenario.name=repeat", "scenario.of.classes_per_task=2", *assignments]
    return make_scenario(gencl.resolve("digits-mlp", assignments=chosen), None)


def test_a_visit_is_a_task_with_the_data_of_the_first_visit() -> None:
    visits = repeated("scenario.visits=[1,0,1,1]").tasks
    assert [task.name for task in visits] == ["2,3", "0,1", "2,3 (visit 2)", "2,3 (visit 3)"]
    assert [task.index for task in visits] == [0, 1, 2, 3]
    assert [task.again for task in visits] == [None, None, 0, 0]
    assert visits[2].train is visits[0].train and visits[2].classes == visits[0].classes == (2, 3)


def test_all_tasks_come_in_turns() -> None:
    visits = repeated("scenario.of.tasks=3", "scenario.visits=2").tasks
    assert [task.again for task in visits] == [None, None, None, 0, 1, 2]
    merged = Task.merge(visits)
    assert len(merged.train) == sum(len(task.train) for task in visits[:3]) and len(merged.parts) == 6


def test_tasks_of_any_scenario_may_come_back() -> None:
    chosen = ["scenario.name=repeat", "scenario.of={name: permuted, tasks: 2}"]
    permuted = make_scenario(gencl.resolve("digits-mlp", assignments=chosen), None)
    assert [task.again for task in permuted.tasks] == [None, None, 0, 1]
    assert permuted.tasks[3].classes == permuted.tasks[1].classes


def test_a_class_that_other_tasks_have_too_does_not_come_back_whole() -> None:
    visits = repeated("scenario.visits=[1,0,1,1]").tasks
    assert [task.whole for task in visits] == [(), (), (2, 3), (2, 3)]
    chosen = [
        "scenario.name=repeat",
        "scenario.of={name: dirichlet, tasks: 2, alpha: 100}",
        "scenario.visits=[0,0,1,0]",
    ]
    spread = make_scenario(gencl.resolve("digits-cgan", assignments=chosen), None).tasks
    assert spread[0].classes == spread[1].classes == spread[2].classes == tuple(range(10))
    assert [task.whole for task in spread] == [(), tuple(range(10)), (), ()] and spread[3].again == 0


def test_the_seed_draws_what_it_draws_of_the_other_scenario() -> None:
    chosen = ["scenario.name=repeat", "scenario.of.order=seed"]
    assert seed_draws_tasks(gencl.resolve("digits-mlp", assignments=chosen))
    assert not seed_draws_tasks(gencl.resolve("digits-mlp", assignments=["scenario.name=repeat"]))


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("scenario.visits=0", "scenario.visits: must be greater than or equal to 1"),
        ("scenario.visits=[]", "scenario.visits: has too few values"),
        ("scenario.visits=[0,5]", "scenario.visits: there is no task 5; the tasks are 0 to 4"),
        ("scenario.of.taks=3", "scenario.of: no setting is called taks; did you mean tasks?"),
        ("scenario.of.name=spilt", "no scenario is called 'spilt'; did you mean split?"),
        ("scenario.of.name=repeat", "repeat cannot be repeated; raise visits"),
    ],
)
def test_what_makes_no_sequence_is_said_in_one_line(assignment: str, said: str) -> None:
    with pytest.raises(UsageError) as error:
        if "of.name" in assignment:
            make_scenario(gencl.resolve("digits-mlp", assignments=["scenario.name=repeat", assignment]), None)
        repeated(assignment)
    assert said in str(error.value) and "\n" not in str(error.value)
