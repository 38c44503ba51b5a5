"""Processes that share a GPU, and Accelerate's launcher."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from gencl.run import Run
from tests.conftest import tiny
from tests.gpu.conftest import QUICK, apart, run

pytestmark = pytest.mark.gpu


def launched(launcher: Sequence[str], out: Path, device: str) -> Run:
    """A run of ``gencl train`` in the processes that a launcher starts."""
    sets = [part for text in [*tiny("digits-cgan"), *QUICK] for part in ("--set", text)]
    options = ["--preset", "digits-cgan", "--method", "anpyc+align", "--seed", "0", "--device", device, "--out"]
    command = [sys.executable, "-m", *launcher, "-m", "gencl", "train", *options, str(out), *sets]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return Run(out)


def port() -> str:
    """A port that is free."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def test_two_processes_on_one_card_match_one(device: str, tmp_path: Path) -> None:
    one = run("digits-cgan", "anpyc+align", tmp_path / "one", device)
    torchrun = ["torch.distributed.run", "--nproc_per_node", "2", "--master_port", port()]
    two = launched(torchrun, tmp_path / "two", device)
    assert two.metrics["environment"]["processes"] == 2
    assert apart(one.path, two.path) < 1e-3


def test_accelerate_launches_one_process(device: str, tmp_path: Path) -> None:
    one = run("digits-cgan", "anpyc+align", tmp_path / "one", device)
    launcher = ["accelerate.commands.launch", "--num_processes", "1", "--num_machines", "1", "--mixed_precision", "no"]
    more = ["--dynamo_backend", "no", *(["--cpu"] if device == "cpu" else []), "--main_process_port", port()]
    accelerated = launched([*launcher, *more], tmp_path / "accelerated", device)
    assert accelerated.metrics["environment"]["device"].startswith(device)
    assert apart(one.path, accelerated.path) < 1e-3
