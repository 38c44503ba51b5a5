"""The importance engine against the plain definition, one sample at a time, in float64."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import gencl
from gencl.core.randomness import RandomSource
from gencl.learners.learner import Learner, Phase
from gencl.methods import importance, per_sample
from gencl.methods.importance import average, moments
from gencl.methods.per_sample import PerSample
from gencl.scenarios.batch import Batch
from gencl.scenarios.task import Task
from tests.conftest import grown, tiny
from tests.numbers import assert_near

pytestmark = pytest.mark.numeric


class Net(Learner):
    """Any module with the entropy of its softmax as the scalar."""

    kind = "classify"

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def phases(self, tasks: Sequence[int]) -> list[Phase]:
        raise AssertionError

    def shared(self) -> dict[str, nn.Parameter]:
        return dict(self.named_parameters())

    def own(self, task: int) -> dict[str, nn.Parameter]:
        return {}

    def probe(self, task: Task, n: int | None, random: RandomSource) -> Batch:
        raise AssertionError

    def scalars(self, kind: str, batch: Batch, random: RandomSource) -> Tensor:
        log_q = F.log_softmax(self.module(batch.inputs).flatten(1), dim=1)
        return -(log_q.exp() * log_q).sum(1)


class Twice(nn.Module):
    """One layer used twice: no closed form."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 6)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(torch.tanh(self.layer(x)))


ALL = ("mean", "square", "absolute")
NETWORKS = {
    "linear": (nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 4, bias=False)), (6,)),
    "linear over positions": (nn.Sequential(nn.Linear(6, 5), nn.Tanh()), (7, 6)),
    "convolution": (nn.Sequential(nn.Conv2d(2, 3, 3, 2, 1), nn.Tanh(), nn.Conv2d(3, 4, 2, dilation=2)), (2, 9, 9)),
    "convolution, few outputs": (nn.Sequential(nn.Conv2d(4, 3, (3, 2), padding=(1, 0)), nn.Conv2d(3, 1, 3)), (4, 6, 7)),
    "convolution, much padding": (nn.Conv2d(4, 2, 1, padding=1), (4, 5, 5)),
    "grouped convolution": (nn.Conv2d(4, 4, 3, groups=2), (4, 5, 5)),
    "transposed": (nn.Sequential(nn.ConvTranspose2d(3, 2, 4, 2, 1), nn.Tanh(), nn.ConvTranspose2d(2, 1, 3)), (3, 4, 4)),
    "transposed, output padding": (nn.ConvTranspose2d(3, 2, 3, 2, 1, output_padding=1), (3, 4, 4)),
    "group norm": (nn.Sequential(nn.GroupNorm(2, 4), nn.Conv2d(4, 2, 1)), (4, 3, 3)),
    "layer norm": (nn.Sequential(nn.Linear(6, 5), nn.LayerNorm(5)), (6,)),
    "used twice": (Twice(), (6,)),
}


def one_by_one(learner: Learner, kind: str, batch: Batch, names: list[str]) -> dict[str, Tensor]:
    """Each sample's gradient by a backward pass of its own: (n, *shape)."""
    shared = learner.shared()
    rows = []
    for i in range(len(batch)):
        scalar = learner.scalars(kind, batch.rows(slice(i, i + 1)), RandomSource(0)).sum()  # type: ignore[arg-type]
        rows.append(torch.autograd.grad(scalar, [shared[name] for name in names]))
    return {name: torch.stack([row[k] for row in rows]) for k, name in enumerate(names)}


def assert_moments(measured: list[dict[str, Tensor]], kinds: Sequence[str], gradients: dict[str, Tensor]) -> None:
    """Moments of these kinds are those of the samples' gradients: (n, *shape)."""
    of = {"mean": lambda g: g, "square": Tensor.square, "absolute": Tensor.abs}
    for moment, kind in zip(measured, kinds, strict=True):
        assert_near(moment, {name: of[kind](values).mean(0) for name, values in gradients.items()})


@pytest.mark.parametrize("name", NETWORKS)
def test_moments_agree_with_single_samples(name: str) -> None:
    torch.manual_seed(0)
    module, shape = NETWORKS[name]
    learner = Net(module).double()
    batch = Batch(torch.randn(11, *shape, dtype=torch.float64), torch.zeros(11, dtype=torch.long))
    measured = moments(learner, "entropy", batch, learner.shared(), ALL)
    assert_moments(measured, ALL, one_by_one(learner, "entropy", batch, list(learner.shared())))


@pytest.mark.parametrize("kind", ["entropy", "likelihood", "sensitivity"])
@pytest.mark.parametrize("network", ["plain", "residual"])
@pytest.mark.parametrize("preset", ["digits-cgan", "digits-vae", "digits-flow", "digits-mlp"])
def test_moments_of_our_learners(preset: str, network: str, kind: str) -> None:
    kind_of = {"digits-flow": f"model.attention={'none' if network == 'plain' else 'inner'}", "digits-mlp": "seed=0"}
    width = [] if preset == "digits-mlp" else ["model.width=4"]
    sets = [*tiny(preset), *width, kind_of.get(preset, f"model.network={network}")]
    sets += ["model.upsampling=bilinear"] if preset == "digits-cgan" and network == "plain" else []
    learner, scenario = grown(gencl.resolve(preset, assignments=sets), tasks=2)
    for name, parameter in learner.named_parameters():
        if any(part in name for part in ("conv2", "to_images", ".out.")):  # at zero at first, no gradient passes them
            torch.nn.init.normal_(parameter, std=0.1)
    batch = learner.probe(scenario.tasks[0], 9, RandomSource(0)).rows(slice(None))
    learner.double()
    batch = Batch.of({k: v.double() if v.is_floating_point() else v for k, v in batch.tensors().items()})
    measured = moments(learner, kind, batch, learner.shared(), ["absolute", "square"])
    assert_moments(measured, ["absolute", "square"], one_by_one(learner, kind, batch, list(learner.shared())))


def test_any_statistic_of_the_gradients() -> None:
    torch.manual_seed(0)
    learner = Net(NETWORKS["linear"][0]).double()
    batch = Batch(torch.randn(8, 6, dtype=torch.float64), torch.zeros(8, dtype=torch.long))

    def cubes(name: str, samples: PerSample) -> Tensor:
        return samples.summed(lambda gradients: gradients.pow(3).sum(0))

    measured = average(learner, "entropy", batch, learner.shared(), cubes)
    gradients = one_by_one(learner, "entropy", batch, list(learner.shared()))
    assert_near(measured, {name: values.pow(3).mean(0) for name, values in gradients.items()})


def test_independent_of_the_batch_size() -> None:
    torch.manual_seed(0)
    learner = Net(NETWORKS["convolution"][0]).double()
    batch = Batch(torch.randn(12, 2, 9, 9, dtype=torch.float64), torch.zeros(12, dtype=torch.long))

    def absolute(rows: slice) -> dict[str, Tensor]:
        return moments(learner, "entropy", batch.rows(rows), learner.shared(), ["absolute"])[0]

    first, second = absolute(slice(0, 6)), absolute(slice(6, 12))
    assert_near({key: (first[key] + second[key]) / 2 for key in first}, absolute(slice(None)))


@pytest.mark.parametrize("name", NETWORKS)
def test_independent_of_how_many_samples_are_made_at_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    module, shape = NETWORKS[name]
    learner = Net(module).double()
    batch = Batch(torch.randn(5, *shape, dtype=torch.float64), torch.zeros(5, dtype=torch.long))
    wanted = moments(learner, "entropy", batch, learner.shared(), ALL)
    monkeypatch.setattr(per_sample, "BUDGET", 1)
    monkeypatch.setattr(importance, "_CHUNK", (2, 2))
    for measured, exact in zip(moments(learner, "entropy", batch, learner.shared(), ALL), wanted, strict=True):
        assert_near(measured, exact)


def test_weights_multiply_the_scalars_of_samples() -> None:
    torch.manual_seed(0)
    learner = Net(NETWORKS["layer norm"][0]).double()  # in closed form and by vmap
    batch = Batch(torch.randn(8, 6, dtype=torch.float64), torch.zeros(8, dtype=torch.long))
    weights = torch.rand(8, dtype=torch.float64)
    measured = moments(learner, "entropy", batch, learner.shared(), ["square"], weights=weights)
    gradients = one_by_one(learner, "entropy", batch, list(learner.shared()))
    scaled = {name: values * weights.view(-1, *[1] * (values.ndim - 1)) for name, values in gradients.items()}
    assert_moments(measured, ["square"], scaled)


def test_nothing_is_disturbed() -> None:
    torch.manual_seed(0)
    learner = Net(nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5)))
    learner.train()
    next(learner.parameters()).requires_grad_(False)
    before = {name: value.clone() for name, value in learner.state_dict().items()}
    flags = [parameter.requires_grad for parameter in learner.parameters()]
    state = torch.get_rng_state()
    moments(
        learner,
        "entropy",
        Batch(torch.randn(5, 2, 6, 6, generator=torch.Generator()), torch.zeros(5)),
        learner.shared(),
        ALL,
    )
    assert all(torch.equal(before[name], value) for name, value in learner.state_dict().items())
    assert torch.equal(state, torch.get_rng_state())
    assert learner.training and all(module.training for module in learner.modules())
    assert [parameter.requires_grad for parameter in learner.parameters()] == flags
    assert all(parameter.grad is None for parameter in learner.parameters())


def test_one_sample_and_confident_predictions_are_finite() -> None:
    learner = Net(nn.Linear(3, 4))
    nn.init.constant_(learner.module.weight, 1e4)
    (measured,) = moments(
        learner, "entropy", Batch(torch.randn(1, 3) * 1e3, torch.zeros(1)), learner.shared(), ["absolute"]
    )
    assert all(value.isfinite().all() for value in measured.values())
