"""The conditional GAN's parts: shared, own, and what adapters add."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import gencl
from gencl.core.errors import UsageError
from gencl.core.randomness import RandomSource
from gencl.learners.networks.class_layers import CLASS_LAYERS
from gencl.learners.networks.entropies import bernoulli_entropy
from gencl.learners.networks.plain import plain_base, plain_decoder, upsamplings
from gencl.presets import resolve
from gencl.scenarios.batch import Batch
from tests.conftest import grown, tiny

pytestmark = pytest.mark.numeric


@pytest.mark.parametrize("class_layer", list(CLASS_LAYERS))
@pytest.mark.parametrize("adapter", [0, 3])
def test_every_parameter_of_the_generator_is_shared_or_one_tasks_own(class_layer: str, adapter: int) -> None:
    learner, _ = grown(
        resolve("digits-cgan", assignments=[f"model.class_layer={class_layer}", f"model.adapter={adapter}"]), 3
    )
    shared = learner.shared()
    per_task = [learner.own(task) for task in range(3)]
    everything = [*shared, *(name for part in per_task for name in part)]
    assert sorted(everything) == sorted(n for n, _ in learner.named_parameters() if n.startswith("generator."))
    assert len(set(everything)) == len(everything)
    assert all(f".tasks.{task}." in name for task, part in enumerate(per_task) for name in part)


def test_an_adapter_adds_nothing_at_first_and_is_of_its_rank() -> None:
    plain, _ = grown(resolve("digits-cgan", assignments=["model.width=4"]), 2)
    adapted, _ = grown(resolve("digits-cgan", assignments=["model.width=4", "model.adapter=2"]), 2)
    latents, classes = torch.randn(5, 32), torch.tensor([0, 1, 0, 1, 1])
    adapted.load_state_dict({**adapted.state_dict(), **plain.state_dict()})
    assert torch.equal(plain.generate(classes, latents), adapted.generate(classes, latents))
    adapter = adapted.generator.adapter
    with torch.no_grad():
        for task in adapter.tasks:
            task.up.normal_()
    many = adapter(torch.randn(50, 32), torch.zeros(50, dtype=torch.long))
    assert torch.linalg.matrix_rank(many) == 2
    assert not torch.equal(plain.generate(classes, latents), adapted.generate(classes, latents))


def test_entropies_against_their_definitions() -> None:
    x = torch.linspace(-8, 8, 33, dtype=torch.float64)
    p = torch.sigmoid(x)
    assert torch.allclose(bernoulli_entropy(x), -(p * p.log() + (1 - p) * (1 - p).log()))
    entropies = {}
    for kind in ("pixels", "softmax", "discriminator"):
        learner, _ = grown(resolve("digits-cgan", assignments=["model.width=4", f"model.entropy={kind}"]))
        latents = learner.latents(3, "test")
        entropies[kind] = learner.scalars(
            "entropy",
            Batch(latents.new_zeros(3, 0), torch.zeros(3, dtype=torch.long), extra={"latents": latents}),
            RandomSource(0),
        )
    logits = learner.generator.logits(latents, torch.zeros(3, dtype=torch.long)).flatten(1)
    chances = logits.softmax(1)
    assert torch.allclose(entropies["softmax"], -(chances * chances.log()).sum(1), rtol=1e-4)
    assert torch.allclose(entropies["pixels"], bernoulli_entropy(logits).sum(1), rtol=1e-4)
    assert ((entropies["discriminator"] > 0) & (entropies["discriminator"] <= 0.6932)).all()


@pytest.mark.parametrize("norm", ["batch", "none"])
def test_other_normalisations_learn_and_are_drawn(norm: str, tmp_path: Path) -> None:
    short = [*tiny("digits-cgan"), "scenario.tasks=2", f"model.norm={norm}"]
    run = gencl.train("digits-cgan", "anpyc+align", out=tmp_path / "run", set=short, progress="silent")
    assert run.finished


@pytest.mark.parametrize("side", [28, 32, 64])
def test_bilinear_upsampling_makes_the_same_sizes_without_a_checkerboard(side: int) -> None:
    torch.manual_seed(0)
    channels, *base = plain_base(4, (3, side, side))
    decoder = plain_decoder(4, "none", "bilinear", (3, side, side))
    images = decoder(torch.ones(2, channels, *base))
    assert images.shape == (2, 3, side, side)
    inside = images[0, 0, side // 4 : -side // 4, side // 4 : -side // 4]
    torch.testing.assert_close(inside, inside[:1, :1].expand_as(inside), atol=1e-5, rtol=0)
    transposed = plain_decoder(4, "none", "transposed", (3, side, side))(torch.ones(2, channels, *base))[0, 0]
    assert transposed[side // 4 : -side // 4, side // 4 : -side // 4].std() > 1e-3


@pytest.mark.parametrize(("side", "instead"), [(5, 8), (30, 28), (51, 48), (100, 96)])
def test_a_size_that_a_gan_cannot_draw_is_refused_with_one_that_it_can(side: int, instead: int) -> None:
    with pytest.raises(UsageError, match=rf"such as --set data\.size={instead}$"):
        upsamplings((1, side, side))
    assert upsamplings((1, instead, instead)) >= 2
    with pytest.raises(UsageError, match=r"not \(7, 10, 10\)$"):  # another size would not help
        upsamplings((7, 10, 10))
