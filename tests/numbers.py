"""Comparing numbers that different sums reach: what is zero in exact arithmetic is noise of any size near rounding."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor


def assert_near(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor], share: float = 1e-6) -> None:
    """Each float64 tensor within ``share`` of its own largest value, and 1e-12 of the largest value of them all.

    The second term is for tensors that are zero in exact arithmetic, such as the gradient of a convolution's bias
    before a normalisation. Their rounding noise grows with the gradients that cancel in them, and differs between
    processors.
    """
    assert found.keys() == wanted.keys()
    largest = max(float(value.abs().max()) for value in wanted.values())
    for name, value in wanted.items():
        assert found[name].shape == value.shape, name
        apart, own = float((found[name] - value).abs().max()), float(value.abs().max())
        assert apart <= share * own + 1e-12 * largest, f"{name}: {apart} apart, of {own}; of all {largest}"
