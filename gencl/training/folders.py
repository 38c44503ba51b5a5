"""Chooses and checks the folder that a run is trained into: a new one, or that of the run to resume."""

from __future__ import annotations

import itertools
import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from gencl import presets
from gencl.core import files
from gencl.core.assignments import Assignments
from gencl.core.errors import GenclError, UsageError
from gencl.core.launcher import launch
from gencl.core.part import check, read_yaml
from gencl.core.progress import Mode
from gencl.core.settings import Settings
from gencl.core.waiting import say
from gencl.plugins import arguments
from gencl.plugins.needed import require
from gencl.runs import checkpoint
from gencl.runs.build import make_scenario, unread
from gencl.runs.folder import RunFolder, locked_run
from gencl.runs.same_images import check_images, fingerprints
from gencl.runs.tracking import check_tracker


def choose(
    preset: str | None,
    method: str | None,
    seed: int | None,
    out: str | Path | None,
    config: str | Path | None,
    assignments: Assignments,
    resume: bool,
) -> tuple[Settings, Path]:
    """Return the settings and the folder of a run from the arguments of `train`. May raise UsageError."""
    folder = files.place(out) if out is not None else None
    if resume and folder is not None and not folder.is_dir():
        raise UsageError(f"--resume: there is no run in {folder}; leave --resume out to start one")
    if resume and folder is not None and preset is None and config is None:
        settings = stored_settings(folder)
        if method is not None or seed is not None or len(assignments):  # check_run_folder reports what differs
            settings = presets.resolve(None, folder / "config.yaml", method, seed, assignments)
    else:
        settings = presets.resolve(preset, config, method, seed, assignments)
    return settings, folder or default_folder(settings, resume)


def stored_settings(folder: Path) -> Settings:
    """Return the settings of the run in ``folder``. Raises UsageError if it holds no run."""
    path = folder / "config.yaml"
    if not path.is_file():
        raise UsageError(f"{folder} is not a run: it has no config.yaml")
    settings: Settings = check(Settings, read_yaml(path), str(path))
    require(settings.plugins, folder)
    return settings


def resume_command(
    folder: Path,
    data_root: str | Path | None = None,
    device: str = "auto",
    threads: int | None = None,
    log_with: str | None = None,
) -> str:
    """Return the command that resumes a run on the same data, device, threads, tracker, plug-ins and processes.

    With all of these the same, the results are the same to the byte.
    """
    given = {"--data-root": data_root, "--threads": threads, "--log-with": log_with}
    given["--device"] = None if device == "auto" else device
    words = [*launch().prefix, "gencl", "train", "--resume", "--out", str(folder)]
    words += [word for option, value in given.items() if value is not None for word in (option, str(value))]
    return shlex.join([*words, *arguments()])


def unnumbered_folder(settings: Settings) -> Path:
    """Return the default folder for the first run of these settings."""
    return Path("runs") / f"{settings.preset}-{settings.method['name']}-seed{settings.seed}"


def default_folder(settings: Settings, resume: bool) -> Path:
    """Return the default folder: the first free one or, with ``resume``, that of the first run of these settings.

    Raises UsageError if there is no run to resume.
    """
    base = unnumbered_folder(settings)
    if resume:
        if not base.is_dir():
            raise UsageError(f"--resume: there is no run in {base}; name the one to go on with by --out")
        return base
    return next(folder for folder in _numbered(base) if not folder.exists())


def _numbered(base: Path) -> Iterator[Path]:
    yield base
    yield from (base.with_name(f"{base.name}-{number}") for number in itertools.count(2))


@contextmanager
def claimed(folder: Path) -> Iterator[Path]:
    """Make and yield a new folder: ``folder``, or the first free one numbered after it.

    Runs that start at the same moment get different folders. If the block fails, empty folders are removed again.
    """
    made = [path for path in folder.parents if not path.exists()]
    files.check_folder(folder)
    for place in _numbered(folder):
        try:
            place.mkdir(parents=True)
            break
        except FileExistsError:
            continue
    try:
        yield place
    except BaseException:
        for path in (place, *made):
            with suppress(OSError):  # it is not empty
                path.rmdir()
        raise


def begins(
    settings: Settings,
    folder: Path,
    resume: bool,
    progress: Mode,
    extends: Settings | None = None,
    log_with: str | None = None,
) -> bool:
    """Return whether anything is left to train into ``folder``, or to write from its checkpoint. Prints a line if not.

    Does not look at the data. Raises UsageError if ``folder`` holds another run, or if ``log_with`` is not installed.
    Raises GenclError if a run has ended but lost files that cannot be written again.
    """
    if log_with is not None:
        check_tracker(log_with)
    check_run_folder(folder, extends or settings, resume)
    run = RunFolder(folder)
    if not resume or extends is not None:
        return True
    if run.finished and run.weights.is_file():
        say(f"the run in {folder} is finished already", progress)
        return False
    if run.ended and not checkpoint.present(folder / "checkpoint"):
        raise GenclError(
            f"{folder}: {', '.join(run.lost)} is gone, and so is the checkpoint that it could be written from; train "
            "anew into another --out"
        )
    return True


def take_places(folder: Path, settings: Settings, root: Path | None, progress: Mode) -> None:
    """Write the new paths of a finished run's pictures to its config.yaml.

    Raises UsageError if the images there are not the run's.
    """
    if stored_settings(folder).tree() == settings.tree():
        return
    check_images(RunFolder(folder), fingerprints(make_scenario(settings, root).tasks))
    lock = locked_run(folder)
    try:
        check_run_folder(folder, settings, resume=True)
        files.write(folder / "config.yaml", settings.to_yaml(unread(settings)))
    finally:
        os.close(lock)
    say(f"{folder / 'config.yaml'} has the new places of its pictures", progress)


def check_run_folder(folder: Path, settings: Settings, resume: bool) -> None:
    """Raise UsageError unless the folder is free or, with ``resume``, holds a run of these settings."""
    if not resume:
        if folder.is_dir() and (folder / "config.yaml").exists():
            raise UsageError(
                f"--out {folder}: there is a run already; go on with it by --resume, or choose another --out"
            )
        if folder.exists() and not (folder.is_dir() and files.is_empty(folder)):
            raise UsageError(f"--out {folder}: exists and is not a run; choose another --out")
        return
    if not folder.is_dir():
        raise UsageError(f"--resume: there is no run in {folder}; leave --resume out to start one")
    differing = differences(stored_settings(folder).placeless(), settings.placeless())
    if differing:
        raise UsageError(f"--resume: the run in {folder} was made with other settings: {'; '.join(differing)}")


def differences(stored: Mapping[str, Any], wanted: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Return one line per difference between two trees of settings."""
    lines = []
    for key in [*stored, *(key for key in wanted if key not in stored)]:
        old, new = stored.get(key), wanted.get(key)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            lines += differences(old, new, f"{prefix}{key}.")
        elif old != new:
            values = [tree.get(key, "the default") for tree in (stored, wanted)]
            lines.append(f"{prefix}{key} is {values[0]} there, {values[1]} here")
    return lines
