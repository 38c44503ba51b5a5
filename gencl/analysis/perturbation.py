"""Draw how far the shared parameters can be moved before the learner fails (Kirkpatrick et al. 2017, score against the
size of a random step).

There are three random directions. z is standard normal; F is the diagonal Fisher information of all tasks, with mean 1:

=========  ==========================================================================================
uniform    z: all parameters alike
inverse    z / sqrt(F + 1e-6): the covariance is the inverse Fisher information
null       z where F < 1e-6, 0 elsewhere: parameters that are unimportant by the Fisher information
=========  ==========================================================================================

The size of a step is its Euclidean norm as a multiple of the norm of the shared parameters, so all three directions
move the network equally far. If F is right, *inverse* tolerates larger steps than *uniform*, and *null* any step.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from gencl.analysis.distribution import LOWEST
from gencl.analysis.figure import Drawing, colour, folded, legend, plain, png, spread, table, wall
from gencl.analysis.measuring import Bench
from gencl.analysis.subject import Subject
from gencl.core.errors import UsageError
from gencl.core.randomness import RandomSource, permutation
from gencl.datasets.dataset import Split
from gencl.metrics.evaluator import Evaluator
from gencl.metrics.figures import heading, is_share
from gencl.runs.folder import RunFolder

SHAPES = {"uniform": "uniform", "inverse": "inverse Fisher information", "null": "null space of the Fisher information"}
"""The directions and their labels."""
SIZES = [10 ** (step / 4) for step in range(-6, 7)]
"""The sizes of the steps, as multiples of the norm of the shared parameters."""
DRAWS = 5
"""The number of random steps of each size."""
_LOW = 10**LOWEST

Scores = dict[str, list[list[float | None]]]
"""Scores by direction: for each size, the score of each draw."""


def figures(subject: Subject, bench: Bench) -> list[Drawing]:
    """Draw one panel per method. Raises UsageError if a run shares no parameters or has no score."""
    by_run = {label: {s: _scores(run, bench) for s, run in seeds.items()} for label, seeds in subject.runs.items()}
    metric = _metric(subject.run)
    what = f"{heading(metric, subject.features)}, mean of all tasks, against the size of a random step"
    figure, panels = wall(f"{what}: {subject.name}", len(by_run), 3.0, 0.8)
    scale = 100 if is_share(metric) else 1
    for axes, (label, seeds) in zip(panels, by_run.items(), strict=True):
        for number, (shape, name) in enumerate(SHAPES.items()):
            at = [spread([v for one in seeds.values() for v in one[shape][i]]) for i in range(len(SIZES))]
            points = [(x, scale * m, scale * s) for x, (m, s) in zip(SIZES, at, strict=True) if m is not None]
            if points:
                sizes, means, stds = (list(part) for part in zip(*points, strict=True))
                axes.errorbar(
                    sizes, means, stds, color=colour(number), label=name, elinewidth=1, capsize=2, marker="o", ms=3
                )
        axes.set_xscale("log")
        axes.set_xlabel("size of the step, as a multiple of the parameters' norm", fontsize=8.5)
        plain(axes, folded(label))
    legend(figure, panels)
    rows = [
        [label, seed, shape, size, draw + 1, value]
        for label, seeds in by_run.items()
        for seed, one in seeds.items()
        for shape, sizes in one.items()
        for size, values in zip(SIZES, sizes, strict=True)
        for draw, value in enumerate(values)
    ]
    header = ["method", "seed", "direction", "size", "draw", metric]
    said = f"{metric} after {DRAWS} random steps of each of {len(SIZES)} sizes in {len(SHAPES)} directions"
    return [Drawing("perturbation", png(figure), {"perturbation": table(header, rows)}, said)]


def _metric(run: RunFolder) -> str:
    """Return the run's first metric. Raises UsageError if nothing was measured after its tasks."""
    matrices: dict[str, Any] = run.metrics["matrices"]
    if not matrices:
        raise UsageError(f"{run.path}: nothing was measured after its tasks, so that no score can fall")
    return next(iter(matrices))


def _scores(run: RunFolder, bench: Bench) -> Scores:
    """Return the mean score over tasks after every step, on at most ``bench.samples`` held-out images per task."""
    learner, scenario, settings = run.learner(), bench.tasks(run), run.settings
    shared = learner.shared()
    if not shared:
        raise UsageError(f"{run.path}: every layer is a task's own, so that there are no shared parameters to move")
    numbers = range(1, len(scenario.tasks) + 1)
    each = [bench.importance(run, learner, "fisher", number) for number in numbers]
    fisher = {name: sum(one[name] for one in each).to(p.device) / len(each) for name, p in shared.items()}  # type: ignore[union-attr]
    tasks = tuple(
        replace(task, test=_some(task.test, bench.samples), validation=_some(task.validation, bench.samples))
        for task in scenario.tasks
    )
    few = replace(scenario, tasks=tasks)
    metric = _metric(run)
    evaluator = Evaluator(learner, few, settings.evaluate, settings.seed, only=[metric], progress="silent")
    (measure,) = evaluator.metrics
    random = RandomSource(settings.seed, "perturbation", device=learner.position.device)
    scores: Scores = {shape: [[] for _ in SIZES] for shape in SHAPES}
    for _ in range(DRAWS):
        z = {name: random.normal(*parameter.shape) for name, parameter in shared.items()}
        for shape, direction in directions(z, fisher).items():
            for size, values in zip(SIZES, scores[shape], strict=True):
                with moved(shared, direction, size):
                    values.append(measure.overall(evaluator.measure(evaluator.snapshot(tasks))[metric]))
    return scores


def _some(split: Split, n: int) -> Split:
    """Return at most ``n`` of the images, always the same ones."""
    return split if len(split) <= n else split.select(permutation(len(split), "perturbation")[:n])


def directions(z: dict[str, Tensor], fisher: dict[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """Return the steps of `SHAPES` for one draw ``z``, by parameter.

    Each has norm 1; the null step has norm 0 if the null space is empty.
    """
    shaped = {
        "uniform": z,
        "inverse": {name: value / (fisher[name] + _LOW).sqrt() for name, value in z.items()},
        "null": {name: value * (fisher[name] < _LOW) for name, value in z.items()},
    }
    return {shape: _of_norm_1(step) for shape, step in shaped.items()}


def _of_norm_1(step: dict[str, Tensor]) -> dict[str, Tensor]:
    norm = _norm(step)
    return {name: value / norm if norm else value for name, value in step.items()}


def _norm(tensors: dict[str, Any]) -> float:
    return float(torch.stack([value.detach().square().sum() for value in tensors.values()]).sum().sqrt())


@contextmanager
def moved(shared: dict[str, Parameter], direction: dict[str, Tensor], size: float) -> Iterator[None]:
    """Move the parameters by ``size`` times their norm within the block, then restore them bit for bit."""
    before = {name: parameter.detach().clone() for name, parameter in shared.items()}
    length = size * _norm(dict(shared))
    try:
        with torch.no_grad():
            for name, parameter in shared.items():
                parameter.add_(direction[name], alpha=length)
        yield
    finally:
        with torch.no_grad():
            for name, parameter in shared.items():
                parameter.copy_(before[name])
