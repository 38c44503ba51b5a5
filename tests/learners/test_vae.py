"""The multi-latent VAE: its bound, its scalars, whose layers are whose, and where its samples are drawn from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.distributions import Bernoulli, Independent, MultivariateNormal, Normal, kl_divergence

import gencl
from gencl.core.errors import UsageError
from gencl.core.randomness import RandomSource
from gencl.datasets.dataset import Split
from gencl.learners.vae import VAE
from gencl.runs.build import make_learner, make_scenario
from gencl.scenarios.batch import Batch
from tests.conftest import grown, tiny
from tests.learners.small_vae import vae

pytestmark = pytest.mark.numeric

TWO_CLASSES = "scenario.classes_per_task=2"


def digits(*sets: str, tasks: int = 2) -> tuple[VAE, gencl.Scenario]:
    learner, scenario = grown(gencl.resolve("digits-vae", assignments=[*tiny("digits-vae"), *sets]), tasks)
    assert isinstance(learner, VAE)
    return learner, scenario


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (1, 48, 48), (3, 64, 64), (3, 96, 96)])
def test_shapes(shape: tuple[int, int, int]) -> None:
    learner = vae(shape, ((4, 7), (1,)))
    images, classes = torch.rand(5, *shape), torch.tensor([7, 4, 1, 1, 7])
    latents = learner.encode(images, classes)
    drawn = learner.generate(classes, learner.latents(5, 0))
    assert latents.shape == (5, 3) and drawn.shape == images.shape
    assert drawn.min() >= 0 and drawn.max() <= 1
    assert learner.reconstruct(images, classes).shape == images.shape


@pytest.mark.parametrize("shape", [(1, 30, 30), (3, 60, 60), (1, 28, 32), (2, 28, 28)])
def test_shapes_that_do_not_fit_are_named(shape: tuple[int, int, int]) -> None:
    with pytest.raises(UsageError, match="square images whose side is a multiple of"):
        vae(shape)


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_the_bound_is_as_defined(likelihood: str) -> None:
    learner = vae(likelihood=likelihood, beta=2.5, **({"sigma": 0.3} if likelihood == "gaussian" else {}))
    batch = Batch(
        torch.rand(4, 1, 28, 28).round(), torch.zeros(4, dtype=torch.long), extra={"latents": torch.randn(4, 3)}
    )
    mean, log_variance = learner.generator.encoder(batch.inputs, 0)
    posterior = Independent(Normal(mean, (log_variance / 2).exp()), 1)
    logits = learner.generator.decoder(mean + batch.extra["latents"] * (log_variance / 2).exp(), 0)
    pixels = Bernoulli(logits=logits) if likelihood == "bernoulli" else Normal(torch.sigmoid(logits), 0.3)
    prior = Independent(Normal(torch.zeros(4, 3), torch.ones(4, 3)), 1)
    elbo = pixels.log_prob(batch.inputs).sum((1, 2, 3)) - 2.5 * kl_divergence(posterior, prior)
    assert learner.scalars("likelihood", batch, RandomSource(0)).allclose(elbo, rtol=1e-4)
    entropy = Bernoulli(logits=logits).entropy().sum((1, 2, 3)) + posterior.entropy()
    assert learner.scalars("entropy", batch, RandomSource(0)).allclose(entropy, rtol=1e-4)
    assert learner.scalars("sensitivity", batch, RandomSource(0)).allclose(
        torch.sigmoid(logits).square().sum((1, 2, 3))
    )
    same = RandomSource(3)
    loss = learner.loss(learner.drawn(batch, RandomSource(3)), 0, RandomSource(3))
    again = batch.having(latents=learner.generator.draw_latents(4, same))
    assert loss.allclose(-learner.scalars("likelihood", again, RandomSource(0)).mean(), rtol=1e-4)


@pytest.mark.parametrize("kind", ["entropy", "likelihood", "sensitivity"])
def test_tasks_of_one_batch_do_not_mix(kind: str) -> None:
    learner = vae(classes=((0, 1), (2,), (3,)))
    batch = Batch(torch.rand(6, 1, 28, 28), torch.tensor([3, 0, 2, 1, 3, 2]), extra={"latents": torch.randn(6, 3)})
    together = learner.scalars(kind, batch, RandomSource(0))  # type: ignore[arg-type]
    for i in range(6):
        row = batch.rows(slice(i, i + 1))
        other = replace(row, tasks=(max(0, int(row.classes) - 1),))
        assert learner.scalars(kind, other, RandomSource(0)).allclose(together[i], rtol=1e-4)  # type: ignore[arg-type]


def test_shared_and_own_make_up_all_parameters() -> None:
    learner = vae(classes=((0,), (1, 2)))
    parts = [learner.shared(), learner.own(0), learner.own(1)]
    names = [name for part in parts for name in part]
    assert sorted(names) == sorted(name for name, _ in learner.named_parameters())
    assert len(parts[1]) == len(parts[2]) == 4  # weight and bias on both sides


def test_own_layers_of_other_tasks_get_no_gradient() -> None:
    learner = vae(classes=((0,), (1,)))
    batch = Batch(torch.rand(3, 1, 28, 28), torch.tensor([1, 1, 1]), tasks=(1,))
    learner.loss(learner.drawn(batch, RandomSource(0)), 0, RandomSource(0)).backward()
    assert all(parameter.grad is None for parameter in learner.own(0).values())
    assert all(parameter.grad is not None for parameter in [*learner.own(1).values(), *learner.shared().values()])
    (phase,) = learner.phases([1])
    assert {id(p) for p in phase.parameters} == {id(p) for p in [*learner.shared().values(), *learner.own(1).values()]}


def test_a_class_is_drawn_from_its_aggregated_posterior() -> None:
    """The fitted Gaussian against means and covariances of very many draws from the posteriors."""
    learner, scenario = digits(TWO_CLASSES)
    learner.conclude(scenario.tasks[0])
    for position in range(2):
        images = scenario.tasks[0].train.select(scenario.tasks[0].train.labels == position).images.float() / 255
        mean, log_variance = learner.generator.encoder(images, 0)
        drawn = torch.cat([mean + torch.randn_like(mean) * (log_variance / 2).exp() for _ in range(400)])
        factor = learner.generator.factor[position]
        assert learner.generator.mean[position].allclose(mean.mean(0), atol=1e-5)
        assert (factor @ factor.T).allclose(drawn.T.cov(), atol=0.06)
        assert factor.triu(1).abs().max() == 0
    assert learner.generator.mean[2:].abs().max() == 0 and learner.generator.factor[3].equal(torch.eye(16))


def test_what_is_drawn_follows_the_class_not_the_prior() -> None:
    learner, _ = digits(TWO_CLASSES)
    latents, classes = learner.latents(50, 0), torch.zeros(50, dtype=torch.long)
    prior = learner.generate(classes, latents)
    assert prior.allclose(learner.generate(classes + 1, latents))  # one task: nothing tells its classes apart yet
    learner.generator.fit(0, 5 + torch.randn(40, 16) / 10, torch.full((40, 16), -4.0))
    assert not learner.generate(classes, latents).allclose(prior, atol=1e-3)
    assert not learner.generate(classes, latents).allclose(learner.generate(classes + 1, latents), atol=1e-3)
    assert learner.generate(classes + 1, latents).allclose(prior)


def test_encoding_leads_back_through_the_posterior_mean() -> None:
    learner, scenario = digits(TWO_CLASSES)
    task = scenario.tasks[0]
    learner.conclude(task)
    images, labels = task.test.images[:7].float() / 255, task.test.labels[:7]
    mean, _ = learner.generator.encoder(images, 0)
    decoded = torch.sigmoid(learner.generator.decoder(mean, 0))
    assert learner.reconstruct(images, labels).allclose(decoded, atol=1e-5)


def test_a_class_without_images_keeps_the_prior() -> None:
    learner, scenario = digits(TWO_CLASSES)
    task = scenario.tasks[0]
    one_class = task.train.select(task.train.labels == 1)
    object.__setattr__(task, "train", one_class)
    learner.conclude(task)
    assert learner.generator.factor[0].equal(torch.eye(16)) and not learner.generator.factor[1].equal(torch.eye(16))


def test_the_variance_of_a_group_is_that_of_all_visits_of_its_classes() -> None:
    """Classes 0 and 1 are learned together; then class 1 returns with other images."""
    learner, scenario = digits(TWO_CLASSES, "model.likelihood=calibrated", tasks=1)
    task = scenario.tasks[0]
    learner.conclude(task)
    first = learner.variances[0].clone()
    learner.grow((1,), 1)
    flat = Split(torch.full((10, *task.train.shape), 128, dtype=torch.uint8), torch.ones(10, dtype=torch.long))
    learner.conclude(replace(task, index=1, classes=(1,), train=flat))
    decoded = torch.sigmoid(learner.generator.decoder(learner.generator.encoder(flat.images / 255, 0)[0], 0))
    measured = (decoded - 128 / 255).square().mean()
    assert learner.variances[0].item() == pytest.approx((0.75 * first + 0.25 * measured).item(), rel=1e-4)


def test_a_trained_learner_is_built_again_from_its_tensors() -> None:
    learner, scenario = digits()
    learner.conclude(scenario.tasks[1])
    other, _ = digits("seed=5")
    other.load_state_dict(learner.state_dict())
    classes, latents = torch.tensor([0, 1, 1]), learner.latents(3, 0)
    assert other.generate(classes, latents).equal(learner.generate(classes, latents))


def test_the_aggregated_gaussian_of_far_means_is_exact() -> None:
    generator = vae().generator
    means, log_variances = torch.tensor([[4.0, 0, 0], [2, 0, 0]]), torch.zeros(2, 3)
    generator.fit(0, means, log_variances)
    wanted = MultivariateNormal(torch.tensor([3.0, 0, 0]), torch.diag(torch.tensor([2.0, 1, 1])))
    assert generator.mean[0].equal(wanted.mean)
    assert generator.factor[0].allclose(wanted.scale_tril)


@pytest.mark.data
def test_reconstruction_falls_on_fashion_mnist(data_root: Path, tmp_path: Path) -> None:
    sets = ["data.name=fashion-mnist", "data.limit=500", "scenario.tasks=1", "evaluate.features=none", "train.steps=60"]
    run = gencl.train("digits-vae", "sgd", 0, tmp_path / "run", set=sets, data_root=data_root, progress="silent")
    settings = run.settings
    task = make_scenario(settings, data_root).tasks[0]
    start = make_learner(settings.model, task.train.shape, 0, "cpu").generative()
    assert start is not None
    start.grow(task.classes, 0)
    images = task.test.images[:200].float() / 255
    untrained = (start.reconstruct(images, task.test.labels[:200]) - images).square().mean().detach()
    assert run.metrics["summary"]["reconstruction"] < 0.5 * float(untrained)
