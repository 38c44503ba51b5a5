"""How the networks of a step compute: in bfloat16 (``train.precision``), compiled (``train.compile``), as CUDA graphs.

Both hold for the loss and the penalty of a phase alone. Parameters, gradients, optimisers, consolidation, importance
and evaluation are float32 and not compiled, so that methods, checkpoints and model files are those of any other run.
"""

from __future__ import annotations

import os
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from gencl.core.errors import UsageError
from gencl.core.settings import Settings
from gencl.core.train_settings import Compile, TrainSettings
from gencl.learners.learner import Learner


def check(settings: Settings, learner: Learner) -> None:
    """Raises UsageError where the learner, the device or the machine cannot do what ``train`` asks for."""
    asked, device = settings.train_of(1 + len(settings.extend)), learner.position.device
    if any(train.precision == "bf16" for train in asked):
        on_gpu = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        if device.type != "cpu" and not on_gpu:
            raise UsageError(f"train.precision: bf16 is for CPUs and for GPUs that have it, not {device}; use float32")
    if any(train.compile != "no" for train in asked):
        if not learner.networks():
            raise UsageError(f"train.compile: {type(learner).__name__} names no networks to compile; use no")
        if device.type != "cuda" and any(train.compile == "reduce-overhead" for train in asked):
            raise UsageError(
                f"train.compile: reduce-overhead records CUDA graphs, which {device} does not have; use yes or no"
            )
        _check_compiler(device)


def _check_compiler(device: torch.device) -> None:
    """Compiles next to nothing: a run's first step would be late to fail in."""
    wanted = os.environ.get("CXX") or ("clang++" if sys.platform == "darwin" else "g++")
    if device.type == "cpu" and shutil.which(wanted) is None:
        raise UsageError(
            f"train.compile: there is no C++ compiler {wanted} here, which PyTorch compiles with for a CPU; install "
            "one, name it by $CXX, or use train.compile=no"
        )
    try:
        torch.compile(_next_to_nothing)(torch.ones(8, device=device))
    except Exception as error:  # of any kind: a tool chain can be broken anywhere
        raise UsageError(
            f"train.compile: PyTorch cannot compile here ({_reason(error)}); use train.compile=no"
        ) from None


def _reason(error: Exception) -> str:
    """One line of what was wrong, without the pages that PyTorch adds."""
    inner = getattr(error, "inner_exception", error)
    first = next((line.strip() for line in str(inner).splitlines() if line.strip()), "")
    return f"{type(inner).__name__}: {first}"


def _next_to_nothing(values: Tensor) -> Tensor:
    return values.sin()


class Acceleration:
    """What a run's settings make of the steps of its learner."""

    def __init__(self, learner: Learner) -> None:
        self._learner = learner
        self._compiled: dict[tuple[nn.Module, Compile], Callable[..., Any]] = {}

    def of(self, train: TrainSettings) -> AbstractContextManager[object]:
        """Around the loss and the penalty of a phase; the backward pass follows outside."""
        if train.precision == "float32" and train.compile == "no":
            return nullcontext()
        return self._accelerated(train)

    @contextmanager
    def _accelerated(self, train: TrainSettings) -> Iterator[None]:
        """Networks are the compiled ones within the block only.

        Hooks within a compiled network (importance measures by them) are silently passed over, and what is measured
        comes in batches of other sizes, each of which would be compiled anew.
        """
        half = torch.autocast(
            self._learner.position.device.type,
            torch.bfloat16,
            enabled=train.precision == "bf16",
            # where PyTorch has its issue 112583, weights that are first cast without gradients get none afterwards
            cache_enabled=False,
        )
        networks = self._learner.networks() if train.compile != "no" else ()
        if train.compile == "reduce-overhead":  # what graphs gave to the phase before is free again
            torch.compiler.cudagraph_mark_step_begin()
        for network in networks:
            key = network, train.compile
            if key not in self._compiled:
                self._compiled[key] = compiled(network, train.compile)
            vars(network)["forward"] = self._compiled[key]
        try:
            with half:
                yield
        finally:
            for network in networks:
                del vars(network)["forward"]


def compiled(network: nn.Module, how: Compile = "yes") -> Callable[..., Any]:
    """The network's forward pass, compiled; as it is where that fails (a warning says so), or cannot serve.

    It cannot where a gradient with respect to what comes in is differentiated again, as R1 does. Such inputs are
    leaves that ask for gradients, which no other step has. `nn.Module.compile` has no place for either choice.
    """
    plain = network.forward
    chosen: Callable[..., Any] = torch.compile(plain) if how == "yes" else torch.compile(plain, mode=how)

    def forward(*inputs: Any, **named: Any) -> Any:
        nonlocal chosen
        if any(isinstance(value, Tensor) and value.is_leaf and value.requires_grad for value in inputs):
            return plain(*inputs, **named)
        try:
            return chosen(*inputs, **named)
        except torch._dynamo.exc.TorchDynamoException as error:
            warnings.warn(f"train.compile: {type(network).__name__} is not compiled ({_reason(error)})", stacklevel=2)
            chosen = plain
            return plain(*inputs, **named)

    return forward
