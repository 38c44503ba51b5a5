"""What tests of a GPU share. ``GENCL_TEST_DEVICE=cpu`` runs them on a CPU, which tests the tests."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch
from torch import Tensor

import gencl
from gencl.core.randomness import RandomSource
from gencl.run import Run
from tests.conftest import tiny
from tests.numbers import models

HOST = torch.device("cpu")
QUICK = ["scenario.tasks=2", "train.steps=6", "evaluate.features=none", "train.optimizer=sgd", "train.lr=0.02"]
"""Settings of runs that are compared. Adam divides rounding noise by its own size; SGD does not."""


@pytest.fixture(scope="session")
def device() -> str:
    """The device under test."""
    chosen = os.environ.get("GENCL_TEST_DEVICE", "cuda")
    if chosen == "cuda" and not torch.cuda.is_available():
        pytest.skip("needs a GPU: run `pytest -m gpu` where PyTorch sees one (GENCL_TEST_DEVICE=cpu tries the tests)")
    return chosen


@pytest.fixture
def card(device: str) -> str:
    """The device under test, which is a GPU."""
    if device == "cpu":
        pytest.skip("only a GPU has what this looks at")
    return device


@pytest.fixture
def exact() -> Iterator[None]:
    """Convolutions in float32: by default a GPU rounds their inputs to 19 bits (TF32)."""
    before, torch.backends.cudnn.allow_tf32 = torch.backends.cudnn.allow_tf32, False
    yield
    torch.backends.cudnn.allow_tf32 = before


@pytest.fixture
def same_draws() -> Iterator[None]:
    """Random numbers are the host's on every device: a GPU's generator gives others for the same seed."""
    names = ("normal", "uniform", "choice")
    with mock.patch.multiple(RandomSource, **{name: _on_host(getattr(RandomSource, name)) for name in names}):
        before = torch.Generator
        with mock.patch.object(torch, "Generator", lambda *_: before()):
            yield


def _on_host(draw: Callable[..., Tensor]) -> Callable[..., Tensor]:
    @wraps(draw)
    def drawn(source: RandomSource, *arguments: Any) -> Tensor:
        device, source.device = source.device, HOST
        try:
            return draw(source, *(a.cpu() if isinstance(a, Tensor) else a for a in arguments)).to(device)
        finally:
            source.device = device

    return drawn


def run(preset: str, method: str, out: Path, device: str, sets: Sequence[str] = ()) -> Run:
    """A short run."""
    usual = [] if any(text.startswith("model.name=") for text in sets) else tiny(preset)
    more = [*usual, *QUICK, *(["data.validation=0.1"] if method == "clnp" else []), *sets]
    return gencl.train(preset, method, 0, out, set=more, device=device, progress="silent")


def apart(one: Path, two: Path) -> float:
    """The largest difference between two runs' weights, as a share of the largest weight."""
    pairs = models(one, two)
    largest = max(float(value.abs().max()) for _, value, _ in pairs if value.numel())
    return max(float((first - second).abs().max()) for _, first, second in pairs if first.numel()) / largest
