"""The folder that a run is to be trained into: a new one, or that of the same run."""

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
    """Return the settings of a run and its folder, from what `train` is given."""
    folder = files.place(out) if out is not None else None
    if resume and folder is not None and not folder.is_dir():
        raise UsageError(f"--resume: there is no run in {folder}; leave --resume out to start one")
    if resume and folder is not None and preset is None and config is None:
        settings = stored_settings(folder)
        if method is not None or seed is not None or len(assignments):  # what of the run it contradicts will be told
            settings = presets.resolve(None, folder / "config.yaml", method, seed, assignments)
    else:
        settings = presets.resolve(preset, config, method, seed, assignments)
    return settings, folder or default_folder(settings, resume)


def stored_settings(folder: Path) -> Settings:
    """The settings of the run in ``folder``. Raises UsageError if it holds none."""
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
    """Return the command that goes on with a run as it was begun: on the same data, device, threads, tracker,
    plug-ins and number of processes. To the same bytes, that is."""
    given = {"--data-root": data_root, "--threads": threads, "--log-with": log_with}
    given["--device"] = None if device == "auto" else device
    words = [*launch().prefix, "gencl", "train", "--resume", "--out", str(folder)]
    words += [word for option, value in given.items() if value is not None for word in (option, str(value))]
    return shlex.join([*words, *arguments()])


def unnumbered_folder(settings: Settings) -> Path:
    """Where the first run of these settings goes whose folder nobody names."""
    return Path("runs") / f"{settings.preset}-{settings.method['name']}-seed{settings.seed}"


def default_folder(settings: Settings, resume: bool) -> Path:
    """Where a run goes whose folder nobody names: beside earlier ones of its settings, or with ``resume`` theirs."""
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
    """Makes a new folder, ``folder`` or the first one numbered after it that nobody has: runs may start at one moment.

    Takes it away again where the block fails and leaves nothing in it.
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
            with suppress(OSError):  # something is in it
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
    """Whether anything is left to train into ``folder``, or to write from its checkpoint; says so where nothing is.

    Looks at no data. Raises UsageError where ``folder`` is another run's, or ``log_with`` is not installed; GenclError
    where a run that had ended has lost files for good.
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
    """Tells a finished run where its pictures lie now. Raises UsageError where others lie there."""
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
    """Raises UsageError where another run is in the folder, or with ``resume`` none of these settings."""
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
    """What differs between two trees of settings, a line each."""
    lines = []
    for key in [*stored, *(key for key in wanted if key not in stored)]:
        old, new = stored.get(key), wanted.get(key)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            lines += differences(old, new, f"{prefix}{key}.")
        elif old != new:
            values = [tree.get(key, "the default") for tree in (stored, wanted)]
            lines.append(f"{prefix}{key} is {values[0]} there, {values[1]} here")
    return lines
