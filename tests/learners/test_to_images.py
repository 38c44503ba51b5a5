"""A generator's last layer is a transposed convolution, only quicker."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gencl.learners.networks.to_images import ToImages

pytestmark = pytest.mark.numeric


@pytest.mark.parametrize(("kernel", "stride", "padding"), [(4, 2, 1), (8, 4, 2)])
@pytest.mark.parametrize("channels", [1, 3])
def test_it_is_a_transposed_convolution(channels: int, kernel: int, stride: int, padding: int) -> None:
    torch.manual_seed(0)
    ours = ToImages(6, channels, kernel, stride, padding).double()
    theirs = nn.ConvTranspose2d(6, channels, kernel, stride, padding).double()
    theirs.load_state_dict(ours.state_dict())
    units = torch.randn(5, 6, 7, 7, dtype=torch.double, requires_grad=True)
    weights = torch.randn(5, channels, 7 * stride, 7 * stride, dtype=torch.double)
    images, gradients = [], []
    for layer in (ours, theirs):
        images.append(layer(units))
        gradients.append(torch.autograd.grad((images[-1] * weights).sum(), [units, layer.weight, layer.bias]))
    torch.testing.assert_close(images[0], images[1])
    torch.testing.assert_close(gradients[0], gradients[1])
