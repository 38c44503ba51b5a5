"""Read from log.jsonl how scores change within tasks, for runs trained with ``evaluate.within: yes``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from gencl.analysis.subject import Subject
from gencl.core.errors import GenclError, UsageError
from gencl.drawing.curves import line_look
from gencl.runs.folder import RunFolder

STEPS = "steps; dashed: the next task begins"
"""The label of the step axis."""


@dataclass(frozen=True)
class Course:
    """The course of one metric in a run's log.

    ``values[i]`` holds the score of each task so far at ``steps[i]``; ``ends`` are the steps at which tasks end. Steps
    count from the start of the run. ``stages`` maps (task, stage name, 0-based stage number within the task) to the
    step, the values and the number of non-zero shared parameters at the end of the stage.
    """

    metric: str
    steps: list[int]
    values: list[list[float | None]]
    ends: list[int]
    stages: dict[tuple[str, str, int], tuple[int, list[float | None], int]]


def courses_of(subject: Subject) -> dict[str, dict[int, Course]]:
    """Return the courses by method and seed. Runs without scores within tasks are left out.

    Raises UsageError if no run was measured within tasks, GenclError if a log is damaged.
    """
    courses = {
        label: {seed: course for seed, run in seeds.items() if (course := _course_of(run)) is not None}
        for label, seeds in subject.runs.items()
    }
    if not any(courses.values()):
        raise UsageError(f"{subject.path}: nothing was measured within a task; train with --set evaluate.within=yes")
    return {label: seeds for label, seeds in courses.items() if seeds}


def _course_of(run: RunFolder) -> Course | None:
    """Return the course of the first metric in the run's log, or None if nothing was measured within tasks.

    Raises GenclError if the log is damaged.
    """
    path = run.path / "log.jsonl"
    course: Course | None = None
    before, task, last = 0, None, 0
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            if task is not None and entry["task"] != task:
                before += last
                if course is not None:
                    course.ends.append(before)
            task, last = entry["task"], int(entry["step"])
            if measured := entry.get("measured"):
                course = course or Course(next(iter(measured)), [], [], [], {})
                course.steps.append(before + last)
                course.values.append(measured[course.metric])
                at_end = before + last, measured[course.metric], int(entry["shared_nonzero"])
                course.stages[task, entry["stage"], int(entry["stage_number"])] = at_end
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise GenclError(f"{path} cannot be read: {error}") from error
    if course is not None:
        course.ends.append(before + last)
    return course


def draw_line(axes: Axes, number: int, label: str, points: Sequence[tuple[int, float, float]]) -> None:
    """Draw the line of method ``number`` through (step, mean, standard deviation), with a band of one deviation."""
    if not points:
        return
    steps, means, stds = (list(part) for part in zip(*points, strict=True))
    look = line_look(number, marked=False)
    axes.plot(steps, means, label=label, **look)
    low, high = ([m + sign * s for m, s in zip(means, stds, strict=True)] for sign in (-1, 1))
    axes.fill_between(steps, low, high, color=look["color"], alpha=0.15, linewidth=0)


def draw_ends(axes: Axes, ends: Sequence[int]) -> None:
    """Draw a dashed line at each step where the next task begins, and end the axis with the last task."""
    for end in ends[:-1]:
        axes.axvline(end, color="0.6", linewidth=0.9, linestyle=(0, (4, 2)))
    axes.set_xlim(0, ends[-1])
