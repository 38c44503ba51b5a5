"""Masks of weights that follow from the units in use, for HAT and CLNP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import Parameter

from gencl.learners.networks.trunk import Layer


def connections(weight: Tensor, outputs: Tensor, inputs: Tensor | None) -> Tensor:
    """Return the mask of the weights (units, inputs, ...) from used ``inputs`` to used ``outputs``.

    Both are bool, one entry per unit; ``inputs`` None: all are used. After a convolution, a fully connected layer has
    several inputs per channel, with all positions of a channel side by side.
    """
    mask = outputs[:, None].expand(len(outputs), weight.shape[1])
    if inputs is not None:
        mask = mask & inputs.repeat_interleave(weight.shape[1] // len(inputs))[None, :]
    return mask.view(*mask.shape, *[1] * (weight.ndim - 2)).expand_as(weight).clone()


def weights_between(
    layers: Sequence[Layer], parameters: Mapping[str, Parameter], used: Sequence[Tensor], incoming: bool = False
) -> dict[str, Tensor]:
    """Return masks of the parameters that used units depend on, by name: weights between used units, and their biases.

    ``used`` has one bool mask per hidden layer. All units of a shared head count as used once any unit is. With
    ``incoming``, the masks of hidden layers include the weights from unused units into used ones.
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
