"""LeakyReLU in the VAE, and weights drawn for it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gencl.core.randomness import seeded
from tests.learners.small_vae import vae

pytestmark = pytest.mark.numeric


def sizes(network: nn.Sequential, inputs: torch.Tensor) -> list[float]:
    """Return the root mean square of the outputs of each layer with weights."""
    found = []
    for layer in network:
        inputs = layer(inputs)
        if any(True for _ in layer.parameters()):
            found.append(float(inputs.square().mean().sqrt()))
    return found


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 64, 64)])
def test_weights_drawn_for_leaky_relu_keep_the_size_of_units(shape: tuple[int, int, int]) -> None:
    for activation, least, most in (("leaky", 0.5, 2.0), ("relu", 0.0, 0.35)):
        learner = vae(shape, width=16, features=128, activation=activation)
        with seeded(0, "inputs"), torch.no_grad():
            encoder = sizes(learner.generator.encoder.trunk, torch.randn(16, *shape))
            decoder = sizes(learner.generator.decoder.trunk, torch.randn(16, 128))
        assert least < min(encoder[-1], decoder[-1]) < most, (activation, encoder, decoder)
        assert max(*encoder, *decoder) < 2, (activation, encoder, decoder)


@pytest.mark.parametrize("network", ["plain", "residual"])
def test_the_activation_is_the_setting_s(network: str) -> None:
    for activation, kind, other in (("leaky", nn.LeakyReLU, nn.ReLU), ("relu", nn.ReLU, nn.LeakyReLU)):
        learner = vae((1, 28, 28), network=network, width=8, activation=activation)
        assert any(isinstance(module, kind) for module in learner.modules())
        assert not any(isinstance(module, other) for module in learner.modules())
