"""The command that is printed when a run is stopped goes on to the bytes of a run that was not."""

from __future__ import annotations

import os
import re
import shlex
import signal
from pathlib import Path

import pytest

from gencl.core.launcher import launch
from gencl.methods.base import Context
from gencl.runs.folder import RunFolder
from gencl.training.folders import resume_command
from gencl.training.session import Session
from tests.conftest import gencl, tiny

SETS = [part for text in (*tiny("digits-mlp"), "model.hidden=[300,300]") for part in ("--set", text)]


def test_followed_it_gives_the_bytes_of_the_whole_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = ("--preset", "digits-mlp", "--method", "sgd", *SETS)
    machine = ("--threads", "2", "--device", "cpu", "--log-with", "tensorboard")
    assert gencl("train", *options, *machine, "--out", tmp_path / "whole").returncode == 0
    rate = Session.rate

    def stopped(session: Session, ctx: Context) -> float:
        if session.state.cost.steps == 8:
            os.kill(os.getpid(), signal.SIGINT)
        return rate(session, ctx)

    with monkeypatch.context() as patch:
        patch.setattr(Session, "rate", stopped)
        ended = gencl("train", *options, *machine, "--out", tmp_path / "cut off")
    found = re.search(r"go on with: gencl (.*)", ended.stderr)
    assert ended.returncode == 130 and found is not None, ended.stderr
    assert all(option in found[1] for option in ("--threads 2", "--device cpu", "--log-with tensorboard"))
    assert gencl(*shlex.split(found[1])).returncode == 0
    assert RunFolder(tmp_path / "cut off").card.sha256 == RunFolder(tmp_path / "whole").card.sha256


def test_it_starts_as_many_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert resume_command(Path("my run"), "data root", "auto") == (
        "gencl train --resume --out 'my run' --data-root 'data root'"
    )
    started = {"RANK": 3, "LOCAL_RANK": 1, "WORLD_SIZE": 4, "LOCAL_WORLD_SIZE": 2, "MASTER_ADDR": "a", "MASTER_PORT": 1}
    for name, value in started.items():
        monkeypatch.setenv(name, str(value))
    assert launch().rank == 3
    assert resume_command(Path("run")) == "torchrun --nnodes 2 --nproc_per_node 2 -m gencl train --resume --out run"
