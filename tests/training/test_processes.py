"""Two real processes: they agree with each other and with one."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

from tests.conftest import gencl, tiny
from tests.scenarios.test_domains import folder


def two(arguments: list[str], timeout: int = 300) -> subprocess.CompletedProcess[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--master_port", str(port)]
    return subprocess.run(
        [*launch, "-m", "gencl", "train", *arguments], capture_output=True, text=True, timeout=timeout, check=False,
        env={**os.environ},
    )  # fmt: skip


@pytest.mark.parametrize("method", ["anpyc", "dgr"])
def test_two_processes_match_one_and_print_once(method: str, tmp_path: Path) -> None:
    sets = [part for text in tiny("digits-cgan") for part in ("--set", text)]
    arguments = ["--method", method, "--json", *sets]  # as the README says: no device, no environment
    one = gencl("train", *arguments, "--out", tmp_path / "one")
    both = two([*arguments, "--out", str(tmp_path / "two")])
    assert both.returncode == 0, both.stderr[-2000:]
    single, double = json.loads(one.stdout), json.loads(both.stdout)  # printed once, else this is no JSON
    assert double["environment"]["processes"] == 2
    weights = [load_file(tmp_path / name / "model.safetensors") for name in ("one", "two")]
    for name, value in weights[0].items():
        if value.is_floating_point() and method == "dgr":
            assert (value - weights[1][name]).abs().max() < 5e-2  # replay draws its latents process by process
        elif value.is_floating_point():
            assert (value - weights[1][name]).abs().max() < 5e-3
    assert double["summary"]["conditional_accuracy"] == pytest.approx(
        single["summary"]["conditional_accuracy"], abs=0.25
    )


VGG = ["train.steps=4", "scenario.tasks=2", "data.size=16", "data.limit=40", "model.name=vgg9", "model.width=0.1"]


@pytest.mark.parametrize(
    ("preset", "method", "sets"), [("digits-cgan", "anpyc", tiny("digits-cgan")), ("digits-mlp", "clnp", VGG)]
)
def test_parameters_are_equal_on_all_ranks(preset: str, method: str, sets: list[str], tmp_path: Path) -> None:
    """Without averaged gradients and common running statistics each rank would go its own way on its samples.

    Nor does it when the run is extended, which begins with a checkpoint.
    """
    more = folder(tmp_path / "letters", "a") if preset == "digits-cgan" else None
    script = tmp_path / "ranks.py"
    script.write_text(
        "import sys, torch, gencl\n"
        "from pathlib import Path\n"
        "from gencl.training import trainer\n"
        "kept = []\n"
        "fit = trainer.Trainer.fit\n"
        "def remember(self, *a):\n"
        "    fit(self, *a); kept.append(self)\n"
        "trainer.Trainer.fit = remember\n"
        f"gencl.train({preset!r}, {method!r}, 0, {str(tmp_path / 'run')!r}, set={sets!r}, "
        "device='cpu', progress='silent')\n"
        f"if {more!r}: gencl.extend({str(tmp_path / 'run')!r}, {more!r}, device='cpu', progress='silent')\n"
        "flat = torch.cat([p.flatten() for p in kept[-1].learner.state_dict().values() if p.is_floating_point()])\n"
        "everyone = [torch.empty_like(flat) for _ in range(2)]\n"
        "torch.distributed.all_gather(everyone, flat)\n"
        "assert torch.equal(everyone[0], everyone[1]), (everyone[0] - everyone[1]).abs().max()\n"
        "print('equal')\n"
    )
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    done = subprocess.run([*launch, str(script)], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("equal") == 2


def test_a_batch_that_cannot_be_shared_is_refused(tmp_path: Path) -> None:
    done = two(["--set", "train.batch_size=33", "--out", str(tmp_path / "run")])
    assert done.returncode != 0
    assert done.stderr.count("train.batch_size: 33 cannot be shared by 2 processes") == 1  # said once, not by each
    assert not (tmp_path / "run").exists()
