"""Residual networks: what they start as, the sizes they make, and how they are used by the GAN and the VAE."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gencl.core.errors import UsageError
from gencl.core.randomness import RandomSource
from gencl.learners.networks.residual import SIDES, Block, ResidualDecoder, ResidualEncoder, halvings, residual_base
from gencl.presets import resolve
from tests.conftest import grown

pytestmark = pytest.mark.numeric


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("channels", [1, 3])
def test_they_make_every_size_that_they_name(side: int, channels: int) -> None:
    shape = (channels, side, side)
    base = residual_base(4, 8, shape)
    decoder, encoder = ResidualDecoder(4, 8, shape, 1), ResidualEncoder(4, 8, shape, 1)
    with torch.no_grad():
        assert decoder(torch.randn(2, *base)).shape == (2, *shape)
        assert encoder(torch.rand(2, *shape)).shape == (2, *base) == (2, *encoder.base)


@pytest.mark.parametrize("shape", [(1, 4, 4), (1, 18, 18), (3, 256, 256), (2, 32, 32), (3, 32, 64)])
def test_other_sizes_are_refused_in_a_line_that_names_those_it_can(shape: tuple[int, int, int]) -> None:
    with pytest.raises(UsageError, match=r"8, 10, 12, .*, 128 pixels.*data\.size=\d+") as refusal:
        halvings(shape)
    assert "\n" not in str(refusal.value)


def test_a_block_starts_as_the_identity() -> None:
    block, units = Block(8, norm=True), torch.randn(3, 8, 5, 5)
    assert torch.equal(block(units), units)
    scale, shift = torch.randn(3, 8), torch.randn(3, 8)
    assert torch.equal(block(units, (scale, shift)), units)


def test_a_modulation_scales_and_shifts_each_samples_channels() -> None:
    torch.manual_seed(0)
    block, units = Block(8, norm=True).double(), torch.randn(2, 8, 5, 5, dtype=torch.double)
    nn.init.normal_(block.conv2.weight)
    scale, shift = torch.randn(2, 8, dtype=torch.double), torch.randn(2, 8, dtype=torch.double)
    both = block(units, (scale, shift))
    assert isinstance(block.norm2, nn.GroupNorm)
    for i in range(2):
        alone = Block(8, norm=True).double()
        alone.load_state_dict(block.state_dict())
        assert isinstance(alone.norm2, nn.GroupNorm)
        alone.norm2.weight.data, alone.norm2.bias.data = scale[i], shift[i]
        torch.testing.assert_close(both[i : i + 1], alone(units[i : i + 1]))


def test_upsampling_leaves_no_checkerboard() -> None:
    """Even units make an even image, but for its border; a transposed convolution makes a pattern of them."""
    torch.manual_seed(0)
    decoder = ResidualDecoder(4, 8, (1, 32, 32), 1)
    inside = decoder(torch.ones(1, *residual_base(4, 8, (1, 32, 32))))[0, 0, 4:-4, 4:-4]
    torch.testing.assert_close(inside, inside[:1, :1].expand_as(inside), atol=1e-5, rtol=0)


@pytest.mark.parametrize("modulation", ["none", "class"])
def test_the_generators_parameters_are_shared_or_one_classs_own(modulation: str) -> None:
    sets = ["model.network=residual", f"model.modulation={modulation}", "model.width=4", "model.widest=8"]
    learner, _ = grown(resolve("digits-cgan", assignments=sets), 3)
    everything = [*learner.shared(), *(name for task in range(3) for name in learner.own(task))]
    assert sorted(everything) == sorted(n for n, _ in learner.named_parameters() if n.startswith("generator."))
    scales = [name for name in learner.own(1) if "modulation" in name]
    assert len(scales) == (2 if modulation == "class" else 0)


def test_a_class_has_a_scale_and_a_shift_of_its_own() -> None:
    sets = ["model.network=residual", "model.modulation=class", "model.width=4", "model.widest=8"]
    learner, _ = grown(resolve("digits-cgan", assignments=sets), 2)
    for name, weight in learner.named_parameters():
        if "conv2.weight" in name:
            nn.init.normal_(weight)
    latents, classes = learner.latents(4, "test"), torch.tensor([0, 1, 0, 1])
    before = learner.generate(classes, latents)
    with torch.no_grad():
        learner.generator.modulation.tasks[1].shift.add_(1.0)
    after = learner.generate(classes, latents)
    same = (before == after).flatten(1).all(1).tolist()
    assert same == [True, False, True, False]


def test_a_residual_vae_reconstructs_and_draws() -> None:
    sets = ["model.network=residual", "model.likelihood=calibrated", "model.width=4", "model.widest=8"]
    learner, scenario = grown(resolve("digits-vae", assignments=sets), 2)
    learner.conclude(scenario.tasks[0])
    classes = torch.zeros(4, dtype=torch.long)
    images = scenario.tasks[0].train.take(torch.arange(4)).float() / 255
    assert learner.reconstruct(images, classes).shape == images.shape
    assert learner.generate(classes, learner.generator.draw_latents(4, RandomSource(0))).shape == images.shape


@pytest.mark.parametrize("network", ["plain", "residual"])
def test_several_seeds_can_be_trained_as_one(network: str) -> None:
    """Bilinear upsampling goes through vmap."""
    sets = [f"model.network={network}", "model.upsampling=bilinear", "model.width=4"]
    learners = [grown(resolve("digits-cgan", seed=seed, assignments=sets), 1)[0].generator for seed in (0, 1)]
    parameters, buffers = torch.func.stack_module_state(learners)
    latents, classes = learners[0].draw_latents(3, RandomSource(0)), torch.zeros(3, dtype=torch.long)

    def images(own: dict[str, torch.Tensor], fixed: dict[str, torch.Tensor]) -> torch.Tensor:
        return torch.func.functional_call(learners[0], (own, fixed), (latents, classes))

    together = torch.vmap(images)(parameters, buffers)
    for one, learner in zip(together, learners, strict=True):
        assert torch.allclose(one, learner(latents, classes), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("preset", "network", "setting", "said"),
    [
        ("digits-cgan", "plain", "modulation=class", "model: modulation: class is read only where network is residual"),
        ("digits-cgan", "plain", "depth=3", "model: depth: 3 is read only where network is residual"),
        ("digits-cgan", "residual", "norm=batch", "model: norm: batch is read only where network is plain"),
        ("digits-vae", "residual", "sigma=1", "model: sigma: 1.0 is read only where likelihood is gaussian"),
        ("digits-vae", "plain", "widest=8", "model: widest: 8 is read only where network is residual"),
    ],
)
def test_a_setting_of_the_other_network_is_refused(preset: str, network: str, setting: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        resolve(preset, assignments=[f"model.network={network}", f"model.{setting}"])
