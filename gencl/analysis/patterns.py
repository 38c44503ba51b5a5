"""Draw the memory of runs on random patterns: the signal-to-noise ratio by age, and the share remembered.

Theory for gradient descent and EWC is drawn beside it (Kirkpatrick et al. 2017, random patterns;
`gencl.analysis.recall`). A pattern's signal is the margin of its correct class. The noise is the standard deviation of
the margin over new random patterns. Signals are averaged over the patterns of a task, and ratios over seeds. Runs with
``keep: tasks`` show the share remembered after each task, others only after the last one or two.
"""

from __future__ import annotations

from statistics import fmean
from typing import Any

import torch
from torch import Tensor

from gencl.analysis.figure import Drawing, canvas, legend, plain, png, table
from gencl.analysis.measuring import Bench
from gencl.analysis.recall import THRESHOLD, consolidated, descent, remembered
from gencl.analysis.subject import Subject
from gencl.core.errors import UsageError
from gencl.core.randomness import generator
from gencl.drawing.curves import line_look
from gencl.learners.capabilities import CLASSIFIER
from gencl.learners.learner import Learner
from gencl.runs import kept
from gencl.runs.folder import RunFolder
from gencl.scenarios.task import Task

NEW = 2000
"""The number of new patterns on which the noise is measured."""
_THEORY = {"gradient descent, expected": descent, "EWC, expected": consolidated}
_DOTTED: dict[str, Any] = {"color": "black", "linewidth": 1.2}
_DASHES = ((0, (1, 1.5)), (0, (5, 2)))

Ratios = dict[int, list[float]]
"""The mean signal-to-noise ratio of each task, first to last, by the number of tasks learned."""


def figures(subject: Subject, bench: Bench) -> list[Drawing]:
    """Draw the final signal-to-noise ratio by age, and the share remembered. Raises UsageError for other data."""
    if any(run.settings.scenario["name"] != "patterns" for runs in subject.runs.values() for run in runs.values()):
        raise UsageError(f"{subject.path}: it learned no random patterns; use the preset random-patterns")
    by_run = {label: {s: _ratios(run, bench) for s, run in seeds.items()} for label, seeds in subject.runs.items()}
    means = {label: _mean(list(seeds.values())) for label, seeds in by_run.items()}
    first = bench.tasks(subject.run).tasks[0]
    each, units = len(first.train), first.train.shape[-1]
    figure, ((left, right),) = canvas(f"Memory of random patterns of {units} bits: {subject.name}", (1, 1), 4.4)
    for number, (label, ratios) in enumerate(means.items()):
        look: dict[str, Any] = line_look(number, marked=len(ratios) == 1)
        end = next(reversed(ratios.values()))
        left.plot([each * (age + 0.5) for age in range(len(end))], end[::-1], **line_look(number, marked=False))
        right.plot(
            [each * t for t in ratios], [100 * _share(values) for values in ratios.values()], **look, label=label
        )
    stored = each * len(bench.tasks(subject.run).tasks)
    for dashes, (label, expected) in zip(_DASHES, _THEORY.items(), strict=True):
        left.plot(range(stored), expected(units, stored).tolist(), **_DOTTED, linestyle=dashes, label=label)
        shares = [100 * remembered(expected(units, t)) for t in range(each, stored + 1, each)]
        right.plot(range(each, stored + 1, each), shares, **_DOTTED, linestyle=dashes, label=label)
    left.axhline(THRESHOLD, color="0.6", linewidth=0.9)
    left.set_xlabel("age: patterns stored since", fontsize=9)
    right.set_xlabel("patterns stored", fontsize=9)
    right.set_ylim(0, 103)
    plain(left, f"signal-to-noise ratio at the end (remembered: above {THRESHOLD:g})")
    plain(right, "% of the patterns remembered")
    legend(figure, (left, right))
    rows = [
        [label, seed, each * t, each * (task + 1), ratio]
        for label, seeds in by_run.items()
        for seed, ratios in seeds.items()
        for t, values in ratios.items()
        for task, ratio in enumerate(values)
    ]
    tables = {"patterns": table(["method", "seed", "patterns_stored", "pattern", "signal_to_noise"], rows)}
    last = {label: 100 * _share(next(reversed(ratios.values()))) for label, ratios in means.items()}
    said = ", ".join(f"{label} remembers {share:.0f} % of {stored} patterns" for label, share in last.items())
    return [Drawing("patterns", png(figure), tables, said)]


def _mean(runs: list[Ratios]) -> Ratios:
    """Return the mean ratio of each task over runs, for the numbers of tasks that all runs kept.

    Ratios are averaged before patterns are counted as remembered, because a single run is noisy.
    """
    counts = sorted(set(runs[0]).intersection(*runs[1:]))
    return {t: [fmean(values) for values in zip(*(run[t] for run in runs), strict=True)] for t in counts}


def _share(ratios: list[float]) -> float:
    return remembered(torch.tensor(ratios))


def _ratios(run: RunFolder, bench: Bench) -> Ratios:
    tasks = bench.tasks(run).tasks
    then = {len(tasks): run.learner} if kept.learned_at_once(run) else kept.learners(run)
    ratios: Ratios = {}
    for number, make in then.items():
        learner = make().to(tasks[0].train.labels.device)
        noise = _noise(learner, tasks[0])
        signals = [float(_margins(learner, task.train.images, task.train.labels).mean()) for task in tasks[:number]]
        ratios[number] = [signal / noise if noise else 0.0 for signal in signals]
    return ratios


@torch.no_grad()
def _margins(learner: Learner, images: Tensor, labels: Tensor) -> Tensor:
    """Return the score of the correct class minus that of the other class, (n,)."""
    classifier = CLASSIFIER(learner)
    scores, right = classifier.logits(images.float() / 255, learner.position[labels])
    chosen = scores.gather(1, right[:, None])
    return (2 * chosen - scores.sum(1, keepdim=True)).squeeze(1)


def _noise(learner: Learner, task: Task) -> float:
    """Return the standard deviation of the margin over new patterns, labelled with the first class of ``task``."""
    random = generator("new patterns")
    images = 255 * torch.randint(2, (NEW, *task.train.shape), generator=random)
    labels = torch.full((NEW,), task.classes[0])
    device = learner.position.device
    return float(_margins(learner, images.to(device), labels.to(device)).std())
