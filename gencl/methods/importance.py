"""The importance engine: per-sample gradients of any per-sample scalar of a learner, and their moments, in one pass.

For a batch of N samples, one forward and one backward pass give every layer's inputs a_n and output gradients d_n. The
gradient of sample n follows from the two without its own backward pass (`gencl.methods.closed_forms`). Layers that have
no closed form, are used twice, or whose inputs change in place go through ``vmap(grad)`` of `torch.func`.

Batch means must come after | | and ^2. Taken before, the result depends on the batch size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn import Parameter

from gencl.core.processes import Processes
from gencl.core.randomness import RandomSource
from gencl.learners import returned
from gencl.learners.learner import Learner, ScalarKind
from gencl.methods.closed_forms import CLOSED_FORMS, taken
from gencl.methods.per_sample import Moment, PerSample, at_once, made
from gencl.scenarios.batch import Batch

_UNITS = 2**24
"""Hidden units of all samples of a chunk. On a CPU, more were no faster and need memory. A GPU takes 16 times more."""
_CHUNK = (16, 1024)
"""The least and the most samples of a chunk, which goes through one forward and one backward pass."""


def moments(
    learner: Learner,
    kind: ScalarKind,
    batch: Batch,
    parameters: Mapping[str, Parameter],
    wanted: Sequence[Moment],
    processes: Processes | None = None,
    weights: Tensor | None = None,
) -> list[dict[str, Tensor]]:
    """Return each ``wanted`` moment of the per-sample gradients of ``learner.scalars(kind, batch)``, by parameter name.

    Moments are E[g], E[g^2], E[|g|] and E[g |g|]. ``weights`` (n,) multiply the scalars of the samples. Each moment
    costs one matrix product per layer, so ask only for those needed.
    """

    def summed(name: str, samples: PerSample) -> Tensor:
        return samples.moments(wanted)

    averages = average(learner, kind, batch, parameters, summed, processes, weights)
    return [{name: value[i] for name, value in averages.items()} for i in range(len(wanted))]


def average(
    learner: Learner,
    kind: ScalarKind,
    batch: Batch,
    parameters: Mapping[str, Parameter],
    summed: Callable[[str, PerSample], Tensor],
    processes: Processes | None = None,
    weights: Tensor | None = None,
) -> dict[str, Tensor]:
    """Return the mean over all samples of any statistic of a sample's gradient, by parameter name.

    ``summed(name, samples)`` returns the statistic summed over the samples it is given, of any shape. Meanwhile the
    learner is in evaluation mode. Its parameters, buffers and gradients do not change, nor does any random state: the
    scalars draw from their own source, the same in each call. With a group of ``processes``, each measures its own rows
    of ``batch`` and all get the mean over all rows.
    """
    n = len(batch)
    weights = torch.ones(n, device=batch.classes.device) if weights is None else weights
    shared_work = processes is not None and 1 < processes.world <= n  # fewer samples than processes: each measures all
    rank, world = (processes.rank, processes.world) if processes is not None and shared_work else (0, 1)
    sums: dict[str, Tensor] = {}
    random = _source(batch)
    with _measuring(learner):
        chunk = _chunk(learner, kind, batch, random)
        for start in range(rank, n, chunk * world):
            rows = slice(start, start + chunk * world, world)
            for name, samples in _per_sample(learner, kind, batch.rows(rows), weights[rows], parameters, random):
                value = summed(name, samples)
                sums[name] = sums[name].add_(value) if name in sums else value
    if processes is not None and shared_work:
        sums = dict(zip(sums, processes.sum(list(sums.values())), strict=True))
    return {name: sums[name].div_(n) for name in parameters}


def batch_gradients(
    learner: Learner, kind: ScalarKind, batch: Batch, parameters: Mapping[str, Parameter], size: int
) -> Iterator[dict[str, Tensor]]:
    """Yield the gradient of the scalars' **sum** over each ``size`` samples in turn, by parameter name.

    This is for importance measures that are defined on batches. Their result depends on ``size``.
    """
    random = _source(batch)
    with _measuring(learner):
        for parameter in parameters.values():
            parameter.requires_grad_(True)
        for start in range(0, len(batch), size):
            total = returned.scalars(learner, kind, batch.rows(slice(start, start + size)), random).sum()
            yield dict(zip(parameters, torch.autograd.grad(total, list(parameters.values())), strict=True))


def _source(batch: Batch) -> RandomSource:
    """Return the random source that the scalars of a measurement draw from."""
    return RandomSource("scalars", device=batch.classes.device)


@contextmanager
def _measuring(learner: Learner) -> Iterator[None]:
    """Put the learner in evaluation mode, without gradients for parameters, and restore both afterwards."""
    training = {module: module.training for module in learner.modules()}
    wanted = {parameter: parameter.requires_grad for parameter in learner.parameters()}
    learner.eval().requires_grad_(False)
    try:
        yield
    finally:
        for module, mode in training.items():
            module.training = mode
        for parameter, flag in wanted.items():
            parameter.requires_grad_(flag)


@torch.no_grad()
def _chunk(learner: Learner, kind: ScalarKind, batch: Batch, random: RandomSource) -> int:
    """Return how many samples to measure at once, judged by the hidden units of the first one."""
    units = []

    def count(_: nn.Module, __: object, output: object) -> None:
        units.append(output.numel() if isinstance(output, Tensor) else 0)

    leaves = [module for module in learner.modules() if not any(module.children())]
    hooks = [module.register_forward_hook(count) for module in leaves]
    try:
        returned.scalars(learner, kind, batch.rows(slice(0, 1)), random)
    finally:
        for hook in hooks:
            hook.remove()
    wanted = (_UNITS if batch.classes.device.type == "cpu" else 16 * _UNITS) // max(1, sum(units))
    return max(_CHUNK[0], min(_CHUNK[1], wanted))


def _per_sample(
    learner: Learner,
    kind: ScalarKind,
    batch: Batch,
    weights: Tensor,
    parameters: Mapping[str, Parameter],
    random: RandomSource,
) -> Iterator[tuple[str, PerSample]]:
    """Yield the gradients of each parameter, layer by layer, in closed form where there is one."""
    wanted = {id(parameter): name for name, parameter in parameters.items()}
    layers = [
        module
        for module in learner.modules()
        if type(module) in CLOSED_FORMS and any(id(p) in wanted for p in module.parameters(recurse=False))
    ]
    passes: dict[nn.Module, list[tuple[Tensor, Tensor, int]]] = {layer: [] for layer in layers}
    held = {layer: [id(p) for p in layer.parameters(recurse=False)] for layer in layers}

    def keep(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        if held[layer] != [id(p) for p in layer.parameters(recurse=False)]:  # it computes with replaced parameters
            return output
        if not output.requires_grad:  # the first layer: its inputs require no gradients
            output = output.detach().requires_grad_()
        needed = taken(layer, inputs[0].detach())
        passes[layer].append((needed, output, needed._version))
        return output.clone()  # the next layer may change it in place

    hooks = [layer.register_forward_hook(keep) for layer in layers]
    try:
        with torch.enable_grad():
            scalars = returned.scalars(learner, kind, batch, random) * weights
    finally:
        for hook in hooks:
            hook.remove()
    once = [layer for layer in layers if len(passes[layer]) == 1 and _unchanged(passes[layer][0])]
    outputs = [passes[layer][0][1] for layer in once]
    deltas = torch.autograd.grad(scalars.sum(), outputs) if outputs else ()
    done = set()
    for layer, delta in zip(once, deltas, strict=True):
        for local, samples in CLOSED_FORMS[type(layer)](layer, passes[layer][0][0], delta).items():
            parameter = getattr(layer, local)
            if id(parameter) in wanted:
                done.add(wanted[id(parameter)])
                yield wanted[id(parameter)], samples
    rest = {name: parameter for name, parameter in parameters.items() if name not in done}
    if rest:
        yield from _functional(learner, kind, batch, weights, rest, random)


def _unchanged(layer_pass: tuple[Tensor, Tensor, int]) -> bool:
    """Return whether the layer's inputs are unchanged since this forward pass."""
    inputs, _, version = layer_pass
    return inputs._version == version


class _Scalars(nn.Module):
    """A learner's scalars as a forward pass, for `functional_call`."""

    def __init__(self, learner: Learner, kind: ScalarKind, tasks: tuple[int, ...], random: RandomSource) -> None:
        super().__init__()
        self.learner, self.kind, self.tasks, self.random = learner, kind, tasks, random

    def forward(self, sample: dict[str, Tensor]) -> Tensor:
        batch = Batch.of({name: value.unsqueeze(0) for name, value in sample.items()}, self.tasks)
        return returned.scalars(self.learner, self.kind, batch, self.random).squeeze(0)


def _functional(
    learner: Learner,
    kind: ScalarKind,
    batch: Batch,
    weights: Tensor,
    parameters: Mapping[str, Parameter],
    random: RandomSource,
) -> Iterator[tuple[str, PerSample]]:
    """Yield the gradients of these parameters by ``vmap(grad)``, a few samples at a time."""
    model = _Scalars(learner, kind, batch.tasks, random)

    def scalar(values: dict[str, Tensor], sample: dict[str, Tensor]) -> Tensor:
        value: Tensor = functional_call(model, values, (sample,))
        return value

    values = {f"learner.{name}": parameter.detach() for name, parameter in parameters.items()}
    size = at_once(sum(parameter.numel() for parameter in parameters.values()))
    for start in range(0, len(batch), size):
        rows = slice(start, start + size)
        some = batch.rows(rows)
        with learner.passes.of_each(len(some)):
            gradients_by_name = vmap(grad(scalar), in_dims=(None, 0))(values, some.tensors())
        for name, gradients in gradients_by_name.items():
            weighted = gradients * weights[rows].view(-1, *[1] * (gradients.ndim - 1))
            yield name.removeprefix("learner."), made(weighted)
