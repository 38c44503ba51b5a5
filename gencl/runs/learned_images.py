"""Stores a few images of each task that were generated right after it was learned. Drift is measured on them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from gencl.core import files
from gencl.scenarios.task import Task


def _path(folder: Path, task: Task) -> Path:
    return folder / "learned" / f"task-{task.index + 1:02d}.safetensors"


def save(folder: Path, task: Task, images: Tensor) -> None:
    """Store a task's images, uint8 of shape (n, c, h, w)."""
    path = _path(folder, task)
    files.make_folder(path.parent)
    files.save_tensors(path, {"images": images.cpu()})


def of_run(folder: Path) -> Callable[[Task], Tensor | None]:
    """Return a function from a task to its stored images, or to None if they are missing or damaged.

    Joint training and a model without its run have none.
    """

    def images(task: Task) -> Tensor | None:
        try:
            return load_file(_path(folder, task))["images"]
        except (OSError, SafetensorError, KeyError):
            return None

    return images
