"""Shared by all tests: small real runs on the embedded digits, and where the real data sets lie."""

from __future__ import annotations

import getpass
import io
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

# One thread each: the tests run side by side, and byte equality is promised for one thread count.
os.environ["OMP_NUM_THREADS"] = os.environ.get("GENCL_TEST_THREADS", "1")
# PyTorch's cache of compiled code takes processors for equal that differ by this variable alone.
os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(
    Path(tempfile.gettempdir(), f"gencl-tests-{getpass.getuser()}", os.environ.get("ATEN_CPU_CAPABILITY", "native"))
)

import click
import pytest
import torch
from torch import Tensor

from gencl.commands import cli, main
from gencl.core.processes import Processes
from gencl.core.randomness import RandomSource
from gencl.core.settings import Settings
from gencl.experiments import fork_server
from gencl.experiments.fork_server import ForkServer
from gencl.learners.learner import Learner
from gencl.methods.base import Context
from gencl.plugins import loaded_files, unload_plugin
from gencl.presets import resolve
from gencl.runs.build import make_learner, make_scenario
from gencl.runs.recorder import Recorder
from gencl.runs.state import State
from gencl.scenarios.task import Scenario
from tests import forked

THREADS = int(os.environ["OMP_NUM_THREADS"])
torch.set_num_threads(THREADS)

TINY = {
    "digits-cgan": [
        "train.steps=6",
        "scenario.tasks=3",
        "evaluate.samples=20",
        "evaluate.also=[]",
        "model.width=4",
        "train.log_every=2",
    ],
    "digits-vae": [
        "train.steps=6",
        "train.first=1",
        "scenario.tasks=3",
        "evaluate.samples=20",
        "model.width=2",
        "train.log_every=2",
    ],
    "digits-flow": [
        "train.steps=6",
        "scenario.tasks=3",
        "evaluate.samples=20",
        "evaluate.also=[]",
        "model.width=4",
        "model.depth=1",
        "model.steps=2",
        "model.pool=8",
    ],
    "digits-mlp": ["train.steps=6", "scenario.tasks=3", "model.hidden=[16,8]", "train.log_every=2"],
}
"""``--set`` assignments that make a preset run in about a second. The VAE alone keeps a second feature extractor."""
GAMES = [
    "scenario.games=[breakout, space_invaders]",
    "scenario.visits=1",
    "scenario.frames=3",
    "scenario.start=60",
    "scenario.memory=90",
    "scenario.episodes=2",
    "scenario.longest=60",
    "scenario.scores={breakout: {random: 0.5, single: 9}, space_invaders: {random: 2.6, single: 40}}",
    "model.channels=4",
    "model.hidden=16",
    "model.explore=150",
    "model.target=5",
    "train.steps=20",
    "train.batch_size=8",
    "train.log_every=5",
    "train.checkpoint_every=7",
]
"""``--set`` assignments that make the preset of games run in about a second."""
METHODS = [
    "sgd", "finetune", "sgd-f", "joint", "ewc", "ewc-online", "l2", "si", "mas", "lwf", "hat", "xdg", "packnet",
    "clnp", "spp", "anpyc", "dgr", "align", "er", "der++", "agem",
]  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """All tests but those of ``pytest -m gpu`` see no GPU."""
    if config.getoption("markexpr") != "gpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""


def tiny(preset: str) -> list[str]:
    """``--set`` assignments that make a preset run in about a second."""
    return TINY[preset]


@pytest.fixture(autouse=True)
def _same_draws() -> None:
    """What a test draws at random does not depend on the tests before it in its worker."""
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _unloaded() -> Iterator[None]:
    """Plug-ins that a test has loaded are taken out again."""
    yield
    for path in loaded_files():
        unload_plugin(path)


@pytest.fixture(scope="session", autouse=True)
def _separate_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    os.environ["GENCL_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session", autouse=True)
def _quick_servers() -> Iterator[None]:
    """Comparisons ask a server that was forked itself; `tests/experiments/test_workers.py` starts a real one."""
    with mock.patch.object(fork_server, "launched", forked.server):
        yield


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder of real data sets; tests that use it are marked ``data``."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    chosen = os.environ.get("GENCL_DATA")
    root = Path(chosen) if chosen else beside
    if not (root / "MNIST").is_dir():
        if os.environ.get("CI"):
            pytest.fail("CI must have the real data sets; set GENCL_DATA")
        pytest.skip("no real data sets here; set GENCL_DATA")
    return root


@pytest.fixture(scope="session")
def forks() -> Iterator[ForkServer]:
    """Starts the command in processes of their own, all but the first at once."""
    if sys.platform != "linux":
        pytest.skip("processes are forked on Linux only")
    server = ForkServer()
    yield server
    server.close()


def context(preset: str = "digits-mlp", tasks: int = 1, **settings: object) -> Context:
    """What hooks are told at the ``tasks``-th task, of a learner that has grown so far; ``model__heads="domain"``."""
    chosen = {"scenario__order": "given", **settings} if preset == "digits-mlp" else settings  # class 0 first
    resolved = resolve(preset, assignments=[f"{k.replace('__', '.')}={v}" for k, v in chosen.items()])
    learner, scenario = grown(resolved, tasks)
    task = scenario.tasks[tasks - 1]
    return Context(learner, task, False, 0, resolved.train, Processes(), RandomSource(0), lr=0.1, others=tasks - 1)


def gencl(
    *arguments: str | Path, cwd: Path | None = None, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs the command within this process: as `gencl_process`, without the seconds that a start takes."""
    out, errors, before = io.StringIO(), io.StringIO(), Path.cwd()
    with (
        mock.patch.dict(os.environ, environment or {}),
        mock.patch.object(sys, "argv", ["gencl", *map(str, arguments)]),
        redirect_stdout(out),
        redirect_stderr(errors),
    ):
        os.chdir(cwd or before)
        try:
            main()
            status = 0
        except SystemExit as leave:
            status = int(leave.code or 0)
        finally:
            os.chdir(before)
            torch.set_num_threads(THREADS)
    return subprocess.CompletedProcess(list(arguments), status, out.getvalue(), errors.getvalue())


def gencl_process(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Runs the command in a process of its own."""
    command = [sys.executable, "-m", "gencl", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=600, check=False)


def grown(settings: Settings, tasks: int = 1) -> tuple[Learner, Scenario]:
    """A learner of these settings that has grown for the first tasks, untrained, and its scenario."""
    scenario = make_scenario(settings, None)
    learner = make_learner(settings.model, scenario.image_shape, settings.seed, "cpu")
    for task in scenario.tasks[:tasks]:
        learner.grow(task.classes, task.index)
    return learner, scenario


def understood(line: str) -> tuple[click.Command, str | None, list[str]]:
    """The sub-command of a line of a document, its name, and the arguments that it is given."""
    words = shlex.split(line)
    start = next(i for i, word in enumerate(words) if word.split("/")[-1] == "gencl")
    context = click.Context(cli, info_name="gencl")
    name, command, rest = cli.resolve_command(context, words[start + 1 :])
    if isinstance(command, click.Group):
        name, command, rest = command.resolve_command(context, rest)
    assert command is not None, line
    return command, name, rest


@contextmanager
def killed_at(step: int, seed: int = 0) -> Iterator[None]:
    """The run of this seed within the block dies as by Ctrl-C, right after its checkpoint at this step of the run."""
    write = Recorder.checkpoint

    def cut(recorder: Recorder, state: State, tensors: Mapping[str, Tensor]) -> None:
        write(recorder, state, tensors)
        if state.cost.steps == step and recorder.settings.seed == seed:
            raise KeyboardInterrupt

    with mock.patch.object(Recorder, "checkpoint", cut), pytest.raises(KeyboardInterrupt):
        yield
