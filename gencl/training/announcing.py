"""Prints what a run is about to learn: its method, its tasks, and doubts about their data."""

from __future__ import annotations

from gencl.core.progress import Mode
from gencl.core.settings import Settings
from gencl.core.waiting import say
from gencl.learners.learner import Learner
from gencl.presets.resolving import default_method
from gencl.runs import checkpoint
from gencl.scenarios.added import copies
from gencl.scenarios.task import Scenario

SHOWN_TASKS = 20
"""How many tasks are listed at the start, with their labels."""


def say_what_is_learned(
    settings: Settings,
    learner: Learner,
    scenario: Scenario,
    progress: Mode,
    last: checkpoint.Checkpoint | None = None,
) -> None:
    """Print the method, the tasks with their labels, doubts about the data, and damaged checkpoints that were
    skipped."""
    for problem in last.passed_over if last else ():
        say(f"damaged, an older checkpoint is used: {problem}", progress)
    images, learned = sum(len(task.train) for task in scenario.tasks), last.state["episode"] if last else 0
    for doubt in [*scenario.doubts, *copies(scenario, learned)]:
        say(doubt, progress)
    tasks = f"{len(scenario.tasks)} tasks" + (f", {learned} of them learned" if learned else "")
    told = f"{tasks}, {images} training images" if images else tasks
    say(f"{told}; {learner.describe()}", progress)
    method = str(settings.method["name"])
    chosen = f", the default of preset {settings.preset}" if method == default_method(settings.preset) else ""
    say(f"method {method}{chosen}", progress)
    coming = list(enumerate(scenario.tasks))[learned:]
    for number, task in coming[:SHOWN_TASKS]:
        names = dict.fromkeys(scenario.class_names[c] for c in task.classes)
        labels = f" ({', '.join(names)})" if ",".join(names) != task.name else ""
        say(f"  task {number + 1}: {task.name}{labels}", progress)
    if len(coming) > SHOWN_TASKS:
        say(f"  ... and {len(coming) - SHOWN_TASKS} more", progress)
