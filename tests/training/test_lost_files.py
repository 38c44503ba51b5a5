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


def test_without_a_checkpoint_it_cannot(finished: Finished, tmp_path: Path) -> None:
    run = finished(tmp_path / "run", "digits-mlp", "ewc")
    (run.path / "model.safetensors").unlink()
    shutil.rmtree(run.path / "checkpoint")
    with pytest.raises(GenclError, match=r"model.safetensors is gone, and so is the checkpoint"):
        gencl.train(out=run.path, resume=True, progress="silent")
