"""Seeds that change nothing but what they are for."""

from __future__ import annotations

import pytest
import torch

from gencl.core.randomness import seeded


def test_a_seeded_block_leaves_the_generators_of_gpus_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds: list[int] = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeds.append)
    before = torch.random.get_rng_state()
    with seeded("layer"):
        drawn = torch.rand(3)
    with seeded("layer"):
        assert torch.equal(torch.rand(3), drawn)
    assert not seeds and torch.equal(torch.random.get_rng_state(), before)
