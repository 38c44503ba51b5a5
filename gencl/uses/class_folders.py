"""A folder of generated PNGs with one subfolder per class, as ImageFolder reads it, and a record of the call."""

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
"""The name of the record of the call, in the folder."""
_LONGEST_NAME = 80


class Call(BaseModel):
    """The arguments of a call. A folder is only continued by a call with the same arguments."""

    model_config = ConfigDict(extra="ignore", strict=True)

    model: str
    seed: int
    guidance: float | None = None
    classes: list[int]
    n: int
    device: str


def names_of(class_names: Sequence[str]) -> list[str]:
    """Return the folder name of each class: its name, with characters replaced that file systems may reject.

    If such names collide, or one is empty, all get the number of their class in front.
    """
    plain = [re.sub(r"[^\w ()+,=@-]", "_", name).strip()[:_LONGEST_NAME] for name in class_names]
    alone = len({name.casefold() for name in plain}) == len(plain) and all(plain)
    return plain if alone else [f"{number}-{name}" for number, name in enumerate(plain)]


def place(folder: Path, name: str, number: int) -> Path:
    """Return the path of the image with this number in the folder of class ``name``."""
    return folder / name / f"{number:08d}.png"


def check(folder: Path, call: Call) -> None:
    """Raise UsageError unless the folder is absent, empty, or holds images of the same call.

    Scratch files do not count: they are left if a call is killed before it writes its record.
    """
    shown = printable(folder)
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--to {shown} is a file; name a folder")
    files.check_folder(folder)
    if not folder.is_dir() or files.is_empty(folder):
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
    """Write the record, then make the class folders. Delete partly written files of an interrupted call."""
    files.make_folder(folder, parents=True)
    files.clear_scratch(folder)
    files.write_json(folder / RECORD, {"schema": 1, **call.model_dump(), "folders": list(names)})
    for name in names:
        files.make_folder(folder / name, named=folder)


def count(folder: Path) -> int:
    """Return the number of PNG files in the folder and below."""
    return sum(name.endswith(".png") for _, _, names in os.walk(folder) for name in names)


def save(path: Path, data: bytes) -> None:
    """Write a file atomically. Raises NotWritten if it cannot be written.

    Unlike `files.write`, it is not flushed to disk: for tens of thousands of files, that takes longer than generating
    them. A file that is empty after a power cut is generated again.
    """
    scratch = path.with_name(f".{path.name}.{os.getpid():08d}.part")
    try:
        scratch.write_bytes(data)
        scratch.replace(path)
    except OSError as error:
        scratch.unlink(missing_ok=True)
        raise files.cannot_write(path, error) from error


def is_there(path: Path) -> bool:
    """Return whether the image was written and is not empty."""
    try:
        return path.stat().st_size > 0
    except OSError:
        return False
