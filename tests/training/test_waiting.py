"""No step between two log points waits for the device.

A GPU works through a queue. Whoever reads a tensor's value waits until the queue is empty, and so does a plain copy
from the host. Both go through PyTorch's dispatcher, on a CPU too: here they raise.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes

from benchmarks.runs import fresh, settings_for
from gencl.core.settings import Settings
from gencl.datasets.dataset import Split
from gencl.experiments.ensemble import Ensemble
from gencl.methods import der
from gencl.runs.build import make_scenario
from gencl.scenarios.source import TrainingImages
from gencl.scenarios.task import Scenario, Task
from gencl.training import trainer
from gencl.training.session import Session
from gencl.training.steps import Steps
from gencl.training.trainer import Trainer
from tests.conftest import METHODS, tiny

READS = {
    "aten::_local_scalar_dense",  # .item(), float(), int(), bool(), .tolist()
    "aten::equal",
    "aten::nonzero",
    "aten::masked_select",
    "aten::_unique2",
    "aten::unique_dim",
    "aten::unique_consecutive",
    "aten::repeat_interleave.Tensor",
    "aten::lift_fresh",  # torch.tensor(numbers): made on the host, and then copied
}
INDEXES = {"aten::index.Tensor", "aten::index_put", "aten::index_put_", "aten::_index_put_impl_"}
GENERATORS = ("digits-cgan", "digits-vae", "digits-flow")
CASES: list[tuple[str, str, list[str]]] = [
    *(("digits-mlp", method, []) for method in METHODS if method != "align"),
    *((preset, method, []) for preset in GENERATORS for method in ("anpyc+align", "si+dgr", "ewc-online", "joint")),
    ("digits-cgan", "er", ["model.augment=[translation,cutout]", "model.loss=relativistic", "model.norm=batch"]),
    ("digits-cgan", "ewc", ["model.network=residual", "model.class_layer=own-layer", "method.consolidation=loss"]),
    ("digits-vae", "anpyc+align", ["model.likelihood=gaussian"]),
    ("digits-vae", "anpyc+align", ["model.likelihood=calibrated"]),
    ("digits-flow", "sgd", ["model.attention=inner"]),
    ("digits-mlp", "dgr", ["method.labels=solver"]),
    ("digits-mlp", "mas", ["model.heads=domain", "data.flip=yes"]),
    ("digits-mlp", "si", ["model.heads=class", "scenario.name=permuted"]),
    ("digits-mlp", "xdg+si", []),
]


class Unread(TorchDispatchMode):
    """Raises where the host would wait for the device."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.name()
        masks = name in INDEXES and any(i is not None and i.dtype in (torch.bool, torch.uint8) for i in args[1])
        assert name not in READS and not masks, f"{name} waits for the device"
        return func(*args, **(kwargs or {}))


class Unsent(TorchDispatchMode):
    """Raises where a tensor goes from the host to the device."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        outputs = func(*args, **(kwargs or {}))
        if func.name() in ("aten::_to_copy", "aten::copy_"):
            source = args[-1] if func.name() == "aten::copy_" else args[0]
            assert source.device == outputs.device, f"{source.device} is copied to {outputs.device}"
        return outputs


def unread(function: Callable[..., Any], reads: Callable[..., bool] = lambda *_: False) -> Callable[..., Any]:
    """The function, which must not wait, except where it ``reads``."""

    @wraps(function)
    def within(*arguments: Any) -> Any:
        if reads(*arguments):
            return function(*arguments)
        with Unread():
            return function(*arguments)

    return within


def on_the_host(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, which touches no tensor of the device."""

    def within(*arguments: Any) -> Any:
        with _disable_current_modes():
            return function(*arguments)

    return within


@pytest.fixture
def no_waiting() -> Iterator[None]:
    """Steps and those who look on at them raise where they wait. The check of every loss, made on CPUs only, is off."""

    def ends(self: Trainer, ctx: Any, losses: Any, end: int, *_: object) -> bool:
        return self.session.state.step + 1 == end  # where the last step of a stage is logged

    with (
        mock.patch.object(Session, "batch", unread(Session.batch)),
        mock.patch.object(Steps, "take", unread(Steps.take)),
        mock.patch.object(Trainer, "after_step", unread(Trainer.after_step, ends)),
        mock.patch.object(der, "entered", on_the_host(der.entered)),
        mock.patch.object(trainer, "check_losses", lambda *_: None),
        mock.patch.object(Ensemble, "_check_finite", lambda *_: None),
    ):
        yield


def prepared(preset: str, method: str, sets: Sequence[str], seed: int = 0) -> tuple[Settings, Scenario]:
    """Settings of a short run of two tasks, or three, and its scenario."""
    short = [*tiny(preset), "train.steps=6", "scenario.tasks=2", "train.log_every=1000", "data.limit=100"]
    validated = ["data.validation=0.1"] if method == "clnp" else []
    settings = settings_for(preset, method, [*short, *validated, *sets, f"seed={seed}"])
    return settings, make_scenario(settings, None)


@pytest.mark.parametrize(("preset", "method", "sets"), CASES)
def test_no_step_waits(preset: str, method: str, sets: list[str], tmp_path: Path, no_waiting: None) -> None:
    learning = fresh(*prepared(preset, method, sets), tmp_path, time.perf_counter, evaluate=False)
    learning.fit("silent")
    learning.session.recorder.close()
    assert learning.session.state.cost.steps >= 12


def test_no_step_of_several_seeds_waits(tmp_path: Path, no_waiting: None) -> None:
    chosen = [prepared("digits-cgan", "anpyc", [], seed) for seed in (0, 1)]
    trainers = [
        fresh(settings, scenario, tmp_path / str(seed), time.perf_counter, evaluate=False)
        for seed, (settings, scenario) in enumerate(chosen)
    ]
    Ensemble(trainers).fit("silent")
    for learning in trainers:
        learning.session.recorder.close()
    assert trainers[1].session.state.cost.steps == 12


def test_what_waits_is_seen() -> None:
    values, masks = torch.ones(3), torch.tensor([True, False, True])
    for waits in (values.sum().item, lambda: values[masks], lambda: torch.tensor([1.0]), lambda: bool(masks.any())):
        with Unread(), pytest.raises(AssertionError, match="waits for the device"):
            waits()


@pytest.mark.parametrize("flip", [False, True])
def test_batches_copy_nothing_to_the_device_within_an_epoch(flip: bool) -> None:
    """On ``meta``, a device that every machine has."""
    images = torch.empty(20, 1, 8, 8, dtype=torch.uint8, device="meta")
    there = Split(images, torch.empty(20, dtype=torch.long, device="meta"))
    source = TrainingImages(Task(0, "0", (0,), there, there, there, flip=flip), 4, seed=0)
    with pytest.raises(AssertionError, match="cpu is copied to meta"), Unsent():
        source.batch(0)
    source.batch(0)
    with Unsent():
        batches: list[Tensor] = [source.batch(step).inputs for step in range(1, 5)]
    assert {batch.shape for batch in batches} == {(4, 1, 8, 8)}
