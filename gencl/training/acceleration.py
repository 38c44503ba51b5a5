"""Faster training steps: bfloat16 (``train.precision``), compiled networks and CUDA graphs (``train.compile``).

Both settings affect only the loss and the penalty of a phase. Parameters, gradients, optimisers, consolidation,
importance and evaluation stay in float32 and are not compiled. Methods, checkpoints and model files therefore work as
in any other run.
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
    """Raise UsageError if learner, device or machine do not support ``train.precision`` or ``train.compile``."""
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
    """Compile a tiny function, so that a broken compiler is found before a run's first step. Raises UsageError."""
    wanted = os.environ.get("CXX") or ("clang++" if sys.platform == "darwin" else "g++")
    if device.type == "cpu" and shutil.which(wanted) is None:
        raise UsageError(
            f"train.compile: there is no C++ compiler {wanted} here, which PyTorch compiles with for a CPU; install "
            "one, name it by $CXX, or use train.compile=no"
        )
    try:
        torch.compile(_next_to_nothing)(torch.ones(8, device=device))
    except Exception as error:  # any exception: a broken tool chain can fail anywhere
        raise UsageError(
            f"train.compile: PyTorch cannot compile here ({_reason(error)}); use train.compile=no"
        ) from None


def _reason(error: Exception) -> str:
    """Return the error's type and the first line of its message, without the pages that PyTorch adds."""
    inner = getattr(error, "inner_exception", error)
    first = next((line.strip() for line in str(inner).splitlines() if line.strip()), "")
    return f"{type(inner).__name__}: {first}"


def _next_to_nothing(values: Tensor) -> Tensor:
    return values.sin()


class Acceleration:
    """Applies ``train.precision`` and ``train.compile`` to a learner's steps, and keeps its compiled networks."""

    def __init__(self, learner: Learner) -> None:
        self._learner = learner
        self._compiled: dict[tuple[nn.Module, Compile], Callable[..., Any]] = {}

    def of(self, train: TrainSettings) -> AbstractContextManager[object]:
        """Return a context manager for the loss and the penalty of a phase. Run the backward pass outside it."""
        if train.precision == "float32" and train.compile == "no":
            return nullcontext()
        return self._accelerated(train)

    @contextmanager
    def _accelerated(self, train: TrainSettings) -> Iterator[None]:
        """Use the compiled networks, and bfloat16, within the block only.

        Importance is measured with hooks inside the networks, and a compiled network silently skips them. Evaluation
        uses other batch sizes, and each of them would be compiled again.
        """
        half = torch.autocast(
            self._learner.position.device.type,
            torch.bfloat16,
            enabled=train.precision == "bf16",
            # PyTorch issue 112583: weights that are first cast without gradients get no gradients afterwards
            cache_enabled=False,
        )
        networks = self._learner.networks() if train.compile != "no" else ()
        if train.compile == "reduce-overhead":  # CUDA graphs may reuse the previous phase's outputs
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
    """Return the network's forward pass, compiled. If compiling fails, it warns and uses the plain one from then on.

    Inputs that are leaves and require gradients also get the plain one. Only R1 has such inputs: it differentiates
    their gradient again, which compiled code cannot do. `nn.Module.compile` offers neither choice.
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
