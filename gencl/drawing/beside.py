"""Draw generated images beside real ones, one row per class."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from gencl.drawing.grids import draw_grid, save_picture, zoom_for
from gencl.scenarios.task import Scenario, Task

REAL, GENERATED = 4, 8
"""The numbers of images per class."""


def save_beside_real(scenario: Scenario, row: int, classes: Sequence[int], generated: Tensor, path: Path) -> None:
    """Save real and generated images of the classes learned up to the task with index ``row``.

    ``generated`` comes from `gencl.drawing.grids.class_rows` for these classes. If a class has no real images, nothing
    is saved.
    """
    real = [examples(scenario.tasks[: row + 1], number, REAL) for number in classes]
    if all(map(len, real)):
        save_picture(beside_real(real, generated, [scenario.class_names[number] for number in classes]), path)


def examples(tasks: Sequence[Task], number: int, most: int) -> Sequence[Tensor]:
    """Return at most ``most`` training images of a class, uint8 (c, h, w), from the last task that has any."""
    for task in reversed(tasks):
        places = (task.train.labels == number).nonzero()[:most, 0]
        if len(places):
            return list(task.train.take(places).cpu())
    return []


def beside_real(real: Sequence[Sequence[Tensor]], generated: Tensor, class_names: Sequence[str]) -> Image.Image:
    """Draw up to `REAL` real images per class on the left, and up to `GENERATED` generated ones on the right."""
    white = torch.full_like(generated[0, 0], 255)
    cells: list[list[Tensor | None]] = [
        [*row[:REAL], *[None] * (REAL - len(row)), white, *images[:GENERATED]]
        for row, images in zip(real, generated, strict=True)
    ]
    return draw_grid(cells, class_names, ["real", *[""] * REAL, "generated"], zoom_for(generated))
