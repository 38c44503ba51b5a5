"""The learner after each task: stored by a run with ``keep: tasks``, or found in its model and checkpoints."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors import SafetensorError
from safetensors.torch import load_file

from gencl.core import files
from gencl.core.errors import GenclError
from gencl.core.prefixes import within
from gencl.learners.learner import Learner
from gencl.methods.serving import is_reference
from gencl.runs import checkpoint

if TYPE_CHECKING:
    from gencl.runs.folder import RunFolder


def save(folder: Path, number: int, learner: Learner) -> None:
    """Store the learner, which has just learned task ``number`` (1 for the first)."""
    path = _path(folder, number)
    files.make_folder(path.parent)
    files.save_tensors(path, learner.state_dict())


def learners(run: RunFolder) -> dict[int, Callable[[], Learner]]:
    """Return functions that load the learner as it was after each task, by task number (1 for the first), in order.

    The last one loads the trained model. The others load what ``keep: tasks`` stored, or a checkpoint written at the
    end of a task. Each raises GenclError if its file is damaged. Joint training has no checkpoints between tasks to
    load.
    """
    last = len(run.card.tasks)
    loaders: dict[int, Callable[[], Learner]] = {last: run.learner}
    for number in range(1, last):
        path = _path(run.path, number)
        if path.is_file():
            loaders[number] = partial(_load, run, number, path, "")
    for path in (run.path / "checkpoint").glob("*.json"):
        ended = checkpoint.task_ended(path)
        if ended is not None and 1 <= ended < last and ended not in loaders and not learned_at_once(run):
            loaders[ended] = partial(_load, run, ended, path.with_suffix(".safetensors"), "learner")
    return dict(sorted(loaders.items()))


def learned_at_once(run: RunFolder) -> bool:
    """Return whether the run learned all its tasks together, so that the trained network is that of each of them."""
    return is_reference(run.settings.method["name"])


def _path(folder: Path, number: int) -> Path:
    return folder / "kept" / f"task-{number:02d}.safetensors"


def _load(run: RunFolder, number: int, path: Path, prefix: str) -> Learner:
    learner = run.untrained(number)
    try:
        tensors = load_file(path)
        learner.load_state_dict(within(prefix, tensors) if prefix else tensors)
    except (OSError, SafetensorError, RuntimeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise GenclError(f"{path} cannot be used: {reason}") from error
    return learner.eval()
