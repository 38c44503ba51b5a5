"""Combine learners of one kind into one with stacked parameters, whose losses go through `torch.func.vmap`."""

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
    """Stack tensors of the same names and shapes into one of shape (members, ...) per name.

    Tensors without dimensions must be equal in all members; the first one is returned as it is.
    """
    first = tensors[0]
    return {name: torch.stack([some[name] for some in tensors]) if first[name].ndim else first[name] for name in first}


def of_member(tensors: Mapping[str, Tensor], member: int) -> dict[str, Tensor]:
    """Return copies of one member's tensors, as the inverse of `together`."""
    return {name: (tensor[member] if tensor.ndim else tensor).clone() for name, tensor in tensors.items()}


def stacked(learners: Sequence[Learner]) -> Learner:
    """Return a learner with the stacked parameters and floating-point buffers of all, each of shape (members, ...).

    The members' parameters and buffers become views of the stacked ones, so that they change together, until `parted`.
    The buffers with the positions of classes are stacked too, padded with -1, but as copies.
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
            if key == "position":  # the classes may differ between seeds; nothing writes to it, so a copy will do
                setattr(module, key, pad_sequence([part.get_buffer(key) for part in parts], True, -1))
            elif buffer.is_floating_point():
                setattr(module, key, torch.stack([part.get_buffer(key) for part in parts]))
                for member, part in zip(module.get_buffer(key), parts, strict=True):
                    setattr(part, key, member)
    return whole


def parted(learners: Sequence[Learner]) -> None:
    """Give each member its own memory again: undo the views that `stacked` made."""
    for learner in learners:
        for module in learner.modules():
            for parameter in module.parameters(recurse=False):
                parameter.data = parameter.data.clone()
            for key, buffer in module.named_buffers(recurse=False):
                if buffer.is_floating_point():
                    setattr(module, key, buffer.clone())


def stacked_phase(learner: Learner, phase: Phase, members: Sequence[Phase], randoms: Sequence[RandomSource]) -> Phase:
    """Return a phase of a `stacked` learner. It takes batches (members, n, ...); its loss has shape (members,).

    Its random draws come from the members' ``randoms``, so that they are the same as in runs trained alone.
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
    """Stack batches of the same tasks into one, with tensors of shape (members, n, ...)."""
    return Batch.of(together([batch.tensors() for batch in batches]), batches[0].tasks)


def _is_stacked(name: str, buffer: Tensor) -> bool:
    """Return whether a buffer of a `stacked` learner has a dimension for the members."""
    return buffer.is_floating_point() or name.rpartition(".")[2] == "position"


class _Losses(nn.Module):
    """A phase's loss as a forward pass, for `functional_call`."""

    def __init__(self, learner: Learner, phase: Phase) -> None:
        super().__init__()
        self.learner, self.phase = learner, phase

    def forward(self, tensors: dict[str, Tensor], tasks: tuple[int, ...], step: int, random: RandomSource) -> Tensor:
        return self.phase.loss(Batch.of(tensors, tasks), step, random)
