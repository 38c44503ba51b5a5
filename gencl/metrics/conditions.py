"""What scores depend on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from torch import Tensor, nn

from gencl.core.processes import Processes
from gencl.metrics.perceptual import Perceptual
from gencl.scenarios.task import Task


@dataclass(frozen=True)
class Conditions:
    """What scores depend on, beside the learner and the real images.

    Args:
        samples: generated images a task, of each class the share that it has of the held-out images.
        seed: the same seed gives the same latents for a task at every time.
        split: "test" or "validation", the held-out images to compare with. Training images never are.
        pool: where a task has fewer than 100 held-out images, the number of generated images per class that enter FD,
            precision and recall, which then compare all tasks up to one together, and equally many of each class are
            generated; 0: each task is compared alone.
        batch_size: images that are generated and read at a time: changes memory, not scores.
        extractor: torch-fidelity feature extractor of features and logits, in this order, or None.
        reader: what reads the images' classes, the extractor itself or another, or None.
        perceptual: what LPIPS is measured by, or None.
        processes: those that measure together.
        learned: the images of a task as they were when it had been learned, (n, c, h, w) uint8, or None.
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
