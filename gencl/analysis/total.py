"""The score of all tasks together, while they are trained (Kirkpatrick et al. 2017, fig. 3)."""

from __future__ import annotations

from collections.abc import Sequence

from gencl.analysis.figure import Drawing, canvas, legend, plain, png, spread, table
from gencl.analysis.learning import Course, course_of
from gencl.analysis.measuring import Bench
from gencl.analysis.subject import Subject
from gencl.core.errors import UsageError
from gencl.drawing.curves import line_look
from gencl.metrics.figures import heading, is_share
from gencl.scenarios.task import Task


def figures(subject: Subject, bench: Bench) -> list[Drawing]:
    """A line for each method. Raises UsageError where nothing was measured within tasks."""
    courses = {
        label: {seed: course for seed, run in seeds.items() if (course := course_of(run)) is not None}
        for label, seeds in subject.runs.items()
    }
    if not any(courses.values()):
        raise UsageError(f"{subject.path}: nothing was measured within a task; train with --set evaluate.within=yes")
    totals = {
        label: {seed: _totals(course, bench.tasks(subject.runs[label][seed]).tasks) for seed, course in seeds.items()}
        for label, seeds in courses.items()
    }
    every = [course for seeds in courses.values() for course in seeds.values()]
    longest = max(every, key=lambda one: (one.ends[-1], len(one.ends) > 1, -len(one.ends)))
    what = f"{heading(longest.metric, subject.features)}, sum of all tasks so far: {subject.name}"
    figure, panels = canvas(what, [1.0], 3.6)
    (axes,) = panels[0]
    for number, (label, seeds) in enumerate(totals.items()):
        at = [(step, *spread([total.get(step) for total in seeds.values()])) for step in _steps(seeds)]
        scale = 100 if is_share(longest.metric) else 1
        points = [(step, scale * mean, scale * std) for step, mean, std in at if mean is not None]
        if points:
            steps, means, stds = (list(part) for part in zip(*points, strict=True))
            axes.plot(steps, means, **(look := line_look(number, marked=False)), label=label)
            low, high = ([m + sign * s for m, s in zip(means, stds, strict=True)] for sign in (-1, 1))
            axes.fill_between(steps, low, high, color=look["color"], alpha=0.15, linewidth=0)
    for end in longest.ends[:-1]:
        axes.axvline(end, color="0.6", linewidth=0.9, linestyle=(0, (4, 2)))
    axes.set_xlim(0, longest.ends[-1])
    plain(axes, "all tasks that began so far, each once")
    axes.set_xlabel("steps; dashed: the next task begins", fontsize=9)
    legend(figure, [axes])
    rows = [
        [label, seed, step, total]
        for label, seeds in totals.items()
        for seed, course in seeds.items()
        for step, total in course.items()
    ]
    said = f"sum of {longest.metric} at {len(longest.steps)} steps of {longest.ends[-1]}"
    return [Drawing("total", png(figure), {"total": table(["method", "seed", "step", longest.metric], rows)}, said)]


def _totals(course: Course, tasks: Sequence[Task]) -> dict[int, float]:
    """The sum over the tasks so far, by step; one that came back counts once. Where tasks were inferred, each true one
    counts once (`Task.weight`)."""
    return {
        step: sum(
            task.weight * value
            for task, value in zip(tasks, values, strict=False)
            if task.again is None and value is not None
        )
        for step, values in zip(course.steps, course.values, strict=True)
    }


def _steps(seeds: dict[int, dict[int, float]]) -> list[int]:
    return sorted({step for total in seeds.values() for step in total})
