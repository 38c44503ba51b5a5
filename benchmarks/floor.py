"""The floor: the same networks in bare PyTorch loops, as one would write them by hand for this one network."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.runs import places
from gencl.core.train_settings import TrainSettings
from gencl.learners.cgan import ConditionalGAN
from gencl.scenarios.task import Scenario, Task


def classify(
    scenario: Scenario,
    epochs: int,
    settings: TrainSettings,
    clock: Callable[[], float],
    hidden: tuple[int, int] = (512, 256),
) -> float:
    """Seconds of an MLP with a head a task: images as float tensors in memory, SGD as it comes."""
    first, second = hidden
    trunk = nn.Sequential(nn.Flatten(), nn.Linear(784, first), nn.ReLU(), nn.Linear(first, second), nn.ReLU())
    seconds = 0.0
    for task in scenario.tasks:
        images, labels = task.train.images.float() / 255, places(task.train.labels, task.classes)
        start = clock()
        model = nn.Sequential(trunk, nn.Linear(second, len(task.classes)))
        optimizer = torch.optim.SGD(model.parameters(), settings.lr, settings.momentum)
        for _ in range(epochs):
            for rows in torch.randperm(len(labels)).split(settings.batch_size):
                loss = F.cross_entropy(model(images[rows]), labels[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        seconds += clock() - start
    return seconds


def generate(learner: ConditionalGAN, task: Task, steps: int, settings: TrainSettings) -> None:
    """``steps`` steps on one task."""
    step = gan_step(learner, task, settings)
    for number in range(steps):
        step(number)


def gan_step(
    learner: ConditionalGAN,
    task: Task,
    settings: TrainSettings,
    penalised: Callable[[], AbstractContextManager[None]] = nullcontext,
    **adam: bool,
) -> Callable[[int], None]:
    """A step on one task: a batch by random index, two fused Adams, R1 every few steps, ``penalised`` around it."""
    generator, discriminator = learner.generator, learner.discriminator
    g_optimizer = torch.optim.Adam(generator.parameters(), settings.lr, settings.betas, fused=True, **adam)
    d_optimizer = torch.optim.Adam(discriminator.parameters(), settings.lr, settings.betas, fused=True, **adam)
    images, labels, n = task.train.images, task.train.labels, settings.batch_size
    gamma, every, latent = learner.settings.r1, learner.settings.r1_every, learner.settings.latent
    device = labels.device

    def step(number: int) -> None:
        rows = torch.randint(len(labels), (n,), device=device)
        real, classes = images[rows].float() / 255, learner.position[labels[rows]]
        discriminator.requires_grad_(True)
        with torch.no_grad():
            fake = generator(torch.randn(n, latent, device=device), classes)
        if number % every:
            real_score, fake_score = discriminator(torch.cat([real, fake]), classes.repeat(2)).chunk(2)
            loss = F.softplus(-real_score).mean() + F.softplus(fake_score).mean()
        else:
            real.requires_grad_()
            with penalised():
                real_score, fake_score = discriminator(real, classes), discriminator(fake, classes)
                (slope,) = torch.autograd.grad(real_score.sum(), real, create_graph=True)
            loss = F.softplus(-real_score).mean() + F.softplus(fake_score).mean()
            loss = loss + gamma / 2 * slope.square().sum((1, 2, 3)).mean()
        d_optimizer.zero_grad()
        loss.backward()
        d_optimizer.step()
        discriminator.requires_grad_(False)
        drawn = generator(torch.randn(n, latent, device=device), classes)
        loss = F.softplus(-discriminator(drawn, classes)).mean()
        g_optimizer.zero_grad()
        loss.backward()
        g_optimizer.step()

    return step
