"""What a step's networks compute in, and whether they are compiled."""

from __future__ import annotations

import shutil
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor

import gencl
from gencl.core.errors import UsageError
from gencl.core.randomness import RandomSource
from gencl.presets import resolve
from gencl.run import Run
from gencl.runs.build import make_learner
from gencl.scenarios.batch import Batch
from gencl.training import acceleration
from gencl.training.acceleration import Acceleration
from gencl.training.optimizers import Switch
from tests.conftest import grown, killed_at, tiny


def gradients(name: str, sets: list[str], **train: str) -> dict[str, tuple[Tensor, Tensor]]:
    """Of a fresh learner's first step, with R1 where there is one: each phase's loss and gradient."""
    settings = resolve(name, assignments=sets)
    learner, scenario = grown(settings)
    learner.train()
    data, gradients = scenario.tasks[0].train, {}
    batch = Batch(data.images[:16].float() / 255, data.labels[:16], tasks=(0,))
    accelerated = Acceleration(learner)
    for phase in learner.phases([0]):
        Switch(learner, phase).on()
        with accelerated.of(settings.train.model_copy(update=train)):
            loss = phase.loss(phase.draw(batch, RandomSource(0)), 0, RandomSource(0))
        slopes = torch.autograd.grad(loss, list(phase.parameters), allow_unused=True)
        gradients[phase.name] = loss, torch.cat([slope.flatten() for slope in slopes if slope is not None])
    return gradients


@pytest.mark.numeric
@pytest.mark.parametrize(
    ("preset", "sets"),
    [
        ("digits-cgan", []),
        ("digits-cgan", ["model.class_layer=own-layer", "model.adapter=2", "model.norm=batch"]),
        ("digits-vae", []),
        ("digits-flow", ["model.attention=inner"]),
        ("digits-mlp", ["model.heads=class"]),
        ("digits-mlp", ["model.name=vgg9", "model.width=0.1", "data.size=16"]),
    ],
)
def test_bf16_moves_float32_parameters_nearly_the_same_way(preset: str, sets: list[str]) -> None:
    whole, half = gradients(preset, sets), gradients(preset, sets, precision="bf16")
    for name, (loss, slope) in half.items():
        assert loss.dtype == slope.dtype == torch.float32
        assert not torch.equal(slope, whole[name][1])
        torch.testing.assert_close(loss, whole[name][0], rtol=0.02, atol=0)
        assert torch.cosine_similarity(slope, whole[name][1], dim=0) > 0.9


def test_a_device_without_bf16_is_refused_whichever_task_asks_for_it() -> None:
    learner = make_learner({"name": "mlp", "hidden": [4]}, (1, 2, 2), 0, "meta")
    for sets in (["train.precision=bf16"], ["extend=[{data: digits, train: {precision: bf16}}]"]):
        with pytest.raises(UsageError, match=r"train\.precision: bf16 is for CPUs and for GPUs that have it, not meta"):
            acceleration.check(resolve("digits-mlp", assignments=sets), learner)


def model(run: Run) -> dict[str, Tensor]:
    return run.learner().state_dict()


@pytest.mark.parametrize(
    ("preset", "method"),
    [
        ("digits-cgan", "anpyc+align"),
        ("digits-vae", "si+align"),
        ("digits-flow", "align"),
        ("digits-mlp", "lwf+ewc"),
        ("digits-mlp", "packnet"),
    ],
)
def test_bf16_runs_resume_bit_for_bit(preset: str, method: str, tmp_path: Path) -> None:
    sets = [*tiny(preset), "scenario.tasks=2", "train.precision=bf16", "train.checkpoint_every=1"]
    whole = gencl.train(preset, method, out=tmp_path / "whole", set=sets, progress="silent")
    with killed_at(6 + 3):  # in the second task
        gencl.train(preset, method, out=tmp_path / "cut", set=sets, progress="silent")
    resumed = gencl.train(out=tmp_path / "cut", resume=True, progress="silent")
    assert all(torch.equal(value, model(resumed)[name]) for name, value in model(whole).items())
    assert all(value.dtype != torch.bfloat16 for value in model(whole).values())


@pytest.mark.numeric
def test_bf16_learns_the_digits(tmp_path: Path) -> None:
    sets = [*tiny("digits-mlp"), "train.steps=60", "train.lr=0.05", "method.lambda=1"]
    plain, half = (
        gencl.train("digits-mlp", "ewc", out=tmp_path / str(n), set=[*sets, *more], progress="silent")
        for n, more in enumerate(([], ["train.precision=bf16"]))
    )
    assert half.metrics["summary"]["acc"] > plain.metrics["summary"]["acc"] - 0.02 > 0.9


@pytest.fixture
def uncompiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks are traced and differentiated as compiled ones are, without the minutes in the C++ compiler."""
    monkeypatch.setenv("CXX", sys.executable)
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))


@pytest.mark.numeric
@pytest.mark.parametrize(
    ("preset", "sets"),
    [
        ("digits-cgan", ["model.width=4"]),  # the discriminator's first step has R1
        ("digits-vae", ["model.width=2"]),
        ("digits-flow", ["model.width=4", "model.attention=inner"]),
        ("digits-mlp", ["model.name=cnn-narrow", "model.width=0.1", "data.size=16"]),  # dropout draws within the trunk
        ("digits-mlp", ["model.name=vgg9", "model.width=0.1", "data.size=16"]),  # statistics of tasks
    ],
)
@pytest.mark.usefixtures("uncompiled")
def test_compiled_networks_move_parameters_the_same_way(preset: str, sets: list[str]) -> None:
    plain, fast = gradients(preset, sets), gradients(preset, sets, compile="yes")
    for name, (loss, slope) in fast.items():
        torch.testing.assert_close(loss, plain[name][0])
        torch.testing.assert_close(slope, plain[name][1], rtol=1e-4, atol=1e-6)


@pytest.mark.numeric
@pytest.mark.usefixtures("uncompiled")
def test_networks_are_compiled_within_steps_only(tmp_path: Path) -> None:
    """Importance's hooks, teachers and files meet the plain ones; what is frozen, masked and replayed is the same."""
    sets = [*tiny("digits-mlp"), "scenario.tasks=2"]
    for method in ("anpyc+lwf", "packnet"):
        plain, fast = (
            gencl.train("digits-mlp", method, out=tmp_path / f"{method}-{word}", set=[*sets, *more], progress="silent")
            for word, more in (("plain", []), ("fast", ["train.compile=yes"]))
        )
        for name, value in model(plain).items():
            torch.testing.assert_close(model(fast)[name], value)
    resumed = gencl.train(out=fast.path, resume=True, progress="silent")
    assert resumed.settings.train.compile == "yes"


def test_what_cannot_be_compiled_is_not_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> object:
        raise RuntimeError("no luck")

    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=broken))
    layer = torch.nn.Linear(2, 2)
    fast = acceleration.compiled(layer)
    with pytest.warns(UserWarning, match=r"train\.compile: Linear is not compiled \(RuntimeError: no luck\)"):
        assert torch.equal(fast(torch.ones(1, 2)), layer(torch.ones(1, 2)))
    fast(torch.ones(3, 2))  # and is not tried again


def test_compiling_is_refused_where_it_cannot_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = resolve("digits-mlp", assignments=["train.compile=yes"])
    learner, _ = grown(settings)
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(UsageError, match=r"train\.compile: there is no C\+\+ compiler no-such-compiler here"):
        acceleration.check(settings, learner)
    graphs = resolve("digits-mlp", assignments=["train.compile=reduce-overhead"])
    wanted = r"train\.compile: reduce-overhead records CUDA graphs, which cpu does not have; use yes or no"
    with pytest.raises(UsageError, match=wanted):
        acceleration.check(graphs, learner)
    monkeypatch.setattr(type(learner), "networks", lambda _: ())
    with pytest.raises(UsageError, match=r"train\.compile: MLPClassifier names no networks to compile; use no"):
        acceleration.check(settings, learner)


@pytest.mark.skipif(not any(map(shutil.which, ("g++", "clang++"))), reason="no C++ compiler here")
def test_a_compiled_run_is_a_plain_run_within_rounding(tmp_path: Path) -> None:
    sets = [*tiny("digits-mlp"), "scenario.tasks=2"]
    plain, fast = (
        gencl.train("digits-mlp", "ewc", out=tmp_path / word, set=[*sets, f"train.compile={word}"], progress="silent")
        for word in ("no", "yes")
    )
    for name, value in model(plain).items():
        torch.testing.assert_close(model(fast)[name], value)


@pytest.mark.skipif(not any(map(shutil.which, ("g++", "clang++"))), reason="no C++ compiler here")
def test_networks_that_would_be_cuda_graphs_compute_the_same_on_a_cpu() -> None:
    layer = torch.nn.Linear(2, 2)
    fast = acceleration.compiled(layer, "reduce-overhead")
    torch.testing.assert_close(fast(torch.ones(1, 2)), layer(torch.ones(1, 2)))


def test_runs_that_ask_for_nothing_have_the_settings_they_always_had() -> None:
    """So that what was stored before can be gone on with; what is asked for is stored."""
    plain = resolve("digits-mlp", assignments=["train.precision=float32", "train.compile=no"])
    assert not {"precision", "compile"} & set(plain.tree()["train"]) and plain == resolve("digits-mlp")
    asked = resolve("digits-mlp", assignments=["train.precision=bf16", "train.compile=yes"])
    assert {"precision": "bf16", "compile": "yes"}.items() <= asked.tree()["train"].items()
