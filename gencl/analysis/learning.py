"""How well each task is solved while it and later tasks are trained (Kirkpatrick et al. 2017, fig. 2A).

Runs trained with ``evaluate.within: yes`` have these values in log.jsonl. Others have one value per task, which the
comparison's own curves show.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from gencl.analysis.figure import Drawing, canvas, legend, plain, png, spread, table
from gencl.analysis.subject import Subject
from gencl.core.errors import GenclError, UsageError
from gencl.drawing.curves import line_look
from gencl.metrics.figures import heading, is_share
from gencl.presets.papers import published_stages
from gencl.runs.folder import RunFolder

_PANELS = 10
"""Tasks drawn at most, the first ones; the CSV has all."""


@dataclass(frozen=True)
class Course:
    """What a run's log says: the metric, its values (step of the run, task so far) and the steps at which tasks end.

    ``stages`` are their tasks, names and numbers within the task (0-based), with the step of the run, the values, and
    the shared parameters that are not zero, all at the stage's end.
    """

    metric: str
    steps: list[int]
    values: list[list[float | None]]
    ends: list[int]
    stages: dict[tuple[str, str, int], tuple[int, list[float | None], int]]


def figures(subject: Subject, bench: object) -> list[Drawing]:
    """A panel for each task, a line for each method. Raises UsageError where nothing was measured within tasks."""
    courses = {
        label: {seed: course for seed, run in seeds.items() if (course := course_of(run)) is not None}
        for label, seeds in subject.runs.items()
    }
    courses = {label: seeds for label, seeds in courses.items() if seeds}
    if not courses:
        raise UsageError(f"{subject.path}: nothing was measured within a task; train with --set evaluate.within=yes")
    longest = max((course for seeds in courses.values() for course in seeds.values()), key=lambda one: len(one.ends))
    names = _names([subject.runs[label][seed].metrics["tasks"] for label, seeds in courses.items() for seed in seeds])
    shown = min(len(longest.ends), _PANELS)
    metric = longest.metric
    figure, panels = canvas(
        f"{heading(metric, subject.features)} of each task while it and later tasks are trained: {subject.name}",
        [1.0],
        1.7 * shown + 1.0,
        shown,
    )
    for task, axes in enumerate(panels[:, 0]):
        for number, (label, seeds) in enumerate(courses.items()):
            points = _points(list(seeds.values()), task, 100 if is_share(metric) else 1)
            if points:
                steps, means, stds = (list(part) for part in zip(*points, strict=True))
                look: dict[str, Any] = line_look(number, marked=False)
                axes.plot(steps, means, **look, label=label)
                low, high = ([m + sign * s for m, s in zip(means, stds, strict=True)] for sign in (-1, 1))
                axes.fill_between(steps, low, high, color=look["color"], alpha=0.15, linewidth=0)
        for end in longest.ends[:-1]:
            axes.axvline(end, color="0.6", linewidth=0.9, linestyle=(0, (4, 2)))
        axes.set_xlim(0, longest.ends[-1])
        plain(axes, f"task {names[task] if task < len(names) else task + 1}")
    panels[-1, 0].set_xlabel("steps; dashed: the next task begins", fontsize=9)
    legend(figure, panels[:, 0])
    rows = [
        [label, seed, step, task + 1, value]
        for label, seeds in courses.items()
        for seed, course in seeds.items()
        for step, values in zip(course.steps, course.values, strict=True)
        for task, value in enumerate(values)
    ]
    said = f"{metric} at {len(longest.steps)} steps of {longest.ends[-1]}"
    published = {label: published_stages(next(iter(subject.runs[label].values())).settings) for label in courses}
    header = ["method", "seed", "step", "task", metric]
    tables = {"learning": table(header, rows), "learning-stages": _stages(courses, published)}
    return [Drawing("learning", png(figure), tables, "\n  ".join([said, *_beside(courses, published)]))]


def _names(tasks: Sequence[Sequence[str]]) -> Sequence[str]:
    """The tasks' names, where all runs learned the same: their lines are averaged over runs."""
    return tasks[0] if all(names == tasks[0] for names in tasks) else ()


def _stages(courses: dict[str, dict[int, Course]], published: dict[str, list[tuple[int, float]]]) -> str:
    """The mean score over tasks so far, and the weights left, at the end of each stage, beside those of a paper."""
    rows: list[list[Any]] = []
    for label, seeds in courses.items():
        for seed, course in seeds.items():
            for (task, stage, number), (step, values, nonzero) in course.stages.items():
                weights, accuracy = dict(enumerate(published[label])).get(number, (None, None))
                ours = [label, seed, task, stage, number + 1, step, spread(values)[0], nonzero]
                rows.append([*ours, accuracy, weights])
    header = ["method", "seed", "task", "stage", "number", "step", "mean", "shared_parameters_not_zero"]
    return table([*header, "published_mean", "published_parameters"], rows)


def _beside(courses: dict[str, dict[int, Course]], published: dict[str, list[tuple[int, float]]]) -> list[str]:
    """A line for each stage that a paper has figures of: the mean over seeds, and the paper's."""
    lines = []
    for label, printed in published.items():
        for number, (weights, accuracy) in enumerate(printed):
            stages = [end for course in courses[label].values() for end in course.stages.items()]
            ends = [(left, spread(values)[0]) for (_, _, which), (_, values, left) in stages if which == number]
            if ends:
                left, (mean, _) = fmean(left for left, _ in ends), spread([mean for _, mean in ends])
                ours = f"{left:,.0f} weights" + ("" if mean is None else f", {100 * mean:.2f} %")
                paper = f"{weights:,} weights, {100 * accuracy:.2f} %"
                lines.append(f"{label}, stage {number + 1}: {ours}; published: {paper}")
    return lines


def course_of(run: RunFolder) -> Course | None:
    """What the log of a run says of its first metric; None where nothing was measured within tasks.

    Raises GenclError where the log is damaged.
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


def _points(courses: list[Course], task: int, scale: float) -> list[tuple[int, float, float]]:
    """(step, mean, standard deviation) of a task's values over runs, from where it is trained on."""
    at: dict[int, list[float | None]] = {}
    for course in courses:
        for step, values in zip(course.steps, course.values, strict=True):
            if task < len(values):
                at.setdefault(step, []).append(values[task])
    averaged = [(step, *spread(values)) for step, values in sorted(at.items())]
    return [(step, scale * mean, scale * std) for step, mean, std in averaged if mean is not None]
