"""Runs of two tasks in folders of pictures, which are to learn more."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import gencl
from gencl.run import Run

SETS = {
    "digits-cgan": ["train.steps=4", "model.width=4", "train.log_every=2"],
    "digits-mlp": ["train.steps=4", "model.hidden=[16,8]", "train.log_every=2", "data.validation=0.2"],
}
FEW = ["method.anpyc.samples=16"]
Finished = Callable[..., Run]
"""``finished(out, preset, method, *sets)``: a copy in ``out`` of a finished run of two tasks, each trained once."""


def domains(folders: Path, *names: str) -> list[str]:
    return ["scenario.name=domains", f"scenario.domains=[{','.join(str(folders / name) for name in names)}]"]


def train(out: Path, preset: str, method: str, sets: Sequence[str]) -> Run:
    return gencl.train(preset, method, 0, out, set=sets, progress="silent")


def extend(run: Run, *names: Path | str, **options: Any) -> Run:
    return gencl.extend(run, names, progress="silent", **options)


def content(run: Run) -> dict[str, object]:
    """All of a run's directory that depends on its settings alone."""
    names = ["config.yaml", "log.jsonl", "model.json", "model.safetensors"]
    parts: dict[str, object] = {name: (run.path / name).read_bytes() for name in names}
    parts |= {path.name: path.read_bytes() for path in (run.path / "samples").iterdir()}
    return parts | {key: value for key, value in run.metrics.items() if key not in ("cost", "environment")}


def make_folders(root: Path) -> Path:
    """Folders of two classes each, ``one`` to ``four``, of 28x28 grey pictures; ``three`` has other shapes."""
    random = np.random.default_rng(0)
    for name, shape in {"one": (28, 28), "two": (28, 28), "three": (20, 24, 3), "four": (28, 28)}.items():
        for label in "ab":
            (root / name / f"{name} {label}").mkdir(parents=True)
            for i in range(8):
                pixels = random.integers(0, 256, shape, dtype=np.uint8)
                Image.fromarray(pixels).save(root / name / f"{name} {label}" / f"{i}.png")
    shutil.copytree(root / "one" / "one a", root / "single")
    return root


def copies(root: Path, folders: Path) -> Finished:
    """Trains runs of two tasks into ``root``, each once, and copies them."""
    trained: dict[str, Path] = {}

    def copy(out: Path, preset: str, method: str, *sets: str) -> Run:
        key = repr((preset, method, sets))
        if key not in trained:
            tasks = [*SETS[preset], *domains(folders, "one", "two"), *sets]
            trained[key] = train(root / str(len(trained)), preset, method, tasks).path
        shutil.copytree(trained[key], out)
        return Run(out)

    return copy
