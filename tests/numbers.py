"""Comparing numbers that sums in another order reach: zero in exact arithmetic becomes rounding noise of any size."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

WITHOUT_EFFECT = "generator.trunk.2.bias"
"""The one bias of a small conditional GAN whose channels are then normalised one by one.

Its gradient is zero in exact arithmetic. Adam divides the noise by its own size, so that the bias moves by up to the
learning rate in each step, in a direction that differs between processors. No image depends on it.
"""


def assert_near(tensors: Mapping[str, Tensor], wanted: Mapping[str, Tensor], share: float = 1e-6) -> None:
    """Each float64 tensor within ``share`` of its own largest value, and 1e-12 of the largest value of them all.

    The second term is for tensors that are zero in exact arithmetic, such as the gradient of a convolution's bias
    before a normalisation. Their rounding noise grows with the gradients that cancel in them, and differs between
    processors.
    """
    assert tensors.keys() == wanted.keys()
    largest = max(float(value.abs().max()) for value in wanted.values())
    for name, value in wanted.items():
        assert tensors[name].shape == value.shape, name
        apart, size = float((tensors[name] - value).abs().max()), float(value.abs().max())
        assert apart <= share * size + 1e-12 * largest, f"{name}: {apart} apart, of {size}; of all {largest}"


def models(one: Path, two: Path) -> list[tuple[str, Tensor, Tensor]]:
    """The tensors of two runs' models in float64: name, first, second. `WITHOUT_EFFECT` is left out."""
    first, second = (load_file(path / "model.safetensors") for path in (one, two))
    assert first.keys() == second.keys()
    return [(k, v.double(), second[k].double()) for k, v in first.items() if not k.endswith(WITHOUT_EFFECT)]
