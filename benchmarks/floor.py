"""The floor: the same conditional GAN in a bare PyTorch loop, as one would write it by hand for this one network."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from gencl.models.cgan import ConditionalGAN
from gencl.scenarios.task import Task
from gencl.settings import TrainSettings


def train(learner: ConditionalGAN, task: Task, steps: int, settings: TrainSettings) -> None:
    """``steps`` steps on one task: batches by random index, two fused Adams, R1 every few steps."""
    generator, discriminator = learner.generator, learner.discriminator
    g_optimizer = torch.optim.Adam(generator.parameters(), settings.lr, settings.betas, fused=True)
    d_optimizer = torch.optim.Adam(discriminator.parameters(), settings.lr, settings.betas, fused=True)
    images, labels, n = task.train.images, task.train.labels, settings.batch_size
    gamma, every, latent = learner.settings.r1, learner.settings.r1_every, learner.settings.latent
    for step in range(steps):
        rows = torch.randint(len(labels), (n,))
        real, classes = images[rows].float() / 255, learner.position[labels[rows]]
        discriminator.requires_grad_(True)
        with torch.no_grad():
            fake = generator(torch.randn(n, latent), classes)
        if step % every:
            real_score, fake_score = discriminator(torch.cat([real, fake]), classes.repeat(2)).chunk(2)
            loss = F.softplus(-real_score).mean() + F.softplus(fake_score).mean()
        else:
            real.requires_grad_()
            real_score, fake_score = discriminator(real, classes), discriminator(fake, classes)
            (slope,) = torch.autograd.grad(real_score.sum(), real, create_graph=True)
            loss = F.softplus(-real_score).mean() + F.softplus(fake_score).mean()
            loss = loss + gamma / 2 * slope.square().sum((1, 2, 3)).mean()
        d_optimizer.zero_grad()
        loss.backward()
        d_optimizer.step()
        discriminator.requires_grad_(False)
        loss = F.softplus(-discriminator(generator(torch.randn(n, latent), classes), classes)).mean()
        g_optimizer.zero_grad()
        loss.backward()
        g_optimizer.step()
