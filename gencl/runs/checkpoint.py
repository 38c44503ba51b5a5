"""Writes and reads checkpoints: pairs of a tensor file and a JSON file, verified by checksums. The last two are kept.

``checkpoint/00000400.safetensors`` holds the tensors. ``00000400.json`` is written after it and holds the state, the
checksum of the tensors and its own checksum. A checkpoint exists once its JSON file does. Names rise during a run, but
are not its steps (`Recorder.checkpoint_name`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from gencl.core import files
from gencl.core.errors import GenclError

KEPT = 2
SCHEMA = 1


@dataclass(frozen=True)
class Checkpoint:
    """A restored checkpoint. ``passed_over`` says why newer ones had to be skipped."""

    state: dict[str, Any]
    tensors: dict[str, Tensor]
    passed_over: tuple[str, ...] = ()


def save(folder: Path, name: str, state: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Write checkpoint ``name``, and remove all but the last two by name. Raises GenclError if it cannot be written."""
    files.make_folder(folder)
    stem = folder / name
    checksum = files.save_tensors(stem.with_suffix(".safetensors"), tensors)
    body = {"schema": SCHEMA, "tensors_sha256": checksum, "state": dict(state)}
    files.write_json(stem.with_suffix(".json"), {**body, "sha256": _checksum(body)})
    for old in _in_order(folder)[:-KEPT]:
        old.unlink(missing_ok=True)
    kept = {path.stem for path in folder.glob("*.json")}
    for tensors_file in folder.glob("*.safetensors"):
        if tensors_file.stem not in kept:
            tensors_file.unlink(missing_ok=True)


def _in_order(folder: Path) -> list[Path]:
    """Return the JSON files of the checkpoints, oldest first. Names are numbers, of eight digits or more."""
    return sorted(folder.glob("*.json"), key=lambda path: (len(path.stem), path.stem))


def newest(folder: Path) -> str:
    """Return the name of the newest checkpoint, which may be damaged; empty if there is none."""
    return next((path.stem for path in reversed(_in_order(folder))), "")


def present(folder: Path) -> bool:
    """Return whether there is a checkpoint, which may be damaged."""
    return bool(newest(folder))


def load(folder: Path, device: str = "cpu") -> Checkpoint | None:
    """Return the newest undamaged checkpoint, or None if there is none at all. Raises GenclError if all are damaged."""
    passed_over: list[str] = []
    for path in reversed(_in_order(folder)):
        try:
            body = json.loads(path.read_text(encoding="utf-8"))
            checksum = body.pop("sha256")
            tensors = path.with_suffix(".safetensors")
            if checksum != _checksum(body):
                raise ValueError("its checksum does not fit")
            if body["schema"] != SCHEMA:
                raise ValueError(f"it is of schema {body['schema']}, this gencl reads {SCHEMA}")
            if files.sha256(tensors) != body["tensors_sha256"]:
                raise ValueError(f"the checksum of {tensors.name} does not fit")
            return Checkpoint(body["state"], load_file(tensors, device=device), tuple(passed_over))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, SafetensorError) as error:
            passed_over.append(f"{path}: {error}")
    if passed_over:
        raise GenclError(
            f"no checkpoint in {folder} is whole ({passed_over[0]}); start again with another --out, or remove "
            "that folder to begin at step 0"
        )
    return None


def task_ended(path: Path) -> int | None:
    """Return how many tasks had been learned when this JSON file of a checkpoint was written.

    None if it was written within a task, or cannot be read.
    """
    try:
        state = json.loads(path.read_text(encoding="utf-8"))["state"]
        return int(state["episode"]) if state["step"] == 0 else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _checksum(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
