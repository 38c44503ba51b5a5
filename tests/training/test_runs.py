"""Whole runs: every method on every learner, the contract, determinism, and what diverges."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

import gencl
from gencl.core.errors import GenclError, UsageError
from gencl.core.registry import parts_of
from gencl.experiments.fork_server import ForkServer
from gencl.run import Run
from tests.conftest import METHODS, tiny
from tests.training.runs import model_bytes, train, without_cost


def contract(folder: Path, data_root: Path) -> str:
    script = data_root.parent / "check" / "contract.py"
    return subprocess.run([sys.executable, script, folder], capture_output=True, text=True, check=False).stdout.strip()


NOT_FOR = {
    "digits-cgan": ["finetune", "lwf", "hat", "xdg", "packnet", "clnp", "der++", "agem"],
    "digits-vae": ["hat"],
    "digits-flow": ["lwf"],
    "digits-mlp": ["align"],
}
ON_A_VAE = ["sgd", "sgd-f", "joint", "ewc", "si", "mas", "anpyc", "dgr", "align", "hat", "er+spp", "anpyc+align"]
ON_A_FLOW = [
    "sgd", "sgd-f", "joint", "ewc", "ewc-online", "si", "mas", "spp", "anpyc", "er", "dgr", "align", "anpyc+align",
    "lwf",
]  # fmt: skip
RUNS = [
    *((preset, method) for preset in ("digits-cgan", "digits-mlp") for method in [*METHODS, "mas+dgr", "xdg+si"]),
    *(("digits-vae", method) for method in ON_A_VAE),
    *(("digits-flow", method) for method in ON_A_FLOW),
]


@pytest.mark.data
@pytest.mark.parametrize(("preset", "method"), RUNS)
def test_every_method_leaves_a_run_as_the_contract_says(
    preset: str, method: str, tmp_path: Path, data_root: Path
) -> None:
    out = tmp_path / "run"
    if any(name in NOT_FOR[preset] for name in parts_of(method)):
        with pytest.raises(UsageError, match="cannot serve"):
            train(out, preset, method)
        assert not out.exists()
        return
    run = train(out, preset, method)
    assert contract(out, data_root) == "as the contract says"
    assert run.finished and run.metrics["cost"]["steps"] == 18
    summary = run.metrics["summary"]
    assert ("fid_first_half" in summary) == (preset != "digits-mlp") != ("acc" in summary)
    assert ("reconstruction" in summary) == (preset == "digits-vae")
    assert len(run.learner().tasks) == 3
    by_task = run.metrics["cost"]["by_task"]
    assert len(by_task) == (1 if method == "joint" else 3) and all(row["memory_bytes"] > 0 for row in by_task)
    assert sum(row["train_seconds"] for row in by_task) == pytest.approx(run.metrics["cost"]["train_seconds"], abs=0.01)
    for row in run.metrics.get("capacity", []):
        assert all(0 <= share <= 1 for share in row.values())
    assert ("capacity" in run.metrics) == (method in ("hat", "packnet", "clnp", "anpyc", "anpyc+align"))


def test_shared_parameters_do_not_grow_and_own_ones_freeze(tmp_path: Path) -> None:
    one, two = (train(tmp_path / str(n), set=[f"scenario.tasks={n}"]).metrics["parameters"] for n in (1, 3))
    assert one["shared"] == two["shared"] and one["per_task"] == two["per_task"]


def test_same_seed_same_bytes_other_seed_other_bytes(tmp_path: Path) -> None:
    one, two = (train(tmp_path / str(n)) for n in (1, 2))
    assert model_bytes(one) == model_bytes(two)
    assert without_cost(one) == without_cost(two)
    again = gencl.train(config=one.path / "config.yaml", out=tmp_path / "3", progress="silent")
    assert model_bytes(one) == model_bytes(again)
    other = gencl.train("digits-cgan", "anpyc", 1, tmp_path / "4", set=tiny("digits-cgan"), progress="silent")
    assert model_bytes(one) != model_bytes(other)


def test_same_bytes_with_two_threads(tmp_path: Path, forks: ForkServer) -> None:
    """Threads that add up in the order in which they arrive would show here (they did)."""
    sets = ["train.steps=30", "scenario.tasks=2", "evaluate.features=none"]
    command = ["train", "--threads", "2", *(part for text in sets for part in ("--set", text))]
    for name in ("1", "2"):
        assert forks.start([*command, "--out", str(tmp_path / name)]).wait()[0] == 0
    assert model_bytes(Run(tmp_path / "1")) == model_bytes(Run(tmp_path / "2"))


def test_old_tasks_own_parameters_never_move(tmp_path: Path) -> None:
    """What belongs to task 1 is bit-equal whether one task or three are learned."""
    one, three = (train(tmp_path / str(n), method="sgd", set=[f"scenario.tasks={n}"]).learner() for n in (1, 3))
    for name, parameter in one.own(0).items():
        assert parameter.equal(three.own(0)[name])


def test_nan_names_task_and_step_and_keeps_the_checkpoint(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with pytest.raises(GenclError, match=r"loss of the \w+ became (nan|inf) in task .*, stage train, step \d+"):
        train(out, method="sgd", set=["train.lr=1e18", "train.checkpoint_every=1"])
    assert not Run(out).finished
    for path in (out / "checkpoint").glob("*.safetensors"):
        assert all(t.isfinite().all() for t in load_file(path).values() if t.is_floating_point())


def test_nan_in_a_tasks_last_step_leaves_no_checkpoint_of_it(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with pytest.raises(GenclError, match=r"parameters became infinite or NaN in task \d,\d, .* has no checkpoint yet"):
        train(out, "digits-mlp", "sgd", set=["train.lr=1e38", "train.steps=1"])
    assert not (out / "checkpoint").exists()
