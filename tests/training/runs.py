"""Small whole runs, and what of them must be equal byte for byte."""

from __future__ import annotations

import json
from pathlib import Path

import gencl
from gencl.run import Run
from tests.conftest import tiny


def train(out: Path, preset: str = "digits-cgan", method: str = "anpyc", **options: object) -> Run:
    more = list(options.pop("set", []))  # type: ignore[call-overload]
    return gencl.train(preset, method, 0, out, set=[*tiny(preset), *more], progress="silent", **options)


def model_bytes(run: Run) -> bytes:
    return (run.path / "model.safetensors").read_bytes()


def without_cost(run: Run) -> dict[str, object]:
    return {key: value for key, value in run.metrics.items() if key not in ("cost", "environment")}


def log(run: Run) -> list[dict[str, object]]:
    return [json.loads(line) for line in (run.path / "log.jsonl").read_text().splitlines()]
