"""Lets a finished run learn further tasks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from gencl import presets
from gencl.core import files, several
from gencl.core.arguments import Positive, checked
from gencl.core.assignments import Assignments, parsed
from gencl.core.errors import UsageError
from gencl.core.files import absolute, is_path, place
from gencl.core.launcher import main_process
from gencl.core.progress import Mode
from gencl.core.settings import Added, Settings
from gencl.core.several import Files
from gencl.core.train_settings import TrainSettings
from gencl.core.waiting import say
from gencl.datasets import DATASETS
from gencl.datasets.decode import Unusable, decode
from gencl.datasets.folder import is_picture
from gencl.plugins.needed import needed
from gencl.runs import checkpoint
from gencl.runs.folder import RunFolder
from gencl.training.folders import resume_command, stored_settings
from gencl.training.train import run_settings

_OF_THE_SEQUENCE = ("boundaries", "hazard")
"""Keys of ``train.*`` that decide which tasks there are, so that added tasks cannot change them."""


@checked
def extend(
    run: str | Path | RunFolder,
    data: Files,
    *,
    known: bool = False,
    set: Assignments = (),
    resume: bool = False,
    data_root: str | Path | None = None,
    device: str = "auto",
    threads: Positive | None = None,
    progress: Mode = "auto",
) -> RunFolder:
    """Let a finished run learn further tasks and return it; the Python form of ``gencl extend``.

    The method continues with its state, and each task adds a row to the run's matrices. config.yaml lists the tasks
    under ``extend``, so that it repeats the whole sequence. The directory stays unchanged until the first checkpoint
    within the new task, and the model until the end.

    Args:
        run: the run, or its directory.
        data: names of data sets, or folders; each is one task. Sub-folders are classes, and a folder of pictures is one
            class. Images are converted to the run's size and channels. New classes are numbered after the existing
            ones. The images of the earlier tasks must still be there, because forgetting is measured on them.
        known: treat classes with the name of one of the run's classes, such as sub-folders, as more pictures of it.
        set: changes of ``train.*`` for the new tasks, as ``{"train.steps": 300}`` or ``["train.steps=300"]``.
        resume: continue after an interruption while these tasks were learned.
        data_root, device, threads, progress: as in `gencl.train`.

    Raises UsageError for wrong use: an unfinished run, a method or head that cannot take these tasks, or data that were
    learned before. Raises GenclError if something fails while running, Interrupted if stopped by a signal.
    """
    folder = run.path if isinstance(run, RunFolder) else place(run)
    stored = _stored(folder)
    train = _changes(stored, set)
    names = [_named(name) for name in several.files(data)]
    if not names:
        raise UsageError("name what to learn: data sets, or folders of pictures")
    pending = stored.extend[-len(names) :]
    same = not known or all(task.known == "yes" for task in pending)
    if resume and [_named(task.data) for task in pending] == names and same and (not set or pending[-1].train == train):
        return run_settings(stored, folder, True, data_root, device, threads, progress)
    if not RunFolder(folder).finished:
        again = resume_command(folder, data_root, device, threads)
        what = f"has not finished learning {stored.extend[-1].data}" if stored.extend else "is not finished"
        raise UsageError(f"{folder} {what}; go on with it first: {again}")
    if not checkpoint.present(folder / "checkpoint"):
        raise UsageError(f"{folder} has no checkpoint, from which learning could go on")
    added = [Added(data=name, train=train, known="yes" if known else "no") for name in names]
    tree = {**stored.tree(), "extend": [task.model_dump() for task in [*stored.extend, *added]]}
    longer = Settings.model_validate({**tree, "plugins": needed(tree)})
    files.check_folder(folder)
    if progress != "silent" and main_process():
        for line in _changed_images(names, RunFolder(folder).card.image_shape):
            say(line, progress)
    return run_settings(longer, folder, True, data_root, device, threads, progress, extends=stored)


def _stored(folder: Path) -> Settings:
    if (folder / "model.json").is_file() and not (folder / "config.yaml").is_file():
        raise UsageError(
            f"{folder} holds a model alone; learning goes on from a checkpoint: name a directory that gencl train wrote"
        )
    if not folder.is_dir():
        raise UsageError(f"there is no run in {folder}; name the directory that gencl train wrote")
    return stored_settings(folder)


def _named(data: str | Path) -> str:
    """Return a data set's name unchanged, but a folder's absolute path: a run is extended from many directories."""
    text = str(data)
    folder = text != "" and text not in DATASETS and place(text).is_dir()
    return str(place(text).resolve()) if folder or is_path(text) else absolute(text)


def _changes(settings: Settings, assignments: Assignments) -> dict[str, Any]:
    """Return the ``train`` settings that the assignments change. Raises UsageError if they change anything else."""
    others = [".".join(path) for path, _ in parsed(assignments) if path[0] != "train"]
    changed = settings if others else presets.changed(settings, assignments)
    plain = changed.train.model_dump(mode="json")  # leaves out newer keys at their defaults
    train = {
        key: plain.get(key, field.get_default())
        for key, field in TrainSettings.model_fields.items()
        if getattr(changed.train, key) != getattr(settings.train, key)
    }
    others += [f"train.{key}" for key in _OF_THE_SEQUENCE if key in train]
    if others:
        raise UsageError(
            f"--set {others[0]}: it stays the run's; a task that is added can have its own train.*, such as train.steps"
        )
    return train


def _changed_images(names: Iterable[str], shape: Sequence[int]) -> list[str]:
    """Return lines that say how images will be changed to fit the run's (channels, height, width).

    A folder is judged by one of its pictures, and gets no line if that fits. A named data set always gets a line.
    """
    channels, height, width = shape
    wanted = f"{width}x{height} {'grey' if channels == 1 else 'RGB'}"
    lines = []
    for name in names:
        if not is_path(name):
            lines.append(f"{name}: its images are taken as {wanted}, as those that the run knows")
            continue
        picture = next((path for path in sorted(Path(name).rglob("*")) if is_picture(path.name)), None)
        if picture is None:
            continue  # reading the data set reports what is wrong
        try:
            pixels = decode(picture, None)
        except Unusable:
            continue
        present = f"{pixels.shape[1]}x{pixels.shape[0]} {'grey' if pixels.ndim == 2 else 'RGB'}"
        if present != wanted:
            lines.append(f"{name}: pictures such as {present} become {wanted}, as those that the run knows")
    return lines
