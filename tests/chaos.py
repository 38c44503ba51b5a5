"""Kills training at random moments, resumes it, and compares what it leaves with a run that was never killed.

python -m tests.chaos [--n 200] [--seed 0] [--methods a,b]

A moment is a call of a function: gencl's own, or what it calls in the standard library (writing, renaming, ...). The
process kills itself there with SIGKILL, so that nothing is cleaned up; every third run is killed again as it resumes.
Everything must be equal at the end, byte for byte, times and log positions aside. Status 1 where anything differs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import torch

import gencl
from gencl.commands import main as command
from gencl.experiments.fork_server import IMPORTED

SMALL = ["train.steps=4", "scenario.tasks=3", "train.log_every=1", "train.checkpoint_every=2"]
GAN = [*SMALL, "model.width=4", "evaluate.samples=12"]
VAE = [*SMALL, "model.width=2", "evaluate.samples=12"]
FLOW = [*SMALL, "model.width=4", "model.depth=1", "model.steps=2", "model.pool=4", "evaluate.samples=12"]
GAME = [
    "scenario.games=[breakout]",
    "scenario.visits=2",
    "scenario.start=20",
    "scenario.memory=40",
    "scenario.episodes=1",
    "scenario.longest=20",
    "model.channels=2",
    "model.hidden=8",
    "method.samples=40",
    *(text for text in SMALL if not text.startswith("scenario.")),
]
MLP = [*SMALL, "model.hidden=[12,8]"]
INFERRED = ["train.boundaries=inferred", "train.lr_end=1", "train.batch_size=64"]
FAMILIES: dict[str, tuple[str, list[str]]] = {
    **{f"digits-cgan {m}": ("digits-cgan", GAN) for m in ("sgd", "ewc", "si", "anpyc", "dgr", "anpyc+align", "joint")},
    "digits-cgan align": ("digits-cgan", [*GAN, "train.half_life=100", "keep=tasks"]),
    **{f"digits-vae {m}": ("digits-vae", VAE) for m in ("mas", "align", "sgd-f")},
    **{f"digits-flow {m}": ("digits-flow", FLOW) for m in ("anpyc", "dgr", "anpyc+align")},
    **{
        f"digits-mlp {m}": ("digits-mlp", MLP)
        for m in ("ewc-online", "lwf", "hat", "xdg+si", "packnet", "clnp", "spp", "er+mas", "finetune")
    },
    "digits-flow ewc inferred": ("digits-flow", [*FLOW, *INFERRED]),
    "minatar-dqn ewc": ("minatar-dqn", GAME),
    "minatar-dqn ewc inferred": ("minatar-dqn", [*GAME, *INFERRED, "scenario.look=2", "scenario.remember=game"]),
}
WATCHED = (str(Path(gencl.__file__).parent), str(Path(json.__file__).parent), tempfile.__file__, pathlib.__file__)


def run(arguments: list[str], at: int | None, tell: int | None = None) -> None:
    """In a forked child: the command, killed at call number ``at``; the number of calls is written to ``tell``."""
    calls = 0

    def watch(frame: FrameType, event: str, _: object) -> None:
        nonlocal calls
        if event in ("call", "c_call") and frame.f_code.co_filename.startswith(WATCHED):
            calls += 1
            if calls == at:
                os.kill(os.getpid(), signal.SIGKILL)

    status = 1
    try:
        with open(os.devnull, "w") as nothing:  # noqa: PTH123
            os.dup2(nothing.fileno(), 1)
            os.dup2(nothing.fileno(), 2)
        sys.argv = ["gencl", *arguments]
        sys.setprofile(watch)
        try:
            command()
            status = 0
        finally:
            sys.setprofile(None)
            if tell is not None:
                os.write(tell, str(calls).encode())
    except SystemExit as leave:
        status = leave.code if isinstance(leave.code, int) else 1
    finally:
        os._exit(status)


def forked(arguments: list[str], at: int | None = None) -> tuple[int, int]:
    """(exit status, minus the signal that killed it; calls made)."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        run(arguments, at, writing)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        told = pipe.read()
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), int(told or 0)


def left(folder: Path) -> dict[str, str]:
    """What a finished run left, file by file: hashes, without what may differ between equal runs."""
    checksums = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if not path.is_file() or name.startswith("checkpoint") or name == "report.html":
            continue
        content = path.read_bytes()
        if name == "metrics.json":
            tree = json.loads(content)
            content = json.dumps({k: v for k, v in tree.items() if k not in ("cost", "environment")}).encode()
        checksums[name] = hashlib.sha256(content).hexdigest()
    return checksums


def command_for(family: str, folder: Path) -> list[str]:
    """The command that trains a family into a folder."""
    preset, sets = FAMILIES[family]
    method = family.split()[1]
    fixed = ["train", "--preset", preset, "--method", method, "--threads", "1", "--out", str(folder)]
    return [*fixed, *(part for text in sets for part in ("--set", text))]


def trial(family: str, whole: Path, calls: int, chance: random.Random, folder: Path) -> str:
    """Kills, resumes, compares; returns what is wrong, or nothing."""
    again = ["train", "--resume", "--threads", "1", "--out", str(folder)]
    moments = [chance.randint(1, calls)]
    status, _ = forked(command_for(family, folder), moments[0])
    if status != -signal.SIGKILL:
        return f"was not killed at call {moments[0]} of {calls}: status {status}"
    if not (folder / "config.yaml").exists():  # nothing was begun: as if it had never been started
        status, _ = forked(command_for(family, folder))
    else:
        if chance.random() < 1 / 3:
            moments.append(chance.randint(1, max(1, calls // 2)))
            forked(again, moments[1])
        status, _ = forked(again)
    where = f"killed at {' and '.join(map(str, moments))} of {calls} calls"
    if status:
        return f"{where}: ended with status {status}"
    resumed, wanted = left(folder), left(whole)
    odd = sorted(name for name in resumed.keys() | wanted.keys() if resumed.get(name) != wanted.get(name))
    return f"{where}: {', '.join(odd)} differ" if odd else ""


def main(arguments: Sequence[str] | None = None) -> None:
    """The command; raises SystemExit with status 1 where anything differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--methods", default="", help="of the families, by their names or the ends of these")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    for module in IMPORTED:
        __import__(module)
    chance = random.Random(options.seed)
    wanted = [m for m in options.methods.split(",") if m]
    families = [f for f in FAMILIES if not wanted or f in wanted or f.split()[1] in wanted]
    problems, counts = [], Counter[str]()
    with tempfile.TemporaryDirectory() as scratch:
        wholes: dict[str, tuple[Path, int]] = {}
        for number in range(options.n):
            family = families[number % len(families)]
            os.environ["GENCL_CACHE"] = str(Path(scratch) / f"cache-{number}")  # empty: equal runs make as many calls
            if family not in wholes:
                whole = Path(scratch) / f"whole-{len(wholes)}"
                status, calls = forked(command_for(family, whole))
                shutil.rmtree(os.environ["GENCL_CACHE"], ignore_errors=True)
                if status:
                    print(f"{family}: a run that nobody kills ends with status {status}")
                    sys.exit(1)
                wholes[family] = (whole, calls)
            folder = Path(scratch) / f"run-{number}"
            problem = trial(family, *wholes[family], chance, folder)
            counts[family] += 1
            if problem:
                problems.append(f"{family}: {problem}")
                print(problems[-1], flush=True)
            with suppress(OSError):
                shutil.rmtree(folder)
    print(
        f"{options.n} runs of {len(counts)} families killed and resumed (seed {options.seed}), {len(problems)} differ"
    )
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
