"""What each option of training gives: a step in bfloat16, channels-last or with compiled networks against the default.

    python -m benchmarks.options [--networks mlp gan vae vgg9] [--threads N] [--rounds N]

A step is all phases of one batch, with the preset's batch size and settings, method sgd, at the first task, on noise:
what a step takes does not depend on what it sees. Channels-last is no option of gencl (docs/how-to/speed.md says why);
here the parameters and the batch are made so. What compiling took is beside the table, with PyTorch's caches empty.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable

import torch

from benchmarks import measure
from benchmarks.runs import settings_for
from gencl.core.randomness import RandomSource
from gencl.runs.build import make_learner
from gencl.scenarios.batch import Batch
from gencl.training.acceleration import Acceleration
from gencl.training.optimizers import Switch, make_optimizer

Case = tuple[str, list[str], tuple[int, int, int], int, int]
VGG9 = ["model.name=vgg9", "model.heads=task", "model.width=0.5", "train.batch_size=32"]
CASES: dict[str, Case] = {
    "mlp": ("split-mnist", ["model.heads=task"], (1, 28, 28), 2, 200),
    "gan": ("mnist-cgan", [], (1, 28, 28), 1, 32),
    "vae": ("digits-vae", [], (1, 8, 8), 1, 100),
    "vgg9": ("split-mnist", VGG9, (3, 32, 32), 2, 8),
}
"""Preset, what differs from it, image shape, classes of the task, steps of a round."""
OPTIONS = {
    "default": [],
    "train.precision=bf16": ["train.precision=bf16"],
    "channels-last": [],
    "train.compile=yes": ["train.compile=yes"],
}


def side(case: Case, option: str) -> Callable[[], None]:
    """Does a round's steps each time that it is called."""
    preset, differs, shape, classes, steps = case
    settings = settings_for(preset, "sgd", [*differs, *OPTIONS[option]])
    learner = make_learner(settings.model, shape, settings.seed, "cpu")
    learner.grow(range(classes), 0)
    learner.train()
    random, train = RandomSource("options"), settings.train
    images = torch.rand(train.batch_size, *shape)
    if option == "channels-last":
        learner.to(memory_format=torch.channels_last)
        images = images.contiguous(memory_format=torch.channels_last)
    batch = Batch(images, torch.arange(train.batch_size) % classes, tasks=(0,))
    acceleration, phases = Acceleration(learner), learner.phases([0])
    parts = [(phase, Switch(learner, phase), make_optimizer(phase, train)) for phase in phases]

    def work() -> None:
        for step in range(steps):
            for phase, switch, optimizer in parts:
                switch.on()
                with acceleration.of(train):
                    loss = phase.loss(phase.draw(batch, random), step, random)
                for parameter in phase.parameters:
                    parameter.grad = None
                loss.backward()
                optimizer.step()

    return work


def compared(name: str, clock: Callable[[], float], rounds: int) -> str:
    case = CASES[name]
    sides = {option: side(case, option) for option in OPTIONS}
    first = {}
    for option, work in sides.items():
        start = time.perf_counter()
        work()
        first[option] = time.perf_counter() - start
    times = measure.interleaved({o: measure.timed(work, clock) for o, work in sides.items()}, rounds)
    a_step = {option: [seconds / case[-1] for seconds in taken] for option, taken in times.items()}
    waited = first["train.compile=yes"] - first["default"]
    title = f"A step of {name} ({case[0]}{', ' if case[1] else ''}{', '.join(case[1])}), images {case[2]}"
    return measure.table(title, a_step, "ms") + f"\nCompiling took {waited:.0f} s.\n"


def main() -> None:
    parser = measure.options(__doc__, rounds=5)
    parser.add_argument("--networks", nargs="+", choices=CASES, default=list(CASES))
    given = measure.parsed(parser)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = folder
        tables = [compared(name, given.clock, given.rounds) for name in given.networks]
    measure.record("Options of training", *tables)


if __name__ == "__main__":
    main()
