"""Per-sample gradients in closed form, layer by layer, from a layer's inputs a_n and output gradients d_n.

=====================  ===============================================================================
layer                  gradient of sample n
=====================  ===============================================================================
linear, one position   d_n a_n^T (`OuterProducts`)
linear, positions      sum over positions of d a^T
convolution            d_n times the input that each tap sees
transposed             a_n times the output gradient that each tap sees
group or batch norm    sum over positions of d times the normalised input (batch norm: by running statistics)
=====================  ===============================================================================
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gencl.learners.networks.norms import BatchNorm2d, TaskBatchNorm2d
from gencl.learners.networks.to_images import ToImages
from gencl.methods.per_sample import OuterProducts, PerSample, made

CACHED = 16
"""Each element of a convolution's images counts this many times, since every tap of the kernel reads it again."""


def _linear(layer: nn.Linear, inputs: Tensor, delta: Tensor) -> dict[str, PerSample]:
    if inputs.ndim == 2:
        gradients: dict[str, PerSample] = {"weight": OuterProducts(inputs, delta)}
    else:
        flat_inputs, flat_delta = inputs.flatten(1, -2), delta.flatten(1, -2)

        def weight(rows: slice) -> Tensor:
            return flat_delta[rows].transpose(1, 2) @ flat_inputs[rows]

        gradients = {"weight": PerSample(weight, len(inputs), layer.weight.numel())}
        delta = flat_delta.sum(1)
    return gradients if layer.bias is None else {**gradients, "bias": made(delta)}


def _convolution(layer: nn.Conv2d, inputs: Tensor, delta: Tensor) -> dict[str, PerSample]:
    if layer.groups != 1 or isinstance(layer.padding, str) or layer.padding_mode != "zeros":
        return {}
    return _shifted(layer, delta, inputs, delta)


def _transposed(layer: nn.ConvTranspose2d, inputs: Tensor, delta: Tensor) -> dict[str, PerSample]:
    if layer.groups != 1 or isinstance(layer.padding, str):
        return {}
    return _shifted(layer, inputs, delta, delta)


def _shifted(
    layer: nn.Conv2d | nn.ConvTranspose2d, coarse: Tensor, fine: Tensor, delta: Tensor
) -> dict[str, PerSample]:
    """Return the kernel's gradients: ``coarse`` (n, c, h, w) times the part of ``fine`` that each tap sees there.

    If both have rows of the same length, a tap sees a shifted view of ``fine``, so that no patches are copied. With a
    stride this holds for every stride-th row and column, so these are separated first.
    """
    assert not isinstance(layer.padding, str)
    taps = [
        [divmod(tap * dilation, stride) for tap in range(side)]
        for side, dilation, stride in zip(layer.kernel_size, layer.dilation, layer.stride, strict=True)
    ]
    below, beside = (steps[-1][0] for steps in taps)
    height, width = coarse.shape[2] + below, coarse.shape[3] + beside
    (top, left), (down, across) = layer.padding, layer.stride
    border = (left, width * across - left - fine.shape[3], top, height * down - top - fine.shape[2])
    length = coarse.shape[2] * width - beside

    def weight(rows: slice) -> Tensor:
        whole = F.pad(fine[rows], border)
        parts = {(i, j): whole[:, :, i::down, j::across].flatten(2) for i in range(down) for j in range(across)}
        flat = F.pad(coarse[rows], (0, beside)).flatten(2)[:, :, :length]
        gradients = coarse.new_empty(*layer.kernel_size, len(flat), coarse.shape[1], fine.shape[1])
        for row, (y, i) in enumerate(taps[0]):
            for column, (x, j) in enumerate(taps[1]):
                seen = parts[i, j][:, :, y * width + x :][:, :, :length]
                torch.bmm(flat, seen.transpose(1, 2), out=gradients[row, column])
        return gradients.permute(2, 3, 4, 0, 1)

    elements = max(layer.weight.numel(), (coarse[0].numel() + fine[0].numel()) * CACHED)
    gradients = {"weight": PerSample(weight, len(delta), elements)}
    return gradients if layer.bias is None else {**gradients, "bias": made(delta.flatten(2).sum(2))}


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
    """Return the gradients; ``normalised`` is overwritten, since a new tensor of its size would cost more time."""
    return {"weight": made(normalised.mul_(delta).flatten(2).sum(2)), "bias": made(delta.flatten(2).sum(2))}


CLOSED_FORMS: dict[type[nn.Module], Callable[[Any, Tensor, Tensor], dict[str, PerSample]]] = {
    nn.Linear: _linear,
    nn.Conv2d: _convolution,
    nn.ConvTranspose2d: _transposed,
    ToImages: _transposed,
    nn.GroupNorm: _group_norm,
    nn.BatchNorm2d: _batch_norm,
    BatchNorm2d: _batch_norm,
    TaskBatchNorm2d: _task_norm,
}
"""Per type of layer: (layer, result of `taken`, output gradients) -> the gradients of its parameters, by their name in
the layer. They are empty if there is no closed form."""


def taken(layer: nn.Module, inputs: Tensor) -> Tensor:
    """Return what a closed form needs of a layer's inputs. Call it in the forward pass: only then tasks are known."""
    return layer.normalised(inputs) if isinstance(layer, TaskBatchNorm2d) else inputs
