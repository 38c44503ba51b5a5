"""A finished run that has lost a file writes it again from its checkpoint, or says that it cannot."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import gencl
from gencl.core.errors import GenclError
from tests.training.extending import Finished, content


@pytest.mark.parametrize("lost", ["metrics.json", "model.safetensors", "model.json", "report.html"])
def test_it_is_written_again(lost: str, finished: Finished, tmp_path: Path) -> None:
    run = finished(tmp_path / "run", "digits-mlp", "ewc")
    before = content(run)
    (run.path / lost).unlink()
    again = gencl.train(out=run.path, resume=True, progress="silent")
    assert (again.path / lost).is_file() and content(again) == before


@pytest.mark.parametrize("lost", ["metrics.json", "model.safetensors", "model.json", "report.html"])
def test_without_a_checkpoint_it_cannot(lost: str, finished: Finished, tmp_path: Path) -> None:
    """And what is left is not trained over."""
    run = finished(tmp_path / "run", "digits-mlp", "ewc")
    (run.path / lost).unlink()
    shutil.rmtree(run.path / "checkpoint")
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    with pytest.raises(GenclError, match=rf"{lost} is gone, and so is the checkpoint"):
        gencl.train(out=run.path, resume=True, progress="silent")
    assert {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()} == before
