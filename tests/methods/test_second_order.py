"""The change of a scalar when a weight is removed, to second order, summed over samples, in float64."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from gencl.methods.closed_forms import CLOSED_FORMS
from gencl.methods.per_sample import OuterProducts, made
from tests.numbers import assert_near

pytestmark = pytest.mark.numeric


def wanted(gradients: Tensor, weight: Tensor, increases: bool) -> Tensor:
    removed = -gradients * weight
    change = removed + removed.square() / 2
    return (change.clamp(min=0) if increases else change.abs()).sum(0)


@pytest.mark.parametrize("increases", [False, True])
@pytest.mark.parametrize("size", [0.1, 3.0])  # the larger one has changes below -2, which turn round
def test_fully_connected(size: float, increases: bool) -> None:
    inputs, outputs = (torch.randn(40, n, dtype=torch.float64) for n in (7, 5))
    weight = size * torch.randn(5, 7, dtype=torch.float64)
    gradients = outputs[:, :, None] * inputs[:, None, :]
    assert bool((-gradients * weight < -2).any()) == (size > 1)
    exact = wanted(gradients, weight, increases)
    assert_near({"w": OuterProducts(inputs, outputs).changes(weight, increases)}, {"w": exact})
    assert_near({"w": made(gradients).changes(weight, increases)}, {"w": exact})


@pytest.mark.parametrize("increases", [False, True])
@pytest.mark.parametrize("kind", [nn.Conv2d, nn.ConvTranspose2d])
def test_convolutions(kind: type[nn.Conv2d | nn.ConvTranspose2d], increases: bool) -> None:
    layer = kind(3, 4, 3, 2, 1).double()
    images = torch.randn(6, 3, 9, 9, dtype=torch.float64)
    delta = torch.randn(layer(images).shape, dtype=torch.float64)
    for name, samples in CLOSED_FORMS[kind](layer, images, delta).items():
        parameter = layer.get_parameter(name)
        each = [
            torch.autograd.grad((layer(images[i : i + 1]) * delta[i : i + 1]).sum(), parameter)[0] for i in range(6)
        ]
        weight = parameter.detach()
        assert_near({name: samples.changes(weight, increases)}, {name: wanted(torch.stack(each), weight, increases)})
