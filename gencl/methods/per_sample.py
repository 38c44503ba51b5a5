"""Per-sample gradients in closed form, layer by layer: from a layer's inputs a_n and its output gradients d_n.

=====================  ===============================================================================
layer                  gradient of sample n
=====================  ===============================================================================
linear, one position   d_n a_n^T; its moments are matrix products: sum |g| = |D|^T |A|, sum g^2 = (D^2)^T (A^2)
linear, positions      sum over positions of d a^T, materialised
convolution            d_n times the unfolded input, materialised (the sum over positions comes before | | and ^2)
transposed             a_n times the unfolded output gradient, materialised
group or batch norm    sum over positions of d times the normalised input (batch norm: by running statistics)
=====================  ===============================================================================
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from gencl.models.norms import TaskBatchNorm2d
from gencl.models.to_images import ToImages


class PerSample:
    """Gradients of n samples for one parameter, materialised: (n, *shape)."""

    def __init__(self, gradients: Tensor) -> None:
        self._gradients = gradients

    def gradients(self) -> Tensor:
        return self._gradients

    def sum(self) -> Tensor:
        return self._gradients.sum(0)

    def sum_square(self) -> Tensor:
        return self._gradients.square().sum(0)

    def sum_absolute(self) -> Tensor:
        return self._gradients.abs().sum(0)


class OuterProducts(PerSample):
    """Gradients d_n a_n^T, never formed for their moments: inputs (n, i), output gradients (n, o)."""

    def __init__(self, inputs: Tensor, outputs: Tensor) -> None:
        self._inputs, self._outputs = inputs, outputs

    def gradients(self) -> Tensor:
        return self._outputs[:, :, None] * self._inputs[:, None, :]

    def sum(self) -> Tensor:
        return self._outputs.T @ self._inputs

    def sum_square(self) -> Tensor:
        return self._outputs.square().T @ self._inputs.square()

    def sum_absolute(self) -> Tensor:
        return self._outputs.abs().T @ self._inputs.abs()


def _linear(layer: nn.Linear, inputs: Tensor, delta: Tensor) -> dict[str, PerSample]:
    if inputs.ndim == 2:
        found: dict[str, PerSample] = {"weight": OuterProducts(inputs, delta)}
    else:
        flat_inputs, flat_delta = inputs.flatten(1, -2), delta.flatten(1, -2)
        found = {"weight": PerSample(flat_delta.transpose(1, 2) @ flat_inputs)}
        delta = flat_delta.sum(1)
    return found if layer.bias is None else {**found, "bias": PerSample(delta)}


def _convolution(layer: nn.Conv2d, inputs: Tensor, delta: Tensor) -> dict[str, PerSample]:
    if layer.groups != 1 or isinstance(layer.padding, str) or layer.padding_mode != "zeros":
        return {}
    columns = F.unfold(inputs, layer.kernel_size, layer.dilation, layer.padding, layer.stride)
    weight = (delta.flatten(2) @ columns.transpose(1, 2)).view(len(delta), *layer.weight.shape)
    return _with_bias(layer, PerSample(weight), delta)


def _transposed(layer: nn.ConvTranspose2d, inputs: Tensor, delta: Tensor) -> dict[str, PerSample]:
    padding = layer.padding
    if layer.groups != 1 or isinstance(padding, str):
        return {}
    columns = F.unfold(delta, layer.kernel_size, layer.dilation, padding, layer.stride)
    weight = (inputs.flatten(2) @ columns.transpose(1, 2)).view(len(delta), *layer.weight.shape)
    return _with_bias(layer, PerSample(weight), delta)


def _with_bias(layer: nn.Conv2d | nn.ConvTranspose2d, weight: PerSample, delta: Tensor) -> dict[str, PerSample]:
    return {"weight": weight} if layer.bias is None else {"weight": weight, "bias": PerSample(delta.flatten(2).sum(2))}


def _group_norm(layer: nn.GroupNorm, inputs: Tensor, delta: Tensor) -> dict[str, PerSample]:
    if not layer.affine:
        return {}
    return _scale_and_shift(F.group_norm(inputs, layer.num_groups, eps=layer.eps), delta)


def _batch_norm(layer: nn.BatchNorm2d, inputs: Tensor, delta: Tensor) -> dict[str, PerSample]:
    if not layer.affine or layer.running_mean is None or layer.running_var is None:
        return {}
    normalised = F.batch_norm(inputs, layer.running_mean, layer.running_var, eps=layer.eps)
    return _scale_and_shift(normalised, delta)


def _task_norm(layer: TaskBatchNorm2d, normalised: Tensor, delta: Tensor) -> dict[str, PerSample]:
    return _scale_and_shift(normalised, delta)


def _scale_and_shift(normalised: Tensor, delta: Tensor) -> dict[str, PerSample]:
    return {
        "weight": PerSample((delta * normalised).flatten(2).sum(2)),
        "bias": PerSample(delta.flatten(2).sum(2)),
    }


CLOSED_FORMS: dict[type[nn.Module], Callable[[Any, Tensor, Tensor], dict[str, PerSample]]] = {
    nn.Linear: _linear,
    nn.Conv2d: _convolution,
    nn.ConvTranspose2d: _transposed,
    ToImages: _transposed,
    nn.GroupNorm: _group_norm,
    nn.BatchNorm2d: _batch_norm,
    TaskBatchNorm2d: _task_norm,
}
"""(layer, what `taken` kept, output gradients) -> the gradients of its parameters by their name in the layer; none
where there is no closed form."""


def taken(layer: nn.Module, inputs: Tensor) -> Tensor:
    """What a closed form needs of a layer's inputs, asked during the forward pass: only then tasks are known."""
    return layer.normalised(inputs) if isinstance(layer, TaskBatchNorm2d) else inputs
