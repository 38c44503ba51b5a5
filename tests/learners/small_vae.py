"""A small multi-latent VAE."""

from __future__ import annotations

from gencl.learners.vae import VAE, VAESettings

Shape = tuple[int, int, int]


def vae(shape: Shape = (1, 28, 28), classes: tuple[tuple[int, ...], ...] = ((0,),), **more: object) -> VAE:
    learner = VAE(VAESettings.model_validate({"latent": 3, "width": 2, "features": 8, **more}), shape, 0)
    for number, task in enumerate(classes):
        learner.grow(task, number)
    return learner
