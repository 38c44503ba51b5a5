"""Draw the summed score of all tasks while they are trained (Kirkpatrick et al. 2017, fig. 3)."""

from __future__ import annotations

from collections.abc import Sequence

from gencl.analysis.course import STEPS, Course, courses_of, draw_ends, draw_line
from gencl.analysis.figure import Drawing, canvas, legend, plain, png, spread, table
from gencl.analysis.measuring import Bench
from gencl.analysis.subject import Subject
from gencl.metrics.figures import heading, is_share
from gencl.scenarios.task import Task


def figures(subject: Subject, bench: Bench) -> list[Drawing]:
    """Draw one line per method. Raises UsageError if nothing was measured within tasks."""
    courses = courses_of(subject)
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
        draw_line(
            axes, number, label, [(step, scale * mean, scale * std) for step, mean, std in at if mean is not None]
        )
    draw_ends(axes, longest.ends)
    plain(axes, "all tasks that began so far, each once")
    axes.set_xlabel(STEPS, fontsize=9)
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
    """Return the sum of scores over the tasks so far, by step.

    A task that recurs counts once. If tasks were inferred, each true task counts once (`Task.weight`).
    """
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
