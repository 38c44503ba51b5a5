"""The importance pass against one plain forward and backward pass over the same samples, a loop, and `torch.func`.

    python -m benchmarks.importance --data-root DIR [--samples 1024]

For the MLP 784-512-256 on images of MNIST, the generator of digits-cgan, the network of digits-flow, and those of faces
at 64x64, for a quarter of the samples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from benchmarks import measure
from benchmarks.runs import settings_for
from gencl.core.randomness import RandomSource
from gencl.learners.learner import Learner
from gencl.methods.importance import moments
from gencl.runs.build import make_learner, make_scenario
from gencl.scenarios.batch import Batch

PIECE = 64
"""Samples of a plain pass at a time."""
FACES = ["scenario.domains=[celeba]"]
CASES: dict[str, tuple[str, list[str], float]] = {
    "the MLP 784-512-256": ("split-mnist", [], 1),
    "the generator of digits-cgan": ("digits-cgan", [], 1),
    "the network of digits-flow": ("digits-flow", [], 1),
    "a plain generator at 64x64, bilinear": ("celeba-anime-cgan", FACES, 0.25),
    "a plain generator at 64x64, transposed": ("celeba-anime-cgan", [*FACES, "model.upsampling=transposed"], 0.25),
    "a residual generator at 64x64": ("celeba-anime-cgan", [*FACES, "model.network=residual"], 0.25),
    "the network of celeba-anime-flow": ("celeba-anime-flow", FACES, 0.25),
}
"""Preset, what differs from it, and the share of the samples, by what is measured."""


def sides(preset: str, sets: list[str], n: int, root: Path) -> dict[str, Callable[[], object]]:
    settings = settings_for(preset, "anpyc", ["data.validation=0", *sets])
    scenario = make_scenario(settings, root)
    learner = make_learner(settings.model, scenario.image_shape, 0, "cpu")
    learner.grow(scenario.tasks[0].classes, 0)
    learner.eval()
    batch = learner.probe(scenario.tasks[0], n, RandomSource(0)).rows(slice(None))
    shared = learner.shared()
    parameters = list(shared.values())

    def backward(rows: slice) -> Sequence[Tensor]:
        return torch.autograd.grad(learner.scalars("entropy", batch.rows(rows), RandomSource(0)).sum(), parameters)

    def plain() -> None:
        for i in range(0, n, PIECE):
            backward(slice(i, i + PIECE))

    def loop() -> None:
        total = [torch.zeros_like(parameter) for parameter in parameters]
        for i in range(n):
            for sums, gradient in zip(total, backward(slice(i, i + 1)), strict=True):
                sums.add_(gradient.abs())

    return {
        "one plain pass": plain,
        "importance pass, mean of absolute values": lambda: moments(learner, "entropy", batch, shared, ["absolute"]),
        "importance pass, mean of squares": lambda: moments(learner, "entropy", batch, shared, ["square"]),
        "torch.func": lambda: functional(learner, batch),
        "loop over samples": loop,
    }


def functional(learner: Learner, batch: Batch) -> dict[str, Tensor]:
    """E[|g|] by vmap(grad), as many samples at a time as 128 MB of gradients hold."""
    module = _Entropy(learner, batch.tasks)
    values = {f"learner.{name}": parameter.detach() for name, parameter in learner.shared().items()}

    def scalar(parameters: dict[str, Tensor], sample: dict[str, Tensor]) -> Tensor:
        entropy: Tensor = functional_call(module, parameters, (sample,))
        return entropy

    per_sample = vmap(grad(scalar), in_dims=(None, 0))
    size = min(PIECE, max(1, 2**25 // sum(value.numel() for value in values.values())))
    total = {name: torch.zeros_like(value) for name, value in values.items()}
    for start in range(0, len(batch), size):
        for name, gradient in per_sample(values, batch.rows(slice(start, start + size)).tensors()).items():
            total[name] += gradient.abs().sum(0)
    return {name: value / len(batch) for name, value in total.items()}


class _Entropy(nn.Module):
    def __init__(self, learner: Learner, tasks: tuple[int, ...]) -> None:
        super().__init__()
        self.learner, self.tasks = learner, tasks

    def forward(self, sample: dict[str, Tensor]) -> Tensor:
        one = {name: value[None] for name, value in sample.items()}
        return self.learner.scalars("entropy", Batch.of(one, self.tasks), RandomSource(0))[0]


def main() -> None:
    parser = measure.options(__doc__, rounds=7)
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("--samples", type=int, default=1024)
    given = measure.parsed(parser)
    tables = []
    for of, (preset, sets, share) in CASES.items():
        n = round(share * given.samples)
        runs = {name: measure.timed(run, given.clock) for name, run in sides(preset, sets, n, given.data_root).items()}
        times = measure.interleaved(runs, given.rounds)
        tables.append(measure.table(f"Importance of {of} over {n} samples", times, "ms"))
    measure.record("Importance pass", *tables)


if __name__ == "__main__":
    main()
