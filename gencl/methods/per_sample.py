"""Sums over per-sample gradients, such as of their squares, for a few samples at a time, so that memory stays bounded.

Gradients d_n a_n^T of a linear layer need not even be formed: the moments of an outer product are matrix products, sum
|g| = |D|^T |A| and sum g^2 = (D^2)^T (A^2). `gencl.methods.closed_forms` has the gradients of each layer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor

BUDGET = 2**22
"""The elements held at once, of per-sample gradients or of what they are computed from. More would not fit the cache of
a processor and would be slower to read again."""

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
