"""The conditional GAN's parts: shared, own, and what adapters add."""

from __future__ import annotations

import pytest
import torch

from gencl.models.class_layers import CLASS_LAYERS
from gencl.presets import resolve
from tests.conftest import grown


@pytest.mark.parametrize("class_layer", list(CLASS_LAYERS))
@pytest.mark.parametrize("adapter", [0, 3])
def test_every_parameter_of_the_generator_is_shared_or_one_tasks_own(class_layer: str, adapter: int) -> None:
    learner, _ = grown(
        resolve("digits-cgan", assignments=[f"model.class_layer={class_layer}", f"model.adapter={adapter}"]), 3
    )
    shared = learner.shared()
    own = [learner.own(task) for task in range(3)]
    everything = [*shared, *(name for part in own for name in part)]
    assert sorted(everything) == sorted(n for n, _ in learner.named_parameters() if n.startswith("generator."))
    assert len(set(everything)) == len(everything)
    assert all(f".tasks.{task}." in name for task, part in enumerate(own) for name in part)


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
