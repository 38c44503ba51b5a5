"""A bare step in other numbers, another order of memory, compiled, and as a CUDA graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import count
from typing import Any, cast

import torch
from torch import nn

from benchmarks.gpu.bare import step_of
from benchmarks.gpu.measuring import Bench
from benchmarks.gpu.subjects import Subject
from gencl.learners.cgan import ConditionalGAN
from gencl.learners.learner import Learner
from gencl.runs.build import make_learner

FLOAT32 = "bare, float32"
NUMBERS = ("bare, TF32", "bare, TF32, cudnn.benchmark", "bare, bf16", "bare, bf16, channels-last")
COMPILED = "bare, compiled"
REDUCED = "bare, compiled, reduce-overhead"
GRAPH = "bare, CUDA graph"
_OWN_CARD = ("TF32", "cudnn", "graph")
"""Words of variants that a CPU does not have."""


def measure(bench: Bench, name: str, subject: Subject, hows: Sequence[str]) -> None:
    """Adds a row of steps per second for each variant."""
    for how in hows:
        base = None if how == FLOAT32 else FLOAT32
        bench.row("step", name, how, "steps/s", partial(_pace, bench, subject, how), base)


def _pace(bench: Bench, subject: Subject, how: str) -> float:
    if any(word in how for word in _OWN_CARD):
        bench.card()
    if "compiled" in how:
        bench.compiler()
    settings, task = subject.settings("sgd"), subject.scenario(bench.device, tasks=1).tasks[0]
    learner = make_learner(settings.model, subject.shape, 0, bench.device)
    learner.grow(task.classes, 0)
    learner.train()
    if "channels-last" in how:
        learner.to(memory_format=torch.channels_last)
    networks = list(learner.networks()) if "compiled" in how else []
    for network in networks:
        network.compile(**({"mode": "reduce-overhead"} if "reduce-overhead" in how else {}))
    adam = {"capturable": True} if "graph" in how else {}
    step = step_of(learner, task, settings.train, partial(_uncompiled, networks), **adam)
    with numbers("TF32" in how, "cudnn" in how):
        if "graph" in how:
            step = graphed(step, _kinds(learner))
        steps = count()

        def one() -> None:
            if "reduce-overhead" in how:
                torch.compiler.cudagraph_mark_step_begin()
            # casts that are kept from a pass without gradients would have none in the next
            with torch.autocast(bench.place.type, torch.bfloat16, enabled="bf16" in how, cache_enabled=False):
                step(next(steps))

        return bench.pace(one)


@contextmanager
def numbers(tf32: bool = False, tried: bool = False) -> Iterator[None]:
    """Within the block float32 products are of 19 bits (TF32), or not; cuDNN has ``tried`` its algorithms, or not."""
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("high" if tf32 else "highest")
    torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark = tf32, tried
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark = before[1], False


@contextmanager
def _uncompiled(networks: Sequence[nn.Module]) -> Iterator[None]:
    """Within the block networks are plain ones: R1 differentiates a gradient again, which compiled ones cannot."""
    modules = [cast(Any, network) for network in networks]
    before = [module._compiled_call_impl for module in modules]
    for module in modules:
        module._compiled_call_impl = None
    try:
        yield
    finally:
        for module, compiled in zip(modules, before, strict=True):
            module._compiled_call_impl = compiled


def _kinds(learner: Learner) -> int:
    """Steps from one of a kind to the next: those with R1; 1: all are alike."""
    return learner.settings.r1_every if isinstance(learner, ConditionalGAN) else 1


def graphed(step: Callable[[int], None], every: int) -> Callable[[int], None]:
    """The step as CUDA graphs, one for the first of ``every`` steps, one for the others."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for number in range(3):
            step(number)
    torch.cuda.current_stream().wait_stream(stream)
    graphs = []
    for number in range(min(every, 2)):
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            step(number)
        graphs.append(graph)
    return lambda number: graphs[0 if number % every == 0 else -1].replay()
