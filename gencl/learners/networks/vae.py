"""The networks of the multi-latent VAE: shared encoder and decoder layers, and latent layers per task."""

from __future__ import annotations

import math
from typing import Literal, cast

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from gencl.core.errors import UsageError
from gencl.core.part import Part, only_where
from gencl.core.randomness import RandomSource, seeded
from gencl.learners.generative import Generator
from gencl.learners.networks.leaky import activation, draw_for_leaky
from gencl.learners.networks.precision import at_least_float32
from gencl.learners.networks.residual import ResidualDecoder, ResidualEncoder, residual_base
from gencl.learners.networks.to_images import ToImages

_BASE = 12
"""The first convolution has stride 2, or 4 if the two convolutions would otherwise leave a side above this."""


def first_stride(image_shape: tuple[int, int, int]) -> int:
    """Return the stride of the convolution next to the image; the second one has stride 2.

    Raises UsageError if images are not square, have a side that the two strides do not divide, or are neither grey nor
    in colour.
    """
    channels, size, width = image_shape
    stride = 2 if size // 4 <= _BASE else 4
    if size != width or size % (2 * stride) or channels not in (1, 3):
        raise UsageError(
            f"the VAE takes square images whose side is a multiple of {2 * stride}, not {image_shape}; "
            f"data.size resizes them, such as --set data.size={max(8, (size + 4) // 8 * 8)}"
        )
    return stride


class VAESettings(Part):
    """Settings of the multi-latent VAE (``model.*``)."""

    name: Literal["vae"] = "vae"
    network: Literal["plain", "residual"] = Field(
        "plain", description="plain: the papers' two convolutions; residual: residual blocks"
    )
    latent: int = Field(16, ge=1, le=1024, description="size of the latent vector")
    width: int = Field(
        16, ge=1, le=1024, description="channels of the layer next to the image; they double towards the latent"
    )
    widest: int = Field(
        128, ge=4, le=8192, multiple_of=4, description="maximum number of channels of a residual network"
    )
    depth: int = Field(1, ge=1, le=16, description="residual blocks per resolution")
    features: int = Field(128, ge=1, le=8192, description="units of the hidden layers next to the latent")
    activation: Literal["relu", "leaky"] = Field(
        "relu",
        description="relu: the papers'; leaky: LeakyReLU (slope 0.2), and shared weights drawn for it (He et al. 2015)",
    )
    likelihood: Literal["bernoulli", "gaussian", "calibrated"] = Field(
        "bernoulli",
        description="distribution of a pixel given the latent; calibrated: a Gaussian whose variance is the current "
        "mean squared error",
    )
    sigma: float = Field(0.1, gt=0, le=10, description="standard deviation of a pixel, for likelihood: gaussian")
    beta: float = Field(1.0, ge=0, le=1e6, description="weight of the KL divergence to the prior")

    later = ("network", "widest", "depth", "activation")

    @model_validator(mode="after")
    def _of_the_network(self) -> VAESettings:
        only_where(self, "network is residual", self.network == "residual", ("widest", "depth"))
        only_where(self, "likelihood is gaussian", self.likelihood == "gaussian", ("sigma",))
        if self.network == "residual" and self.width % 4:
            raise ValueError("width must be a multiple of 4 where network is residual")
        return self


class TaskLinear(nn.Module):
    """One linear layer per task."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.inputs, self.outputs = inputs, outputs
        self.tasks = nn.ModuleList()

    def grow(self, name: str, seed: int) -> None:
        """Add the next task's layer, initialised from ``seed``, ``name`` and its index."""
        with seeded(seed, name, len(self.tasks)):
            self.tasks.append(nn.Linear(self.inputs, self.outputs))

    def forward(self, inputs: Tensor, tasks: Tensor | int) -> Tensor:
        """Map (n, inputs) to (n, outputs). ``tasks`` holds each sample's task, (n,), or is one number for all."""
        if isinstance(tasks, int):
            outputs: Tensor = self.tasks[tasks](inputs)
            return outputs
        layers = cast(list[nn.Linear], list(self.tasks))
        weight, bias = (
            torch.stack([layer.weight for layer in layers])[tasks],
            torch.stack([layer.bias for layer in layers])[tasks],
        )
        return torch.baddbmm(bias.unsqueeze(2), weight, inputs.unsqueeze(2)).squeeze(2)


class Encoder(nn.Module):
    """Image -> convolutions or residual blocks -> fully connected -> task's own layer -> mean and log variance."""

    def __init__(self, settings: VAESettings, image_shape: tuple[int, int, int]) -> None:
        super().__init__()
        layers, flat = (_residual_encoder if settings.network == "residual" else _plain_encoder)(settings, image_shape)
        self.trunk = nn.Sequential(
            *layers, nn.Flatten(), nn.Linear(flat, settings.features), activation(settings.activation)
        )
        self.latent = TaskLinear(settings.features, 2 * settings.latent)

    def forward(self, images: Tensor, tasks: Tensor | int) -> tuple[Tensor, Tensor]:
        """Return the posterior's mean and log variance, each (n, latent)."""
        mean, log_variance = at_least_float32(self.latent(self.trunk(images), tasks)).chunk(2, dim=1)
        return mean, log_variance


class Decoder(nn.Module):
    """Latent -> task's own layer -> fully connected -> upsampling to the image: the mirror of the encoder."""

    def __init__(self, settings: VAESettings, image_shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.latent = TaskLinear(settings.latent, settings.features)
        layers = (_residual_decoder if settings.network == "residual" else _plain_decoder)(settings, image_shape)
        self.trunk = nn.Sequential(activation(settings.activation), *layers)

    def forward(self, z: Tensor, tasks: Tensor | int) -> Tensor:
        """Return the images before the sigmoid, (n, c, h, w)."""
        images: Tensor = self.trunk(self.latent(z, tasks))
        return at_least_float32(images)


def _plain_encoder(settings: VAESettings, image_shape: tuple[int, int, int]) -> tuple[list[nn.Module], int]:
    """Return the papers' two convolutions and the number of features per image that they output."""
    stride, first = first_stride(image_shape), settings.width
    layers = [
        nn.Conv2d(image_shape[0], first, 2 * stride, stride, stride // 2),
        activation(settings.activation),
        nn.Conv2d(first, 2 * first, 4, 2, 1),
        activation(settings.activation),
    ]
    return layers, 2 * first * (image_shape[1] // (2 * stride)) ** 2


def _plain_decoder(settings: VAESettings, image_shape: tuple[int, int, int]) -> list[nn.Module]:
    """Return a fully connected layer and the papers' two transposed convolutions."""
    stride, last = first_stride(image_shape), settings.width
    side = image_shape[1] // (2 * stride)
    return [
        nn.Linear(settings.features, 2 * last * side * side),
        activation(settings.activation),
        nn.Unflatten(1, (2 * last, side, side)),
        nn.ConvTranspose2d(2 * last, last, 4, 2, 1),
        activation(settings.activation),
        ToImages(last, image_shape[0], 2 * stride, stride, stride // 2),
    ]


def _residual_encoder(settings: VAESettings, image_shape: tuple[int, int, int]) -> tuple[list[nn.Module], int]:
    encoder = ResidualEncoder(settings.width, settings.widest, image_shape, settings.depth, norm=True)
    return [encoder], math.prod(encoder.base)


def _residual_decoder(settings: VAESettings, image_shape: tuple[int, int, int]) -> list[nn.Module]:
    base = residual_base(settings.width, settings.widest, image_shape)
    decoder = ResidualDecoder(settings.width, settings.widest, image_shape, settings.depth)
    return [nn.Linear(settings.features, math.prod(base)), nn.Unflatten(1, base), decoder]


class VAEGenerator(Generator):
    """Encoder, decoder, and per class a Gaussian fitted to the aggregated posterior of its training images.

    Callers pass standard normal latents. The decoder gets ``mean + factor @ latent`` of the class, which leaves latents
    unchanged until the class's task is concluded. Drawing from N(0, I) instead is a trap: under consolidation a later
    task's posterior lies off-centre, and the centre looks like the earlier task.
    """

    def __init__(self, settings: VAESettings, image_shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.size = settings.latent
        self.encoder, self.decoder = Encoder(settings, image_shape), Decoder(settings, image_shape)
        if settings.activation == "leaky":
            for layer in [*self.encoder.trunk, *self.decoder.trunk]:  # residual blocks draw their own
                draw_for_leaky(layer)
        self.register_buffer("task_of", torch.zeros(0, dtype=torch.long))
        self.register_buffer("mean", torch.zeros(0, self.size))
        self.register_buffer("factor", torch.zeros(0, self.size, self.size))
        self.task_of: Tensor
        self.mean: Tensor
        self.factor: Tensor

    def grow(self, classes: int, seed: int) -> None:
        """Add a task with this number of classes."""
        index, device = len(self.encoder.latent.tasks), self.task_of.device
        self.encoder.latent.grow("encoder's latent layer", seed)
        self.decoder.latent.grow("decoder's latent layer", seed)
        self.task_of = torch.cat([self.task_of, torch.full((classes,), index, device=device)])
        self.mean = torch.cat([self.mean, self.mean.new_zeros(classes, self.size)])
        self.factor = torch.cat([self.factor, torch.eye(self.size).to(self.factor).expand(classes, -1, -1)])

    def draw_latents(self, n: int, random: RandomSource) -> Tensor:
        return random.normal(n, self.size)

    def units(self, latents: Tensor, positions: Tensor) -> Tensor:
        z = torch.baddbmm(self.mean[positions].unsqueeze(2), self.factor[positions], latents.unsqueeze(2)).squeeze(2)
        units: Tensor = self.decoder.latent(z, self.task_of[positions])
        return units

    def images(self, units: Tensor) -> Tensor:
        return torch.sigmoid(at_least_float32(self.decoder.trunk(units)))

    def standardised(self, z: Tensor, positions: Tensor) -> Tensor:
        """Return the latents (n, latent) that `units` maps to the decoder inputs z (n, latent)."""
        centred = (z - self.mean[positions]).unsqueeze(2)
        latents: Tensor = torch.linalg.solve_triangular(self.factor[positions], centred, upper=False)
        return latents.squeeze(2)

    def fit(self, position: int, means: Tensor, log_variances: Tensor, kept: float = 0.0) -> None:
        """Fit a class's Gaussian to the aggregated posterior of n images, from their posteriors (n, latent).

        Its covariance is the mean of the posteriors' variances plus the covariance of their means. ``kept`` is the
        weight of the previous Gaussian: the new one has the mean and covariance of the mixture of both.
        """
        means, variances = means.double().cpu(), log_variances.double().cpu().exp()  # MPS has no float64
        centre = means.mean(0)
        apart = means - centre
        covariance = apart.T @ apart / len(means) + variances.mean(0).diag()
        if kept:
            before, factor = self.mean[position].double().cpu(), self.factor[position].double().cpu()
            between = torch.outer(before - centre, before - centre)
            covariance = kept * (factor @ factor.T) + (1 - kept) * covariance + kept * (1 - kept) * between
            centre = torch.lerp(centre, before, kept)
        self.mean[position] = centre.to(self.mean)
        self.factor[position] = torch.linalg.cholesky(covariance).to(self.factor)
