"""Masks of weights that follow from which units are used: the part that HAT and CLNP share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import Parameter

from gencl.learners.networks.trunk import Layer


def connections(weight: Tensor, outputs: Tensor, inputs: Tensor | None) -> Tensor:
    """The weights (units, inputs, ...) from used ``inputs`` (None: all) to used ``outputs``, both bool, one a unit.

    Behind a convolution a fully connected layer has several inputs a channel, all positions of one side by side.
    """
    mask = outputs[:, None].expand(len(outputs), weight.shape[1])
    if inputs is not None:
        mask = mask & inputs.repeat_interleave(weight.shape[1] // len(inputs))[None, :]
    return mask.view(*mask.shape, *[1] * (weight.ndim - 2)).expand_as(weight).clone()


def weights_between(
    layers: Sequence[Layer], parameters: Mapping[str, Parameter], used: Sequence[Tensor], incoming: bool = False
) -> dict[str, Tensor]:
    """Masks of the parameters that used units rest on, by name: weights between used units, used units' biases.

    ``used`` has a bool mask a hidden layer. A shared head's units all count as used once any unit is. With
    ``incoming`` all weights into used units are meant, from unused ones too.
    """
    masks: dict[str, Tensor] = {}
    before: Tensor | None = None
    earlier: Tensor | None = None
    some = any(bool(mask.any()) for mask in used)
    for number, layer in enumerate(layers):
        weight = parameters[layer.weight]
        outputs = used[number] if layer.hidden else torch.full((layer.units,), some, device=weight.device)
        masks[layer.weight] = connections(weight, outputs, None if incoming and layer.hidden else before)
        for name in layer.shortcuts:
            masks[name] = connections(parameters[name], outputs, None if incoming else earlier)
        for name in layer.vectors:
            masks[name] = outputs.clone()
        earlier, before = before, outputs
    return masks
