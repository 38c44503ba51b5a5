"""How many threads a run has, that it keeps them, and that nobody else does."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from PIL import Image

import gencl
from gencl import presets
from gencl.core import threads
from gencl.core.errors import UsageError
from gencl.core.randomness import seeded
from gencl.run import Run
from gencl.runs.build import make_learner
from gencl.training.session import Session
from tests import conftest
from tests.conftest import tiny

FACES = ["scenario.domains=[a,b]"]


@pytest.fixture(autouse=True)
def _two_threads() -> Iterator[None]:
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(1)


def train(out: Path, number: int | None, resume: bool = False) -> int:
    """Trains and returns the number of threads that the run says it had."""
    chosen = {} if resume else {"preset": "digits-mlp", "method": "sgd", "set": tiny("digits-mlp")}
    run = gencl.train(out=out, threads=number, resume=resume, progress="silent", **chosen)
    return int(run.metrics["environment"]["threads"])


def stop_at(step: int, monkeypatch: pytest.MonkeyPatch, out: Path, number: int) -> None:
    """Leaves a run that was stopped so many steps into its second task."""
    real = Session.rate

    def rate(session: Session, ctx: gencl.Context) -> float:
        if session.state.episode == 1 and session.state.step == step:
            raise KeyboardInterrupt
        return real(session, ctx)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Session, "rate", rate)
        train(out, number)


@pytest.mark.parametrize(("number", "used"), [(1, 1), (3, 3), (None, 1)])
def test_the_number_is_the_runs_alone(number: int | None, used: int, tmp_path: Path) -> None:
    """By default one for a small network, though PyTorch has two."""
    assert train(tmp_path / "run", number) == used
    assert torch.get_num_threads() == 2


def test_it_does_not_stay_where_a_run_fails(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        gencl.train("digits-mlp", "sgd", out=tmp_path / "run", threads=1, set=["data.name=none"], progress="silent")
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize(("recorded", "number", "used"), [(3, None, 3), (3, 1, 1), (1, None, 1)])
def test_a_resumed_run_keeps_its_number(
    recorded: int, number: int | None, used: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_at(3, monkeypatch, tmp_path / "run", recorded)
    assert train(tmp_path / "run", number, resume=True) == used


def test_another_number_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stop_at(3, monkeypatch, tmp_path / "run", 2)
    said = conftest.gencl("train", "--resume", "--threads", "1", "--out", tmp_path / "run")
    assert "so far with --threads 2, from here on with 1" in " ".join(said.stderr.split())


def test_a_run_that_is_extended_keeps_its_number(tmp_path: Path) -> None:
    assert train(tmp_path / "run", 3) == 3
    for number in range(20):
        folder = tmp_path / "letters" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("L", (28, 28), number * 10).save(folder / f"{number}.png")
    run = gencl.extend(tmp_path / "run", tmp_path / "letters", set=["train.steps=2"], progress="silent")
    assert run.metrics["environment"]["threads"] == 3


@pytest.mark.parametrize(
    ("preset", "shape", "sets", "large"),
    [
        ("digits-mlp", (1, 28, 28), [], False),
        ("mnist-cgan", (1, 28, 28), [], False),
        ("split-mnist", (1, 28, 28), [], False),
        ("permuted-mnist-wide", (1, 28, 28), [], True),
        ("celeba-anime-vae", (3, 64, 64), FACES, True),
        ("celeba-anime-cgan", (3, 64, 64), FACES, True),
        ("cifar100", (3, 32, 32), [], True),
    ],
)
def test_several_threads_are_for_large_networks(
    preset: str, shape: tuple[int, int, int], sets: list[str], large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = presets.resolve(preset, assignments=sets)
    work = threads.multiplications(make_learner(settings.model, shape, 0, "cpu"), shape, settings.train.batch_size)
    monkeypatch.setattr(threads, "allowed_cores", lambda: 8)
    assert threads.choose(work) == (2 if large else 1)


@pytest.mark.parametrize(("quota", "cores"), [("max 100000", 64), ("250000 100000", 2), ("50000 100000", 1), ("", 64)])
def test_a_containers_quota_counts(quota: str, cores: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    monkeypatch.setattr(threads, "_CPU_QUOTA", tmp_path / "cpu.max")
    if quota:
        (tmp_path / "cpu.max").write_text(f"{quota}\n")
    assert threads.allowed_cores() == cores


@pytest.mark.parametrize(
    ("before", "after"),
    [({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE"), ({"KMP_BLOCKTIME": "200"}, None)],
)
def test_threads_sleep_while_they_wait_unless_the_user_chose(before: dict[str, str], after: str | None) -> None:
    threads.wait_asleep(before)
    assert before.get("OMP_WAIT_POLICY") == after


def test_the_command_says_so_before_pytorch_is_imported() -> None:
    """gencl's --version ends in sys.exit; what is registered before it looks at what it left."""
    code = (
        "import atexit, os, sys\n"
        "atexit.register(lambda: print(os.environ.get('OMP_WAIT_POLICY'), 'torch' in sys.modules))\n"
        "sys.argv = ['gencl', '--version']; from gencl.commands import main; main()"
    )
    environment = {key: value for key, value in os.environ.items() if key != "OMP_WAIT_POLICY"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.splitlines()[-1] == "PASSIVE False"


def test_cells_choose_within_their_share(tmp_path: Path) -> None:
    results = gencl.compare("sgd", [0], tmp_path / "c", "digits-mlp", set=tiny("digits-mlp"), jobs=2, progress="silent")
    assert results["methods"]["sgd"]["status"] == "done"
    assert Run(tmp_path / "c" / "sgd" / "seed-0").metrics["environment"]["threads"] == 1


def test_runs_in_two_threads_of_python_are_as_alone(tmp_path: Path) -> None:
    def one(seed: int, out: Path) -> str:
        wide = [*tiny("digits-mlp"), "model.hidden=[300,300]"]
        run = gencl.train("digits-mlp", "sgd", seed, out, set=wide, threads=1 + seed, progress="silent")
        return run.card.sha256

    alone = [one(seed, tmp_path / f"alone-{seed}") for seed in (0, 1)]
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(one, (0, 1), [tmp_path / "0", tmp_path / "1"])) == alone
    assert torch.get_num_threads() == 2


def test_layers_may_be_made_beside_each_other() -> None:
    def weights(seed: int) -> list[float]:
        with seeded(seed):
            return [torch.rand(1).item() for _ in range(2000)]

    alone = [weights(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(weights, range(4))) == alone


def test_what_a_script_has_chosen_for_itself_changes_no_run(tmp_path: Path) -> None:
    """Not its own tensors, and not those of a run."""
    plain = gencl.train("digits-cgan", "sgd", 0, tmp_path / "0", set=tiny("digits-cgan"), progress="silent")
    picture = plain.sample(n=4).tobytes()
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta")
    try:
        with torch.inference_mode():
            odd = gencl.train("digits-cgan", "sgd", 0, tmp_path / "1", set=tiny("digits-cgan"), progress="silent")
            assert odd.card.sha256 == plain.card.sha256 and odd.sample(n=4).tobytes() == picture
            assert odd.evaluate(["fid"]) == plain.evaluate(["fid"])
            assert torch.zeros(1).dtype == torch.float64 and torch.zeros(1).is_meta and not torch.is_grad_enabled()
    finally:
        torch.set_default_device("cpu")
        torch.set_default_dtype(torch.float32)
