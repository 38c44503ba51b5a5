"""A folder of PNGs in a folder per class, as ImageFolder reads it, and the record of what made them."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from gencl.core import documents, files
from gencl.core.errors import UsageError
from gencl.core.files import printable

RECORD = "generated.json"
"""Its name in the folder."""
_LONGEST_NAME = 80


class Call(BaseModel):
    """What was asked for; only a folder of the same call is gone on with."""

    model_config = ConfigDict(extra="ignore", strict=True)

    model: str
    seed: int
    guidance: float | None = None
    classes: list[int]
    n: int
    device: str


def names_of(class_names: Sequence[str]) -> list[str]:
    """Return the folder of each class: its name, without what a file system may not take; if names collide, with the
    class's number before them."""
    plain = [re.sub(r"[^\w ()+,=@-]", "_", name).strip()[:_LONGEST_NAME] for name in class_names]
    alone = len({name.casefold() for name in plain}) == len(plain) and all(plain)
    return plain if alone else [f"{number}-{name}" for number, name in enumerate(plain)]


def place(folder: Path, name: str, number: int) -> Path:
    """Return the path of a class's image of this number."""
    return folder / name / f"{number:08d}.png"


def check(folder: Path, call: Call) -> None:
    """Raise UsageError unless the folder is empty, or absent, or holds images of the same call."""
    shown = printable(folder)
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--to {shown} is a file; name a folder")
    files.check_folder(folder)
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    if not (folder / RECORD).is_file():
        raise UsageError(f"--to {shown} is not empty, and gencl sample did not write it; name a new folder")
    before = documents.read(folder / RECORD, Call)[0].model_dump()
    for key, now in call.model_dump().items():
        if before[key] != now:
            was, wanted = (str(value) if len(str(value)) < 80 else "others" for value in (before[key], now))
            raise UsageError(
                f"--to {shown} holds images of another call ({key}: {was}, not {wanted}); name a new folder"
            )


def begin(folder: Path, call: Call, names: Sequence[str]) -> None:
    """Make the folders, and the record; what a process that was killed left half written goes."""
    for name in names:
        files.make_folder(folder / name, parents=True, named=folder)
    files.clear_scratch(folder)
    files.write_json(folder / RECORD, {"schema": 1, **call.model_dump(), "folders": list(names)})


def count(folder: Path) -> int:
    """Return the number of images that are there."""
    return sum(name.endswith(".png") for _, _, names in os.walk(folder) for name in names)


def save(path: Path, data: bytes) -> None:
    """Write a file whole or not at all. It is not flushed to the disk as `files.write` does, which for tens of
    thousands of files would take longer than to generate them; an empty one after a power cut is made again."""
    scratch = path.with_name(f".{path.name}.{os.getpid():08d}.part")
    try:
        scratch.write_bytes(data)
        scratch.replace(path)
    except OSError as error:
        scratch.unlink(missing_ok=True)
        raise files.cannot_write(path, error) from error


def is_there(path: Path) -> bool:
    """Return whether an image was written."""
    try:
        return path.stat().st_size > 0
    except OSError:
        return False
