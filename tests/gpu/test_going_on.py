"""A run on a GPU that is killed goes on, on the same device or another; its precision and its compiler do too."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import gencl
from tests.conftest import killed_at, tiny
from tests.gpu.conftest import apart, run

pytestmark = [pytest.mark.gpu, pytest.mark.usefixtures("exact")]

OFTEN = "train.checkpoint_every=1"


@pytest.mark.parametrize(
    ("preset", "method"),
    [("digits-cgan", "anpyc+align"), ("digits-vae", "si+dgr"), ("digits-flow", "ewc"), ("digits-mlp", "der++")],
)
@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_a_killed_run_goes_on(preset: str, method: str, precision: str, device: str, tmp_path: Path) -> None:
    sets = [OFTEN, f"train.precision={precision}"]
    whole = run(preset, method, tmp_path / "whole", device, sets)
    with killed_at(6 + 3):  # in the second task
        run(preset, method, tmp_path / "cut", device, sets)
    resumed = gencl.train(out=tmp_path / "cut", resume=True, device=device, progress="silent")
    tolerance = 1e-5 if precision == "float32" else 1e-3
    assert apart(whole.path, resumed.path) <= (0 if device == "cpu" else tolerance)


@pytest.mark.usefixtures("same_draws")
def test_a_run_goes_on_on_the_cpu(device: str, tmp_path: Path) -> None:
    whole = run("digits-cgan", "anpyc", tmp_path / "whole", "cpu", [OFTEN])
    with killed_at(6 + 3):
        run("digits-cgan", "anpyc", tmp_path / "cut", device, [OFTEN])
    resumed = gencl.train(out=tmp_path / "cut", resume=True, device="cpu", progress="silent")
    assert apart(whole.path, resumed.path) < 1e-3


def test_bf16_learns_the_digits(device: str, tmp_path: Path) -> None:
    sets = [*tiny("digits-mlp"), "train.steps=60", "train.lr=0.05", "method.lambda=1"]
    plain, half = (
        gencl.train("digits-mlp", "ewc", 0, tmp_path / word, set=[*sets, more], device=device, progress="silent")
        for word, more in (("plain", "train.precision=float32"), ("half", "train.precision=bf16"))
    )
    assert half.metrics["summary"]["acc"] > plain.metrics["summary"]["acc"] - 0.02 > 0.9
    assert all(value.dtype != torch.bfloat16 for value in half.learner().state_dict().values())


@pytest.mark.parametrize(("preset", "method"), [("digits-mlp", "ewc"), ("digits-cgan", "anpyc+align")])
@pytest.mark.parametrize("how", ["yes", "reduce-overhead"])
def test_a_compiled_run_is_a_plain_run_within_rounding(
    preset: str, method: str, how: str, card: str, tmp_path: Path
) -> None:
    plain = run(preset, method, tmp_path / "plain", card)
    fast = run(preset, method, tmp_path / "fast", card, [f"train.compile={how}"])
    assert apart(plain.path, fast.path) < 1e-3
