"""What is done beside steps: importance, consolidation, drawing and scoring images, several seeds as one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

from benchmarks import consolidation, ensemble
from benchmarks.gpu.measuring import Bench
from benchmarks.gpu.subjects import Subject
from gencl.core.randomness import RandomSource
from gencl.learners.generative import GenerativeLearner
from gencl.learners.learner import Learner
from gencl.methods.importance import moments
from gencl.metrics.digits_reader import DigitsReader
from gencl.metrics.snapshot import to_uint8
from gencl.runs.build import make_learner
from gencl.scenarios.task import Task
from gencl.training.stopwatch import now


def _grown(bench: Bench, subject: Subject) -> tuple[Learner, Task]:
    """A learner that has grown for a task."""
    task = subject.scenario(bench.device, tasks=1).tasks[0]
    learner = make_learner(subject.settings("sgd").model, subject.shape, 0, bench.device)
    learner.grow(task.classes, 0)
    return learner.eval(), task


def measure_importance(bench: Bench, name: str, subject: Subject) -> None:
    """Adds a row of samples per second through an importance pass."""

    n = 8 if subject.small else 512

    def work() -> float:
        learner, task = _grown(bench, subject)
        batch = learner.probe(task, n, RandomSource(0, device=bench.place)).rows(slice(None))
        return bench.pace(lambda: moments(learner, "entropy", batch, learner.shared(), ["absolute"])) * n

    bench.row("importance pass", name, "mean absolute gradients", "samples/s", work)


def measure_consolidation(bench: Bench, millions: float) -> None:
    """Adds rows of what methods add to an optimiser's step."""
    runs: dict[str, Callable[[], None]] = {}

    def work(how: str) -> float:
        if not runs:
            runs.update(consolidation.sides(millions, bench.device))
        return 1e3 / bench.pace(runs[how])

    base = "optimiser's step"
    for how in (base, *consolidation.SIDES):
        of = f"{millions:g} million parameters"
        bench.row("consolidation", of, how, "ms/step", partial(work, how), None if how == base else base)


def measure_drawing(bench: Bench, name: str, subject: Subject) -> None:
    """Adds a row of images drawn per second."""
    n = 4 if subject.small else 500

    def work() -> float:
        learner, _ = _grown(bench, subject)
        assert isinstance(learner, GenerativeLearner)
        classes = torch.zeros(n, dtype=torch.long, device=bench.place)
        random = RandomSource(0, device=bench.place)

        @torch.no_grad()
        def draw() -> Tensor:
            return to_uint8(learner.generate(classes, learner.generator.draw_latents(n, random)))

        return bench.pace(draw) * n

    bench.row("drawing", name, f"{n} at a time", "images/s", work)


def measure_scoring(bench: Bench) -> None:
    """Adds rows of images that feature extractors read per second. Inception's weights are drawn at random."""
    n = 1 if bench.quick else 250

    def digits() -> float:
        reader = DigitsReader().to(bench.place)
        images = torch.zeros(n, 3, 28, 28, dtype=torch.uint8, device=bench.place)
        return bench.pace(lambda: reader(images)) * n

    @torch.no_grad()
    def inception() -> float:
        network: nn.Module = torchvision.models.inception_v3(weights=None, init_weights=False).to(bench.place).eval()
        images = torch.zeros(n, 3, 64, 64, device=bench.place)
        return bench.pace(lambda: network(F.interpolate(images, (299, 299), mode="bilinear"))) * n

    bench.row("scoring", "images at 28x28", "the digits' features", "images/s", torch.no_grad()(digits))
    bench.row("scoring", "images at 64x64", "Inception v3 at 299x299", "images/s", inception)


def measure_seeds(bench: Bench, preset: str, numbers: tuple[int, ...], steps: int) -> None:
    """Adds rows of the seconds that several seeds take as one; the share is how often one run's time goes into it."""
    more = [f"train.steps={steps}", "scenario.tasks=3", *(["model.width=4"] if bench.quick else [])]
    if preset == "digits-mlp" and bench.quick:
        more[-1] = "model.hidden=[16,8]"

    def seconds(seeds: int, together: bool) -> float:
        return ensemble.side(preset, "anpyc", more, seeds, partial(now, bench.place), together, bench.device)

    def alone() -> float:
        seconds(1, False)  # warms up
        return seconds(1, False)

    bench.row("seeds", preset, "1 alone", "s", alone, note=f"{steps} steps a task, 3 tasks, anpyc")
    for seeds in numbers:
        how = f"{seeds} as one"
        note = f"share of 1 alone; one after another: {seeds}"
        bench.row("seeds", preset, how, "s", partial(seconds, seeds, True), "1 alone", note)
