"""Generate images by class and number, so that each is the same to the byte, whatever is generated with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gencl.core.errors import UsageError
from gencl.core.several import Classes
from gencl.learners.generative import GenerativeLearner
from gencl.metrics.snapshot import to_uint8
from gencl.runs.build import make_accelerator
from gencl.runs.folder import RunFolder
from gencl.uses.classes import class_numbers
from gencl.uses.latent_space import drawing

BLOCK = 64
"""The fixed batch size of generation. Rounding in a matrix product depends on the number of its rows."""


@dataclass(frozen=True)
class Block:
    """The first ``n`` images of block ``index`` of a class. The block's numbers start at ``index * BLOCK``."""

    label: int
    index: int
    n: int

    @property
    def numbers(self) -> range:
        """The images' numbers within their class."""
        return range(self.index * BLOCK, self.index * BLOCK + self.n)

    @torch.no_grad()
    def images(self, learner: GenerativeLearner, seed: int) -> Tensor:
        """Return the images, uint8 (n, c, h, w) on the CPU. They depend only on seed, class and numbers."""
        latents = learner.latents(BLOCK, seed, "images", self.label, self.index)
        classes = torch.full((BLOCK,), self.label, device=latents.device)
        return to_uint8(learner.generate(classes, latents))[: self.n].cpu()


@dataclass(frozen=True)
class Plan:
    """A plan for ``n`` images, equally many per class. If n is not divisible, the first classes get one more each."""

    classes: tuple[int, ...]
    n: int

    def counts(self) -> list[int]:
        """Return the number of images of each class."""
        each, more = divmod(self.n, len(self.classes))
        return [each + (place < more) for place in range(len(self.classes))]

    def __iter__(self) -> Iterator[Block]:
        """Yield the blocks, class by class."""
        for label, count in zip(self.classes, self.counts(), strict=True):
            for start in range(0, count, BLOCK):
                yield Block(label, start // BLOCK, min(BLOCK, count - start))


def planned(learner: GenerativeLearner, names: Sequence[str], classes: Classes | None, n: int) -> Plan:
    """Return the plan for ``n`` images of these classes (None: all).

    Raises UsageError for classes that were not learned or are named twice, for no classes, and for n < 1.
    """
    wanted = learner.classes if classes is None else class_numbers(learner, names, classes)
    if not wanted or len(set(wanted)) < len(wanted):
        raise UsageError(f"--classes: {'a class is named twice' if wanted else 'name at least one class'}")
    if n < 1:
        raise UsageError(f"--n: {n} images were asked for; ask for 1 or more")
    return Plan(tuple(wanted), n)


def generate(
    run: RunFolder,
    classes: Classes | None,
    n: int,
    seed: int | None,
    device: str,
    guidance: float | None = None,
) -> Tensor:
    """Return generated images, uint8 (n, c, h, w) on the CPU; see `gencl.Run.generate`."""
    learner = drawing(run, str(make_accelerator(device).device), guidance)
    plan = planned(learner, run.class_names(), classes, n)
    seed = run.card.seed if seed is None else seed
    images = torch.empty(n, *run.card.image_shape, dtype=torch.uint8)
    start = 0
    for block in plan:
        images[start : start + block.n] = block.images(learner, seed)
        start += block.n
    return images
