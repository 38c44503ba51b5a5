"""A step of each learner as one would write it by hand for this one network, beside the GAN's of `benchmarks.floor`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks import floor
from gencl.core.train_settings import TrainSettings
from gencl.learners.cgan import ConditionalGAN
from gencl.learners.classifier import Classifier
from gencl.learners.flow import FlowMatching
from gencl.learners.learner import Learner
from gencl.learners.vae import VAE
from gencl.scenarios.task import Task


def step_of(
    learner: Learner,
    task: Task,
    settings: TrainSettings,
    penalised: Callable[[], AbstractContextManager[None]] = nullcontext,
    **adam: bool,
) -> Callable[[int], None]:
    """The step with a number on a task that the learner has grown for; ``adam``: how its optimiser is made."""
    if isinstance(learner, ConditionalGAN):
        return floor.gan_step(learner, task, settings, penalised, **adam)
    if isinstance(learner, Classifier):
        return _classifier(learner, task, settings)
    loss = _vae(learner) if isinstance(learner, VAE) else _flow(learner)
    optimizer = torch.optim.Adam(learner.parameters(), settings.lr, settings.betas, fused=True, **adam)

    def step(number: int) -> None:
        images, _, classes = _drawn(learner, task, settings.batch_size)
        value = loss(images, classes)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()

    return step


def _drawn(learner: Learner, task: Task, n: int) -> tuple[Tensor, Tensor, Tensor]:
    """n images at random as floats, their classes, and the classes' positions."""
    labels = task.train.labels
    rows = torch.randint(len(labels), (n,), device=labels.device)
    classes = labels[rows]
    return task.train.images[rows].float() / 255, classes, learner.position[classes]


def _classifier(learner: Classifier, task: Task, settings: TrainSettings) -> Callable[[int], None]:
    optimizer = torch.optim.SGD(learner.parameters(), settings.lr, settings.momentum, fused=True)
    head = learner.head[0]

    def step(number: int) -> None:
        images, _, right = _drawn(learner, task, settings.batch_size)
        loss = F.cross_entropy(head(learner.trunk(images)), right)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def _vae(learner: VAE) -> Callable[[Tensor, Tensor], Tensor]:
    encoder, decoder = learner.generator.encoder, learner.generator.decoder

    def loss(images: Tensor, positions: Tensor) -> Tensor:
        mean, log_variance = encoder(images, 0)
        logits = decoder(mean + torch.randn_like(mean) * (log_variance / 2).exp(), 0)
        pixels = F.binary_cross_entropy_with_logits(logits, images, reduction="sum")
        divergence = (mean.square() + log_variance.exp() - 1 - log_variance).sum() / 2
        total: Tensor = (pixels + divergence) / len(images)
        return total

    return loss


def _flow(learner: Learner) -> Callable[[Tensor, Tensor], Tensor]:
    assert isinstance(learner, FlowMatching)
    generator = learner.generator

    def loss(images: Tensor, positions: Tensor) -> Tensor:
        images, noise = 2 * images - 1, torch.randn_like(images)
        time = torch.sigmoid(torch.randn(len(images), device=images.device))
        there = torch.addcmul(noise, time[:, None, None, None], images - noise)
        velocity = generator.velocity(there, time, generator.embeddings(generator.row[positions]))
        value: Tensor = (velocity - (images - noise)).square().mean()
        return value

    return loss
