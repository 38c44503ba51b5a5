"""Draw the score of each task while it and later tasks are trained (Kirkpatrick et al. 2017, fig. 2A).

Runs trained with ``evaluate.within: yes`` have these values in log.jsonl. Other runs have one value per task, which
the curves of the comparison show.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Any

from gencl.analysis.course import STEPS, Course, courses_of, draw_ends, draw_line
from gencl.analysis.figure import Drawing, canvas, legend, plain, png, spread, table
from gencl.analysis.subject import Subject
from gencl.metrics.figures import heading, is_share
from gencl.presets.papers import published_stages

_PANELS = 10
"""Only the first tasks are drawn, at most this many; the CSV has all."""


def figures(subject: Subject, bench: object) -> list[Drawing]:
    """Draw one panel per task and one line per method. Raises UsageError if nothing was measured within tasks."""
    courses = courses_of(subject)
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
            draw_line(axes, number, label, points)
        draw_ends(axes, longest.ends)
        plain(axes, f"task {names[task] if task < len(names) else task + 1}")
    panels[-1, 0].set_xlabel(STEPS, fontsize=9)
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
    """Return the names of the tasks if all runs learned the same ones, else none."""
    return tasks[0] if all(names == tasks[0] for names in tasks) else ()


def _stages(courses: dict[str, dict[int, Course]], published: dict[str, list[tuple[int, float]]]) -> str:
    """Return a CSV of the mean score over tasks and the non-zero weights after each stage, beside the paper's."""
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
    """Return one line per stage for which a paper prints figures: our mean over seeds, then the paper's."""
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


def _points(courses: list[Course], task: int, scale: float) -> list[tuple[int, float, float]]:
    """Return (step, mean, standard deviation) of a task's values over runs, from its first measurement on."""
    at: dict[int, list[float | None]] = {}
    for course in courses:
        for step, values in zip(course.steps, course.values, strict=True):
            if task < len(values):
                at.setdefault(step, []).append(values[task])
    averaged = [(step, *spread(values)) for step, values in sorted(at.items())]
    return [(step, scale * mean, scale * std) for step, mean, std in averaged if mean is not None]
