"""Tasks that return with the data of their first visit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from gencl.core.errors import UsageError
from gencl.core.part import Part, check
from gencl.core.settings import DataSettings
from gencl.scenarios.recipe import Load, Recipe
from gencl.scenarios.task import Scenario, Task


class RepeatSettings(Part):
    """``scenario.*`` of returning tasks; the scenario named in ``of`` checks the settings in it."""

    name: Literal["repeat"] = "repeat"
    of: dict[str, Any] = Field(
        {"name": "split"},
        validate_default=True,
        description="scenario whose tasks are repeated, such as {name: split}",
    )
    visits: Annotated[int, Field(ge=1, le=1000)] | Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)] = (
        Field(
            2,
            description="how many times the sequence is repeated, or the sequence itself with 0 for the first task, "
            "such as [0,1,0,2]",
        )
    )

    @field_validator("of")
    @classmethod
    def _as_the_scenario_says(cls, block: dict[str, Any]) -> dict[str, Any]:
        from gencl.scenarios import SCENARIOS

        block = {"name": "split", **block}
        try:
            kind = SCENARIOS.get(str(block["name"]))
            if kind is Repeat:
                raise ValueError("repeat cannot be repeated; raise visits")
            checked: Part = check(kind.Settings, block, "scenario.of")
        except UsageError as error:
            raise ValueError(str(error).removeprefix("scenario.of: ")) from None
        return checked.model_dump(mode="json", by_alias=True)


class Repeat(Recipe):
    """The tasks of another scenario, visited again. Each visit is a task of the sequence, with the images of the first
    visit.

    At a later visit, the learner continues with the task's existing parameters; scores then show what relearning adds.
    """

    Settings = RepeatSettings
    settings: RepeatSettings

    def __init__(self, settings: RepeatSettings) -> None:
        super().__init__(settings)
        self.alike = self.inner.alike

    @property
    def inner(self) -> Recipe:
        """The scenario whose tasks return."""
        from gencl.scenarios import SCENARIOS

        kind = SCENARIOS.get(self.settings.of["name"])
        recipe: Recipe = kind(kind.Settings.model_validate(self.settings.of))
        recipe.seed = self.seed
        return recipe

    @property
    def drawn(self) -> tuple[object, ...]:
        return self.inner.drawn

    def missing(self) -> str:
        return self.inner.missing()

    def build(self, data: DataSettings, load: Load) -> Scenario:
        once, visits = self.inner.build(data, load), self.settings.visits
        n = len(once.tasks)
        order = list(range(n)) * visits if isinstance(visits, int) else visits
        if max(order) >= n:
            raise UsageError(f"scenario.visits: there is no task {max(order)}; the tasks are 0 to {n - 1}")
        return replace(once, name="repeat", tasks=tuple(visited([once.tasks[number] for number in order])))


def visited(tasks: Sequence[Task]) -> Iterator[Task]:
    """Yield the tasks as steps of a sequence, numbered anew; a task that returns refers to its first visit."""
    first: dict[int, int] = {}
    often: Counter[int] = Counter()
    called = {task.index: task.name for task in tasks if task.again is None}
    for index, task in enumerate(tasks):
        again, name = first.get(task.first_visit), called.get(task.first_visit, task.name)
        first.setdefault(task.first_visit, index)
        often[task.first_visit] += 1
        name += "" if again is None else f" (visit {often[task.first_visit]})"
        yield replace(task, index=index, name=name, again=again)
