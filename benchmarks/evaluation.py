"""What measuring FID of past tasks costs beside drawing their images and one pass of the extractor, as a ratio.

python -m benchmarks.evaluation [--threads N] [--rounds N] [--tasks N]

The statistics of real images are in the cache, as they are from the second task on.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch

from gencl import presets
from gencl.metrics.evaluator import Evaluator
from gencl.metrics.snapshot import to_uint8
from gencl.models.learner import GenerativeLearner
from gencl.training.build import make_learner, make_scenario


def seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--tasks", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    settings = presets.resolve("digits-cgan")
    scenario = make_scenario(settings, None)
    learner = make_learner(settings.model, scenario.image_shape, 0, "cpu").eval()
    assert isinstance(learner, GenerativeLearner)
    tasks = list(scenario.tasks[: options.tasks])
    for task in tasks:
        learner.grow(task.classes, task.index)
    evaluator = Evaluator(learner, scenario, settings.evaluate, 0, only=["fid", "conditional_accuracy"])
    extractor = evaluator.extractor
    assert extractor is not None

    @torch.no_grad()
    def floor() -> None:
        for task in tasks:
            classes = torch.tensor(task.classes).repeat_interleave(settings.evaluate.samples // len(task.classes))
            latents = learner.latents(len(classes), 0)
            for rows in torch.arange(len(classes)).split(500):
                extractor(to_uint8(learner.generate(classes[rows], latents[rows])))

    def measure() -> None:
        evaluator.measure(evaluator.snapshot(tasks))

    measure()
    ratios = []
    for _ in range(options.rounds):
        bare = seconds(floor)
        ratios.append(seconds(measure) / bare)
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    print(
        f"FID and accuracy of {options.tasks} tasks, {settings.evaluate.samples} images each: "
        f"{statistics.median(ratios):.2f} x sampling and one pass of the extractor ({spread})"
    )


if __name__ == "__main__":
    main()
