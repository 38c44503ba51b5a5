"""Per-sample gradients in closed form, layer by layer, from a layer's inputs a_n and output gradients d_n.

=====================  ===============================================================================
layer                  gradient of sample n
=====================  ===============================================================================
linear, one position   d_n a_n^T; its moments are matrix products: sum |g| = |D|^T |A|, sum g^2 = (D^2)^T (A^2)
linear, positions      sum over positions of d a^T
convolution            d_n times the input that each tap sees (the sum over positions comes before | | and ^2)
transposed             a_n times the output gradient that each tap sees
group or batch norm    sum over positions of d times the normalised input (batch norm: by running statistics)
=====================  ===============================================================================

All but the first are computed for a few samples at a time, so that memory stays bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gencl.learners.networks.norms import BatchNorm2d, TaskBatchNorm2d
from gencl.learners.networks.to_images import ToImages

BUDGET = 2**22
"""The elements held at once, of per-sample gradients or of what they are computed from. More would not fit the cache of
a processor and would be slower to read again."""

CACHED = 16
"""Each element of a convolution's images counts this many times, since every tap of the kernel reads it again."""

Moment = Literal["mean", "square", "absolute", "signed"]
_OF: dict[Moment, Callable[[Tensor, Tensor | None], Tensor]] = {
    "mean": lambda g, out: g,
    "square": lambda g, out: torch.square(g, out=out),
    "absolute": lambda g, out: torch.abs(g, out=out),
    "signed": lambda g, out: torch.mul(g, g.abs(), out=out),
}
"""What a moment sums, computed into ``out`` if given, which may be g itself."""


def at_once(elements: int) -> int:
    """Return how many samples to process at once, if each has ``elements`` elements."""
    return max(1, BUDGET // elements)


class PerSample:
    """Gradients of n samples for one parameter.

    Args:
        make: returns the gradients of some rows, (k, *shape), as a tensor that may be overwritten.
        n: the number of rows.
        elements: the elements per row, of its gradient or of what that is computed from, whichever has more.
    """

    def __init__(self, make: Callable[[slice], Tensor], n: int, elements: int) -> None:
        self._make, self._n, self._size = make, n, at_once(elements)

    def summed(self, statistic: Callable[[Tensor], Tensor]) -> Tensor:
        """Return the sum over all samples of ``statistic``, which gets gradients (k, *shape) and sums over these k."""
        total = statistic(self._make(slice(0, self._size)))
        for start in range(self._size, self._n, self._size):
            total += statistic(self._make(slice(start, start + self._size)))
        return total

    def moments(self, wanted: Sequence[Moment]) -> Tensor:
        """Return the sums over samples of g, g^2, |g| or g |g|, (moments, *shape)."""

        def sums(gradients: Tensor) -> Tensor:
            laid_out = _LaidOut(gradients)
            g, last = laid_out.gradients, len(wanted) - 1  # the last may overwrite them, which is faster
            values = (_OF[moment](g, g if place == last else None) for place, moment in enumerate(wanted))
            return torch.stack([laid_out.total(value) for value in values])

        return self.summed(sums)

    def changes(self, weight: Tensor, increases: bool) -> Tensor:
        """Return the sum over samples of |c|, or of max(0, c) if only ``increases`` count, (*shape).

        c = -g W + (g W)^2 / 2 is the change, to second order, when the weight is removed.
        """

        def sums(gradients: Tensor) -> Tensor:
            laid_out = _LaidOut(gradients)
            removed = laid_out.gradients * -laid_out.like(weight)
            change = removed.mul_((removed / 2).add_(1))
            return laid_out.total(change.clamp_(min=0) if increases else change.abs_())

        return self.summed(sums)


class _LaidOut:
    """Gradients (k, *shape) with their dimensions in memory order. For a convolution, any other order is far slower."""

    def __init__(self, gradients: Tensor) -> None:
        order = sorted(range(gradients.ndim), key=gradients.stride, reverse=True)
        self.gradients, self._samples = gradients.permute(order), order.index(0)
        self._shape = [dim - 1 for dim in order if dim]
        self._back = sorted(range(len(self._shape)), key=self._shape.__getitem__)

    def like(self, weight: Tensor) -> Tensor:
        """Return ``weight`` (*shape) in the same order, to broadcast over samples."""
        return weight.permute(self._shape).contiguous().unsqueeze(self._samples)

    def total(self, values: Tensor) -> Tensor:
        """Return the sum over samples of values computed from the gradients, (*shape)."""
        return values.sum(self._samples).permute(self._back)


class OuterProducts(PerSample):
    """Gradients d_n a_n^T of inputs (n, i) and output gradients (n, o). Moments are computed without forming them."""

    def __init__(self, inputs: Tensor, outputs: Tensor) -> None:
        size = inputs.shape[1] * outputs.shape[1]
        super().__init__(lambda rows: outputs[rows, :, None] * inputs[rows, None, :], len(inputs), size)
        self._inputs, self._outputs = inputs, outputs

    def moments(self, wanted: Sequence[Moment]) -> Tensor:
        moments = self._inputs.new_empty(len(wanted), self._outputs.shape[1], self._inputs.shape[1])
        for moment, sums in zip(wanted, moments, strict=True):
            torch.mm(_OF[moment](self._outputs, None).T, _OF[moment](self._inputs, None), out=sums)
        return moments

    def changes(self, weight: Tensor, increases: bool) -> Tensor:
        """Compute the sum from moments where all |g W| < 2: larger ones are rare, as they change the entropy by more.

        With p = -g W, c = p + p^2 / 2 has the sign of p where p > -2. Then |c| = |p| + p |p| / 2, and both sums follow
        from moments.
        """
        size = weight.abs()
        largest = self._outputs.abs().amax(0)[:, None] * self._inputs.abs().amax(0) * size
        if not bool((largest < 2).all()):
            return super().changes(weight, increases)
        if not increases:
            absolute, signed = self.moments(["absolute", "signed"])
            total: Tensor = size * absolute - weight * size * signed / 2
            return total
        mean, square, absolute, signed = self.moments(["mean", "square", "absolute", "signed"])
        total = (size * absolute - weight * mean) / 2 + (weight.square() * square - weight * size * signed) / 4
        return total.clamp_(min=0)


def made(gradients: Tensor) -> PerSample:
    """Return `PerSample` of gradients that are already computed, (n, *shape)."""
    return PerSample(lambda rows: gradients[rows].clone(), len(gradients), gradients[0].numel())


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
