"""The settings and networks that scores depend on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from torch import Tensor, nn

from gencl.core.processes import Processes
from gencl.metrics.perceptual import Perceptual
from gencl.scenarios.task import Task


@dataclass(frozen=True)
class Conditions:
    """Everything that scores depend on, besides the learner and the real images.

    Args:
        samples: generated images per task, divided among its classes as the held-out images are.
        seed: seed of the latents; a task has the same latents each time it is measured.
        split: "test" or "validation": the held-out images to compare with. Training images are never used.
        pool: 0 if each task is compared alone. Otherwise some task has fewer than 100 held-out images, and FD,
            precision and recall compare all tasks up to the measured one together. This is then the number of
            generated images per class that they use, and equally many of each class are generated.
        batch_size: images generated and read at a time; it affects memory, and scores by rounding only.
        extractor: torch-fidelity feature extractor that returns features and logits, in this order, or None.
        reader: the classifier of the images' classes, which may be the extractor itself, or None.
        perceptual: LPIPS, or None if no metric needs it.
        processes: the processes that measure together.
        learned: function that returns a task's images as they were right after learning it, (n, c, h, w) uint8, or
            None if they are unknown.
    """

    samples: int
    seed: int
    split: str = "test"
    pool: int = 0
    batch_size: int = 500
    extractor: nn.Module | None = None
    reader: nn.Module | None = None
    perceptual: Perceptual | None = None
    processes: Processes = field(default_factory=Processes)
    learned: Callable[[Task], Tensor | None] = lambda _: None
