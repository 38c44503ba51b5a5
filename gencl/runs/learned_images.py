"""A few images of each task as they were when it had been learned, kept in the run: drift is measured on them."""

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
    """Keeps images (n, c, h, w) uint8."""
    path = _path(folder, task)
    files.make_folder(path.parent)
    files.save_tensors(path, {"images": images.cpu()})


def of_run(folder: Path) -> Callable[[Task], Tensor | None]:
    """A task's images; None where the run has none (joint training, a model alone) or they are damaged."""

    def images(task: Task) -> Tensor | None:
        try:
            return load_file(_path(folder, task))["images"]
        except (OSError, SafetensorError, KeyError):
            return None

    return images
