"""Two real processes: they agree with each other and with one."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from torch.distributed.run import get_args_parser

from gencl.api import train
from tests import forked
from tests.conftest import GAMES, gencl, tiny
from tests.numbers import models
from tests.scenarios.test_domains import folder

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")


def torchrun(*command: str) -> subprocess.CompletedProcess[str]:
    """Two processes of a command, to their end, by torchrun on a free port: each imports everything for itself."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--master_port", str(port)]
    return subprocess.run([*launcher, *command], capture_output=True, text=True, timeout=600, check=False)


def both(*arguments: str | Path, script: Path | None = None) -> tuple[list[int], str, str]:
    """The same in forked processes: exit statuses, and what both printed and said."""
    ranks = forked.ranks(*arguments, script=script)
    statuses = forked.ended(ranks)
    return statuses, "".join(rank.output for rank in ranks), "".join(rank.errors for rank in ranks)


def differences(one: Path, two: Path) -> list[float]:
    """The largest difference of each tensor of two runs' models."""
    return [float((first - second).abs().max()) for _, first, second in models(one, two)]


@pytest.mark.numeric
def test_two_processes_play_the_same_games(tmp_path: Path) -> None:
    pytest.importorskip("minatar", reason='MinAtar is not installed; pip install -e ".[games]"')
    sets = [part for text in GAMES for part in ("--set", text)]
    arguments = ["train", "--preset", "minatar-dqn", "--method", "ewc", *sets]
    one = gencl(*arguments, "--out", tmp_path / "one")
    statuses, _, errors = both(*arguments, "--out", tmp_path / "two")
    assert one.returncode == 0 and statuses == [0, 0], errors
    assert max(differences(tmp_path / "one", tmp_path / "two")) < 1e-3


def test_two_processes_match_one_and_print_once(tmp_path: Path) -> None:
    sets = [part for text in [*tiny("digits-cgan"), "scenario.tasks=2"] for part in ("--set", text)]
    arguments = ["train", "--method", "anpyc", "--json", *sets]  # as the README says: no device, no environment
    one = gencl(*arguments, "--out", tmp_path / "one")
    two = torchrun("-m", "gencl", *arguments, "--out", str(tmp_path / "two"))
    assert two.returncode == 0, two.stderr[-2000:]
    single, double = json.loads(one.stdout), json.loads(two.stdout)  # printed once, else this is no JSON
    assert double["environment"]["processes"] == 2
    assert max(differences(tmp_path / "one", tmp_path / "two")) < 1e-3
    assert double["summary"]["conditional_accuracy"] == pytest.approx(
        single["summary"]["conditional_accuracy"], abs=0.25
    )


def test_two_processes_are_killed_and_resumed(tmp_path: Path) -> None:
    sets = [part for text in [*tiny("digits-cgan"), "scenario.tasks=2"] for part in ("--set", text)]
    train_to = ["train", "--method", "anpyc", *sets, "--set", "train.checkpoint_every=2", "--out"]
    assert both(*train_to, tmp_path / "whole")[0] == [0, 0]
    out = tmp_path / "killed"
    ranks = forked.ranks(*train_to, out)
    deadline = time.time() + 120
    while len(list(out.glob("learned/*"))) < 1 and ranks[0].poll() is None and time.time() < deadline:
        time.sleep(0.01)
    for rank in ranks:
        rank.kill()
    assert [rank.wait() for rank in ranks] == [-signal.SIGKILL] * 2 and not (out / "report.html").exists()
    statuses, _, errors = both("train", "--resume", "--out", out)
    assert statuses == [0, 0], errors[-2000:]
    assert differences(tmp_path / "whole", out) == [0] * len(differences(tmp_path / "whole", out))


MEASURES = """
import json, sys
from gencl.core.launcher import main_process
from gencl.uses.fid import fid
from gencl.run import load_run
run, option, n = sys.argv[1:]
assert option == "--samples"
both = [load_run(run).evaluate(n=int(n)), fid(run, n=2 * int(n) + 1, batch_size=6)]
if main_process():
    print(json.dumps(both))
"""


@pytest.mark.numeric
def test_scores_are_those_of_one_process(tmp_path: Path) -> None:
    """Whatever the number of processes: no image is read twice, none is left out. 21 images do not divide by 2.

    ``--n``, of one process, is what torchrun and accelerate take for a beginning of options of their own.
    """
    sets = [part for text in tiny("digits-cgan") for part in ("--set", text)]
    run, script = tmp_path / "run", tmp_path / "measures.py"
    assert gencl("train", "--method", "sgd", *sets, "--out", run).returncode == 0
    script.write_text(MEASURES)
    words = [str(run), "--samples", "21"]
    assert get_args_parser().parse_args([str(script), *words]).training_script_args == words
    statuses, printed, errors = both(*words, script=script)
    assert statuses == [0, 0], errors[-2000:]
    commands = (["evaluate", run, "--samples", "21"], ["fid", run, "--samples", "43"])
    for two, command in zip(json.loads(printed), commands, strict=True):  # printed once, else this is no JSON
        one = json.loads(gencl(*command, "--json").stdout)
        for key in ("mean", "scores"):
            assert two.get(key, {}) == pytest.approx(one.get(key, {}), rel=1e-4)
        assert two["features"] == one["features"] and two["n"] == one["n"]


VGG = ["train.steps=4", "scenario.tasks=2", "data.size=16", "data.limit=40", "model.name=vgg9", "model.width=0.1"]
RANKS = """
import os, pathlib, torch, gencl
from gencl.training import trainer
kept = []
fit = trainer.Trainer.fit
def remember(self, *a):
    fit(self, *a); kept.append(self.session)
trainer.Trainer.fit = remember
for preset, method, sets in {cases!r}:
    gencl.train(preset, method, 0, {out!r} + method, set=sets, device="cpu", progress="silent")
    if method == "anpyc":  # begins with a checkpoint
        gencl.extend({out!r} + method, {more!r}, device="cpu", progress="silent")
    flat = torch.cat([p.flatten() for p in kept[-1].learner.state_dict().values() if p.is_floating_point()])
    everyone = [torch.empty_like(flat) for _ in range(2)]
    torch.distributed.all_gather(everyone, flat)
    squares = kept[-1].processes.divided(torch.mul, torch.arange(7), torch.arange(7))
    assert torch.equal(squares, torch.arange(7) ** 2), squares
    assert torch.equal(everyone[0], everyone[1]), (method, (everyone[0] - everyone[1]).abs().max())
    pathlib.Path({out!r} + method, "equal-" + os.environ["RANK"]).touch()  # two ranks' lines would run into each other
"""


@pytest.mark.numeric
def test_parameters_are_equal_on_all_ranks(tmp_path: Path) -> None:
    """Without averaged gradients and common running statistics each rank would go its own way on its samples."""
    cgan = tiny("digits-cgan")
    cases = [("digits-cgan", "anpyc", cgan), ("digits-mlp", "clnp", VGG), ("digits-cgan", "dgr", cgan)]
    plain = ["train.optimizer=sgd", "train.lr=0.01"]  # Adam makes full steps of gradients that are rounding noise
    cases += [("digits-flow", "align", tiny("digits-flow")), ("digits-flow", "ewc", [*tiny("digits-flow"), *plain])]
    script, more = tmp_path / "ranks.py", folder(tmp_path / "letters", "a")
    script.write_text(RANKS.format(cases=cases, out=f"{tmp_path}/", more=more))
    statuses, _, errors = both(script=script)
    assert statuses == [0, 0], errors[-2000:]
    for _, method, _ in cases:
        assert len(list((tmp_path / method).glob("equal-*"))) == 2
    for preset, method, sets in cases[2:]:
        one = train(preset, method, 0, tmp_path / "one" / method, set=sets, progress="silent")
        bound = 1e-5 if method == "ewc" else 5e-2  # each process draws old samples of its own
        assert max(differences(one.path, tmp_path / method)) < bound, (preset, method)


def test_a_batch_that_cannot_be_shared_is_refused(tmp_path: Path) -> None:
    statuses, _, errors = both("train", "--set", "train.batch_size=33", "--out", tmp_path / "run")
    assert 2 in statuses and 0 not in statuses
    assert errors.count("train.batch_size: 33 cannot be shared by 2 processes") == 1  # said once, not by each
    assert not (tmp_path / "run").exists()
