"""The time to draw images with the ready models: a GAN, a VAE and a flow, of the embedded digits and of MNIST.

python -m benchmarks.drawing [--threads N] [--rounds N] [--clock cpu]
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from benchmarks import measure
from gencl.run import load_run

IMAGES = 200
GROUPS = {
    "the embedded digits": ("digits-cgan-anpyc+align", "digits-vae-anpyc+align", "digits-flow-align"),
    "MNIST": ("mnist-cgan-anpyc+align", "mnist-flow-align"),
}


def drawing(name: str) -> Callable[[], object]:
    learner = load_run(name).generator()
    classes = torch.tensor(learner.classes).repeat(IMAGES // len(learner.classes))
    latents = learner.latents(len(classes), 0, "drawing")

    @torch.no_grad()
    def draw() -> torch.Tensor:
        return learner.generate(classes, latents)

    return draw


def main() -> None:
    given = measure.parsed(measure.options(__doc__, rounds=7))
    tables = [
        measure.table(
            f"{IMAGES} images of {what}",
            measure.interleaved({name: measure.timed(drawing(name), given.clock) for name in names}, given.rounds),
        )
        for what, names in GROUPS.items()
    ]
    measure.record("Drawing images", *tables)


if __name__ == "__main__":
    main()
