"""Flow matching: its loss, its scalars, how it samples, and what belongs to whom."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gencl.core.errors import UsageError
from gencl.core.randomness import RandomSource
from gencl.learners.flow import FlowMatching
from gencl.learners.networks.flow import LATEST, FlowGenerator, FlowSettings
from gencl.learners.networks.unet import Attention, UNet, resolutions
from gencl.methods import importance
from gencl.presets import resolve
from gencl.scenarios.batch import Batch
from tests.conftest import grown, tiny

pytestmark = pytest.mark.numeric


def flow(*sets: str, tasks: int = 3) -> FlowMatching:
    """A flow that has grown for the first digits, with no layer at zero."""
    learner, _ = grown(resolve("digits-flow", assignments=[*tiny("digits-flow"), *sets]), tasks)
    assert isinstance(learner, FlowMatching)
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in learner.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return learner


def test_every_parameter_is_shared_or_one_tasks_own() -> None:
    learner = flow("model.attention=inner")
    own = [name for task in range(3) for name in learner.own(task)]
    assert sorted([*learner.shared(), *own]) == sorted(name for name, _ in learner.named_parameters())
    assert len(own) == 6 and all(f".tasks.{task}." in name for task in range(3) for name in learner.own(task))


def test_the_loss_is_that_of_a_straight_line() -> None:
    learner = flow()
    batch = learner.drawn(Batch(torch.rand(5, 1, 28, 28), torch.tensor([0, 1, 2, 1, 0])), RandomSource(0))
    noise, images, total = batch.extra["latents"].view(5, 1, 28, 28), 2 * batch.inputs - 1, 0.0
    embeddings = learner.generator.embeddings
    for i in range(5):
        t = batch.extra["times"][i]
        task = embeddings.tasks[int(batch.classes[i])]
        row = 1 if batch.extra["dropped"][i] else 0  # a class, then none of the task's
        embedding = torch.cat([task.gain[row], task.bias[row]])[None]
        v = learner.generator.velocity(((1 - t) * noise[i] + t * images[i])[None], t[None], embedding)[0]
        total += float((v - (images[i] - noise[i])).square().mean().detach())
    loss = learner.loss(batch, 0, RandomSource(0))
    assert loss.item() == pytest.approx(total / 5, rel=1e-4)


def test_classes_are_dropped_as_often_as_is_set_and_times_lie_where_they_should() -> None:
    learner = flow("model.drop=0.25", "model.time=-1")
    batch = learner.drawn(Batch(torch.zeros(4000, 1, 1, 1), torch.zeros(4000, dtype=torch.long)), RandomSource(0))
    assert float(batch.extra["dropped"].float().mean()) == pytest.approx(0.25, abs=0.03)
    assert float(batch.extra["times"].logit().mean()) == pytest.approx(-1, abs=0.08)


class Known(FlowGenerator):
    """Velocities that need no network: the last of a row, doubled for those of no class."""

    def velocity(self, images: Tensor, time: Tensor, embedding: Tensor) -> Tensor:
        return self.chosen(images, time, embedding)

    def chosen(self, images: Tensor, time: Tensor, embedding: Tensor) -> Tensor:
        return torch.ones_like(images) * embedding[:, -1, None, None, None]


class Growing(Known):
    """dx/dt = x."""

    def chosen(self, images: Tensor, time: Tensor, embedding: Tensor) -> Tensor:
        return images


def known(kind: type[Known], **settings: object) -> Known:
    small = {"width": 4, "embedding": 4, "predicts": "velocity"}
    generator = kind(FlowSettings.model_validate({**small, **settings}), (1, 8, 8))
    generator.grow(1, 0)
    return generator


@pytest.mark.parametrize(("solver", "factor"), [("euler", 1.1**10), ("heun", 1.105**10)])
def test_samples_are_the_end_of_the_path(solver: str, factor: float) -> None:
    generator, noise = known(Growing, solver=solver, steps=10), 0.1 * torch.randn(3, 64)
    images = generator(noise, torch.zeros(3, dtype=torch.long))
    assert torch.allclose(images, ((factor * noise.view(3, 1, 8, 8) + 1) / 2).clamp(0, 1), atol=1e-5)


class Foreseen(FlowGenerator):
    """Predicts the same image at all times."""

    def __init__(self, settings: FlowSettings, image_shape: tuple[int, int, int]) -> None:
        super().__init__(settings, image_shape)
        self.image = 2 * torch.rand(1, *image_shape) - 1
        self.trunk.forward = lambda images, modulation: self.image.expand_as(images)  # type: ignore[method-assign]


@pytest.mark.parametrize(("solver", "steps"), [("euler", 1), ("euler", 7), ("heun", 1), ("heun", 30)])
def test_a_predicted_image_is_where_the_path_ends(solver: str, steps: int) -> None:
    settings = FlowSettings.model_validate({"width": 4, "embedding": 4, "solver": solver, "steps": steps})
    generator = Foreseen(settings, (1, 8, 8))
    generator.grow(1, 0)
    images = generator(torch.randn(3, 64), torch.zeros(3, dtype=torch.long))
    assert torch.allclose(images, ((generator.image + 1) / 2).expand_as(images), atol=1e-4)


def test_the_velocity_of_a_predicted_image_leads_to_it() -> None:
    learner = flow(tasks=1)
    batch = learner.drawn(Batch(torch.rand(5, 1, 28, 28), torch.zeros(5, dtype=torch.long)), RandomSource(0))
    there, time = torch.randn(5, 1, 28, 28), batch.extra["times"]
    seen: list[Tensor] = []
    learner.generator.trunk.register_forward_hook(lambda _, __, output: seen.append(output))
    rows = learner.generator.embeddings(learner.generator.row[batch.classes])
    velocity = learner.generator.velocity(there, time, rows)
    assert torch.allclose(there + (1 - time)[:, None, None, None] * velocity, seen[0], atol=1e-5)


def test_images_are_not_predicted_at_the_very_end() -> None:
    late = flow("model.time=9", tasks=1)
    batch = late.drawn(Batch(torch.zeros(100, 1, 28, 28), torch.zeros(100, dtype=torch.long)), RandomSource(0))
    assert (batch.extra["times"] == LATEST).all()


@pytest.mark.parametrize("guidance", [0.0, 1.0, 2.0])
def test_guidance_goes_from_no_class_through_the_class_and_beyond(guidance: float) -> None:
    generator = known(Known, guidance=guidance)
    with torch.no_grad():
        generator.embeddings.tasks[0].bias[:, -1] = torch.tensor([0.3, 0.1])  # of the class, and of none
    images = generator(torch.zeros(1, 64), torch.zeros(1, dtype=torch.long))
    assert torch.allclose(images, torch.full_like(images, (1 + 0.1 + guidance * 0.2) / 2))


def test_each_class_has_its_row_and_each_task_one_without() -> None:
    generator = known(Known)
    generator.grow(3, 0)
    assert generator.row.tolist() == [0, 2, 3, 4] and generator.null.tolist() == [1, 5, 5, 5]
    assert generator.embeddings(torch.arange(6)).shape == (6, 2 * generator.embeddings.units)


def test_between_two_noises_is_noise() -> None:
    generator = known(Known)
    positions = torch.zeros(50, dtype=torch.long)
    first, last = (generator.units(torch.randn(50, 64), positions) for _ in range(2))
    middle = generator.between(first, last, 0.5)[:, :64]
    assert middle.std().item() == pytest.approx(1, abs=0.1)
    for share, end in ((0.0, first), (1.0, last)):
        assert torch.allclose(generator.between(first, last, share), end, atol=1e-5)
    assert torch.allclose(generator.between(first, first, 0.3), first)


def test_the_same_latent_gives_the_same_image() -> None:
    learner = flow()
    classes, latents = torch.tensor([0, 2]), learner.latents(2, "test")
    images = learner.generate(classes, latents)
    assert images.shape == (2, 1, 28, 28) and latents.shape == (2, 784)
    assert torch.equal(images, learner.generate(classes, latents))


def test_scalars_are_their_formulas() -> None:
    learner = flow()
    inputs = torch.rand(4, 1, 28, 28)
    batch = learner.drawn(Batch(inputs, torch.tensor([0, 1, 2, 0])), RandomSource(0))
    batch = batch.having(dropped=torch.zeros(4, dtype=torch.bool))
    noise, t = batch.extra["latents"].view_as(inputs), batch.extra["times"].view(4, 1, 1, 1)
    path = 2 * inputs - 1 - noise
    rows = learner.generator.embeddings(learner.generator.row[batch.classes])
    v = learner.generator.velocity(noise + t * path, batch.extra["times"], rows)
    p = ((noise + t * path + (1 - t) * v + 1) / 2).clamp(1 / 510, 1 - 1 / 510)
    wanted = {
        "likelihood": -(v - path).square().sum((1, 2, 3)),
        "sensitivity": v.square().sum((1, 2, 3)),
        "entropy": torch.distributions.Bernoulli(probs=p).entropy().sum((1, 2, 3)),
    }
    for kind, value in wanted.items():
        assert torch.allclose(learner.scalars(kind, batch, RandomSource(0)), value, rtol=1e-3), kind  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["entropy", "likelihood", "sensitivity"])
def test_no_layer_needs_the_slow_path(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    learner, scenario = grown(resolve("digits-flow", assignments=[*tiny("digits-flow"), "model.attention=inner"]))

    def slow(*_: object) -> None:
        raise AssertionError("a layer has no closed form")

    monkeypatch.setattr(importance, "_functional", slow)
    batch = learner.probe(scenario.tasks[0], 200, RandomSource(0))
    assert len(batch) == 200  # more than there are images: some come again
    (size,) = importance.moments(learner, kind, batch, learner.shared(), ["absolute"])  # type: ignore[arg-type]
    assert sorted(size) == sorted(learner.shared())


def test_misalignment_is_that_of_velocities() -> None:
    learner = flow("model.predicts=velocity")
    teacher = learner.frozen_generator()
    old = learner.drawn(Batch(torch.rand(6, 1, 28, 28), torch.tensor([0, 1, 0, 1, 1, 0])), RandomSource(0))
    assert learner.misalignment(teacher, old, old).item() == 0
    before = dict(learner.generator.named_parameters())["trunk.to_images.bias"]
    with torch.no_grad():
        before.add_(0.5)  # moves every velocity by as much
    assert learner.misalignment(teacher, old, old).item() == pytest.approx(0.25, rel=1e-4)


@pytest.mark.parametrize(
    ("side", "patch", "sides", "attended"),
    [(28, 4, [7], 1), (28, 2, [14, 7], 1), (64, 2, [32, 16, 8, 4], 3), (32, 1, [32, 16, 8, 4], 3)],
)
def test_resolutions(side: int, patch: int, sides: list[int], attended: int) -> None:
    assert resolutions((3, side, side), patch) == sides
    network = UNet((3, side, side), patch, 4, 8, 1, True)
    assert network(torch.randn(2, 3, side, side), torch.randn(2, 2 * sum(network.modulated))).abs().max() == 0
    assert sum(isinstance(module, Attention) for module in network.modules()) == attended  # inwards, and outwards


@pytest.mark.parametrize("shape", [(1, 28, 32), (1, 30, 30), (3, 26, 26), (2, 28, 28), (3, 204, 204)])
def test_images_that_do_not_suit_are_refused_with_a_size_that_does(shape: tuple[int, int, int]) -> None:
    with pytest.raises(UsageError, match=r"model\.patch: 2.*data\.size=\d+") as error:
        resolutions(shape, 2)
    size = int(str(error.value).rpartition("=")[2])
    assert resolutions((1, size, size), 2)


def test_what_was_never_learned_guides_nothing() -> None:
    with pytest.raises(ValueError, match="guidance: needs drop > 0"):
        FlowSettings(drop=0, guidance=2)
    assert flow("model.drop=0").generator.guidance is None and flow().generator.guidance == 1


def test_a_network_of_images_is_told_no_time_beyond_the_last_it_learned() -> None:
    generator = flow().generator
    assert isinstance(generator, FlowGenerator)
    noise = torch.randn(2, *generator.shape)
    embedding = torch.cat([generator.embeddings(generator.row[:2])], 1)

    def predicted(time: float) -> Tensor:
        now = torch.full((2,), time)
        return noise + (1 - time) * generator.velocity(noise, now, embedding)

    torch.testing.assert_close(predicted(LATEST), predicted(0.99))
    assert (predicted(0.5) - predicted(LATEST)).abs().max() > 1e-4
