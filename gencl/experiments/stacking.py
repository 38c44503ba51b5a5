"""Learners of one kind as one: each parameter holds those of all, stacked, and losses go through `torch.func.vmap`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn import Parameter
from torch.nn.utils.rnn import pad_sequence

from gencl.core.randomness import RandomSource
from gencl.learners.learner import Learner, Phase, nothing_drawn
from gencl.scenarios.batch import Batch


def together(tensors: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Tensors of the same names and shapes as one of shape (members, ...) each; numbers, which are equal, stay one."""
    first = tensors[0]
    return {name: torch.stack([some[name] for some in tensors]) if first[name].ndim else first[name] for name in first}


def of_member(tensors: Mapping[str, Tensor], member: int) -> dict[str, Tensor]:
    """The inverse of `together`: copies of what is one member's."""
    return {name: (tensor[member] if tensor.ndim else tensor).clone() for name, tensor in tensors.items()}


def stacked(learners: Sequence[Learner]) -> Learner:
    """A learner whose parameters, floating-point buffers and positions of classes are those of all, (members, ...).

    From here on the members' own are views of them, so that what moves one moves the other, until `parted`.
    """
    whole = deepcopy(learners[0])
    for name, module in whole.named_modules():
        parts = [learner.get_submodule(name) for learner in learners]
        for key, parameter in module.named_parameters(recurse=False):
            each = [part.get_parameter(key) for part in parts]
            module.register_parameter(key, Parameter(torch.stack([p.detach() for p in each]), parameter.requires_grad))
            for member, p in zip(module.get_parameter(key).detach(), each, strict=True):
                p.data = member
        for key, buffer in module.named_buffers(recurse=False):
            if key == "position":  # of classes, which may be other ones for each seed; nothing writes to it
                setattr(module, key, pad_sequence([part.get_buffer(key) for part in parts], True, -1))
            elif buffer.is_floating_point():
                setattr(module, key, torch.stack([part.get_buffer(key) for part in parts]))
                for member, part in zip(module.get_buffer(key), parts, strict=True):
                    setattr(part, key, member)
    return whole


def parted(learners: Sequence[Learner]) -> None:
    """Each member has memory of its own again."""
    for learner in learners:
        for module in learner.modules():
            for parameter in module.parameters(recurse=False):
                parameter.data = parameter.data.clone()
            for key, buffer in module.named_buffers(recurse=False):
                if buffer.is_floating_point():
                    setattr(module, key, buffer.clone())


def stacked_phase(learner: Learner, phase: Phase, members: Sequence[Phase], randoms: Sequence[RandomSource]) -> Phase:
    """A phase of a `stacked` learner: its loss, of batches (members, n, ...), is one for each member (members,).

    What it draws comes from the members' own ``randoms``, as it would if they trained alone.
    """
    model = _Losses(learner, phase)

    def loss(batch: Batch, step: int, random: RandomSource) -> Tensor:
        values: dict[str, Tensor] = {f"learner.{name}": tensor for name, tensor in learner.named_parameters()}
        values |= {f"learner.{name}": b for name, b in learner.named_buffers() if _is_stacked(name, b)}

        def of_one(values: dict[str, Tensor], tensors: dict[str, Tensor]) -> Tensor:
            losses: Tensor = functional_call(model, values, (tensors, batch.tasks, step, random))
            return losses

        losses: Tensor = vmap(of_one)(values, batch.tensors())
        return losses

    def draw(batch: Batch, random: RandomSource) -> Batch:
        if phase.draw is nothing_drawn:
            return batch
        sources = zip(members, randoms, strict=True)
        return stacked_batch([one.draw(batch.rows(index), source) for index, (one, source) in enumerate(sources)])

    return replace(phase, loss=loss, draw=draw)


def stacked_batch(batches: Sequence[Batch]) -> Batch:
    """Batches of the same tasks as one, its tensors (members, n, ...)."""
    return Batch.of(together([batch.tensors() for batch in batches]), batches[0].tasks)


def _is_stacked(name: str, buffer: Tensor) -> bool:
    """Return whether a buffer of a `stacked` learner holds those of all members."""
    return buffer.is_floating_point() or name.rpartition(".")[2] == "position"


class _Losses(nn.Module):
    """A phase's loss as a forward pass, for `functional_call`."""

    def __init__(self, learner: Learner, phase: Phase) -> None:
        super().__init__()
        self.learner, self.phase = learner, phase

    def forward(self, tensors: dict[str, Tensor], tasks: tuple[int, ...], step: int, random: RandomSource) -> Tensor:
        return self.phase.loss(Batch.of(tensors, tasks), step, random)
