"""Speed as ratios to the plain-PyTorch floor, all sides interleaved in one run.

    python -m benchmarks.speed [--threads N] [--rounds N]

Prints a table and appends it to benchmarks/RESULTS.md with its command.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

import torch
from torch.func import functional_call, grad, vmap

import gencl
from benchmarks import floor
from gencl import methods, presets
from gencl.methods.importance import moments
from gencl.metrics.evaluator import Evaluator
from gencl.models.cgan import ConditionalGAN
from gencl.models.learner import Batch
from gencl.processes import Processes
from gencl.randomness import RandomSource
from gencl.settings import Settings
from gencl.training.build import make_accelerator, make_learner, make_scenario
from gencl.training.recorder import Recorder
from gencl.training.trainer import Trainer

TASKS, STEPS = 3, 100
METHODS = {
    "sgd": ("sgd", []),
    "anpyc, pruning apart": ("anpyc", ["method.prune=0"]),
    "anpyc": ("anpyc", []),
    "dgr": ("dgr", []),
}


def settings_for(method: str, assignments: list[str]) -> Settings:
    """The default preset without measuring, three tasks of a hundred steps."""
    fixed = [f"scenario.tasks={TASKS}", f"train.steps={STEPS}", "evaluate.features=none", "train.checkpoint_every=1000"]
    return presets.resolve("digits-cgan", method=method, assignments=[*fixed, *assignments])


def gencl_seconds(settings: Settings) -> float:
    """Seconds that gencl spends in training steps (importance passes, files and pictures apart)."""
    accelerator = make_accelerator("cpu")
    scenario = make_scenario(settings, None)
    learner = make_learner(settings.model, scenario.image_shape, 0, "cpu")
    evaluator = Evaluator(learner, scenario, settings.evaluate, 0)
    with tempfile.TemporaryDirectory() as folder:
        recorder = Recorder(Path(folder), settings, scenario, Processes(accelerator))
        recorder.create(resume=False)
        trainer = Trainer(settings, scenario, learner, methods.build(settings.method), evaluator, recorder, accelerator)
        trainer.fit("silent")
    return trainer.state.cost.train_seconds


def floor_seconds() -> float:
    """The same tasks and steps in the bare loop."""
    settings = settings_for("sgd", [])
    scenario = make_scenario(settings, None)
    learner = cast(ConditionalGAN, make_learner(settings.model, scenario.image_shape, 0, "cpu"))
    start = time.perf_counter()
    for task in scenario.tasks:
        learner.grow(task.classes, task.index)
        floor.train(learner, task, STEPS, settings.train)
    return time.perf_counter() - start


def importance_sides(n: int) -> dict[str, Callable[[], object]]:
    """One plain forward and backward pass over n samples, the engine's pass, `vmap(grad)`, and a loop over samples."""
    settings = settings_for("anpyc", [])
    scenario = make_scenario(settings, None)
    learner = cast(ConditionalGAN, make_learner(settings.model, scenario.image_shape, 0, "cpu"))
    learner.grow((0,), 0)
    learner.eval()
    batch = learner.probe(scenario.tasks[0], n, RandomSource(0))
    shared = learner.shared()
    pieces = [batch.rows(slice(i, i + 256)) for i in range(0, n, 256)]

    def plain() -> None:
        for piece in pieces:
            torch.autograd.grad(learner.scalars("entropy", piece).sum(), list(shared.values()))

    def engine() -> None:
        moments(learner, "entropy", batch, shared, ["absolute"])

    def functional() -> None:
        module = _Entropy(learner)
        values = {f"learner.{name}": parameter.detach() for name, parameter in shared.items()}

        def scalar(parameters: dict[str, torch.Tensor], sample: dict[str, torch.Tensor]) -> torch.Tensor:
            found: torch.Tensor = functional_call(module, parameters, (sample,))
            return found

        per_sample = vmap(grad(scalar), in_dims=(None, 0))
        for piece in pieces:
            for gradient in per_sample(values, piece.tensors()).values():
                gradient.abs().sum(0), gradient.square().sum(0), gradient.sum(0)

    def loop() -> None:
        for i in range(n):
            torch.autograd.grad(learner.scalars("entropy", batch.rows(slice(i, i + 1))).sum(), list(shared.values()))

    return {"one plain pass": plain, "importance pass": engine, "torch.func": functional, "loop over samples": loop}


class _Entropy(torch.nn.Module):
    def __init__(self, learner: ConditionalGAN) -> None:
        super().__init__()
        self.learner = learner

    def forward(self, sample: dict[str, torch.Tensor]) -> torch.Tensor:
        return self.learner.scalars(
            "entropy", Batch(sample["images"][None], sample["classes"][None], sample["latents"][None])
        )[0]


def interleaved(sides: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each side, one round after another, after a warm-up."""
    for run in sides.values():
        run()
    found: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, run in sides.items():
            found[name].append(run())
    return found


def timed(run: Callable[[], object]) -> Callable[[], float]:
    """The run's seconds."""

    def seconds() -> float:
        start = time.perf_counter()
        run()
        return time.perf_counter() - start

    return seconds


def table(title: str, times: dict[str, list[float]]) -> str:
    """Medians, ratios to the first side round by round (median, least, greatest)."""
    first = next(iter(times.values()))
    lines = [f"### {title}", "", "| | median s | ratio | least | greatest |", "| --- | ---: | ---: | ---: | ---: |"]
    for name, seconds in times.items():
        ratios = [a / b for a, b in zip(seconds, first, strict=True)]
        lines.append(
            f"| {name} | {statistics.median(seconds):.3f} | {statistics.median(ratios):.2f} "
            f"| {min(ratios):.2f} | {max(ratios):.2f} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measures and writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--samples", type=int, default=1024)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    steps: dict[str, Callable[[], float]] = {"plain PyTorch loop": floor_seconds}
    for name, (method, assignments) in METHODS.items():
        settings = settings_for(method, assignments)
        steps[f"gencl, {name}"] = lambda settings=settings: gencl_seconds(settings)  # type: ignore[misc]
    passes = {name: timed(run) for name, run in importance_sides(arguments.samples).items()}
    command = f"python -m benchmarks.speed --threads {arguments.threads} --rounds {arguments.rounds}"
    versions = f"gencl {gencl.__version__}, PyTorch {torch.__version__}, {platform.machine()} CPU"
    text = "\n".join([
        f"## {versions}, {arguments.threads} thread{'s' * (arguments.threads > 1)}",
        "",
        f"`{command} --samples {arguments.samples}`",
        "",
        table(f"Training steps: digits-cgan, {TASKS} tasks of {STEPS} steps", interleaved(steps, arguments.rounds)),
        table(f"Importance of the generator over {arguments.samples} samples", interleaved(passes, arguments.rounds)),
    ])  # fmt: skip
    print(text)
    results = Path(__file__).parent / "RESULTS.md"
    before = results.read_text() if results.exists() else "# Speed\n"
    results.write_text(f"{before.rstrip()}\n\n{text}")


if __name__ == "__main__":
    main()
