"""Importance on the classifiers' networks: closed forms against `torch.func`, and nothing disturbed, in float64."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock

from gencl.core.randomness import RandomSource
from gencl.learners.classifier import Classifier
from gencl.learners.convolutional import batch_norm
from gencl.learners.learner import Learner
from gencl.methods import importance
from gencl.methods.importance import moments
from gencl.runs.build import make_learner
from gencl.scenarios.batch import Batch
from tests.numbers import assert_near

pytestmark = pytest.mark.numeric

SMALL: dict[str, dict[str, object]] = {
    "vgg9": {"width": 0.05},
    "cnn-narrow": {"width": 0.1},
    "cnn-wide": {"width": 0.01},
}


def residual(heads: str) -> Classifier:
    """A chain of residual blocks, with torchvision's additions and activations in place."""

    def norm(channels: int) -> nn.Module:
        return batch_norm(channels, heads)

    blocks = [
        nn.Conv2d(1, 4, 3, 2, 1, bias=False),
        norm(4),
        nn.ReLU(inplace=True),
        BasicBlock(4, 4, norm_layer=norm),
        BasicBlock(4, 6, 2, nn.Sequential(nn.Conv2d(4, 6, 1, 2, bias=False), norm(6)), norm_layer=norm),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    ]
    return Classifier(nn.Sequential(*blocks), 6, heads)


def trained(name: str, heads: str) -> tuple[Learner, Batch]:
    """A small network of two tasks in float64 whose statistics have moved, and samples of the second task."""
    torch.manual_seed(0)
    if name == "residual":
        learner: Learner = residual(heads)
    else:
        learner = make_learner({"name": name, "heads": heads, **SMALL.get(name, {})}, (1, 16, 16), 0, "cpu")
    learner.grow([0, 1], 0)
    learner.grow([2, 3], 1)
    learner.double().train()
    for classes in ([0, 1], [2, 3]):
        batch = Batch(torch.rand(6, 1, 16, 16, dtype=torch.float64), torch.tensor(classes * 3))
        learner.phases([0, 1])[0].loss(batch, 0, RandomSource(0))
    return learner, Batch(torch.rand(4, 1, 16, 16, dtype=torch.float64), torch.tensor([2, 3, 3, 2]), tasks=(1,))


@pytest.mark.parametrize("heads", ["task", "domain"])
@pytest.mark.parametrize("name", ["lenet", "vgg9", "cnn-narrow", "cnn-wide", "residual"])
def test_closed_forms_agree_with_functional_gradients(name: str, heads: str, monkeypatch: pytest.MonkeyPatch) -> None:
    learner, batch = trained(name, heads)
    shared = learner.shared()
    if name == "lenet":  # small enough to materialise
        shared = {key: parameter for key, parameter in shared.items() if parameter.numel() < 100_000}

    def all_three() -> list[dict[str, Tensor]]:
        return moments(learner, "entropy", batch, shared, ["mean", "square", "absolute"])

    with monkeypatch.context() as without:
        without.setattr(importance, "CLOSED_FORMS", {})
        exact = all_three()
    monkeypatch.setattr(importance, "_functional", None)  # every layer has a closed form
    for measured, wanted in zip(all_three(), exact, strict=True):
        assert_near(measured, wanted)


@pytest.mark.parametrize("name", ["vgg9", "cnn-narrow", "residual"])
def test_nothing_is_disturbed(name: str) -> None:
    learner, batch = trained(name, "task")
    learner.trunk.eval()  # modes may differ among modules
    before = {key: value.clone() for key, value in learner.state_dict().items()}
    modes, state = [module.training for module in learner.modules()], torch.get_rng_state()
    moments(learner, "entropy", batch, learner.shared(), ["absolute"])
    assert all(torch.equal(before[key], value) for key, value in learner.state_dict().items())
    assert torch.equal(state, torch.get_rng_state())
    assert [module.training for module in learner.modules()] == modes
    assert all(parameter.grad is None and parameter.requires_grad for parameter in learner.parameters())
    deepcopy(learner)  # no tensor of the pass stays behind


class Reused(nn.Module):
    """A convolution used twice, between others."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.twice, self.norm = nn.Conv2d(1, 3, 3, 2), nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3)

    def forward(self, images: Tensor) -> Tensor:
        return self.twice(self.norm(self.twice(self.first(images)).tanh())).mean((2, 3))


def test_a_module_used_twice_has_the_sum_of_both_terms() -> None:
    torch.manual_seed(0)
    learner = Classifier(Reused(), 3, "task")
    learner.grow([0, 1], 0)
    learner.double().eval()
    batch = Batch(torch.rand(5, 1, 9, 9, dtype=torch.float64), torch.tensor([0, 1, 1, 0, 1]), tasks=(0,))
    (measured,) = moments(learner, "likelihood", batch, learner.shared(), ["square"])
    for key, parameter in learner.shared().items():
        each = [
            torch.autograd.grad(
                learner.scalars("likelihood", batch.rows(slice(i, i + 1)), RandomSource(0)).sum(), parameter
            )[0]
            for i in range(5)
        ]
        assert torch.allclose(measured[key], torch.stack(each).square().mean(0), rtol=1e-9)


def test_weights_that_a_task_does_not_see_have_no_importance() -> None:
    learner, _ = trained("mlp", "task")
    assert isinstance(learner, Classifier)
    batch = Batch(torch.rand(8, 1, 16, 16, dtype=torch.float64), torch.tensor([0, 1] * 4), tasks=(0,))
    name = next(name for name, p in learner.trunk.named_parameters() if p.ndim == 2)
    owner = torch.randint(1, 3, learner.trunk.get_parameter(name).shape, dtype=torch.int32)
    learner.ownership.store(name, owner)
    (measured,) = moments(learner, "entropy", batch, learner.shared(), ["absolute"])
    assert bool((measured[f"trunk.{name}"][owner == 2] == 0).all())
    assert float(measured[f"trunk.{name}"][owner == 1].mean()) > 0
