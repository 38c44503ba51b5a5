"""The networks of the conditional GAN."""

from __future__ import annotations

import math
from typing import Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from gencl.core.part import Part, only_where
from gencl.core.randomness import RandomSource, seeded
from gencl.learners.generative import Generator
from gencl.learners.networks.augment import Augmentation
from gencl.learners.networks.class_layers import CLASS_LAYERS, Adapter, ClassParameters, Modulation
from gencl.learners.networks.plain import Upsampling, plain_base, plain_decoder, plain_encoder
from gencl.learners.networks.precision import at_least_float32
from gencl.learners.networks.residual import ResidualDecoder, ResidualEncoder, residual_base


class CGANSettings(Part):
    """Settings of the conditional GAN (``model.*``)."""

    name: Literal["cgan"] = "cgan"
    network: Literal["plain", "residual"] = Field(
        "plain", description="plain: a stack of convolutions; residual: residual blocks"
    )
    latent: int = Field(32, ge=1, le=4096, description="size of the latent vector")
    width: int = Field(
        16,
        ge=4,
        le=1024,
        multiple_of=4,
        description="channels of the layer next to the image; they double towards the latent",
    )
    widest: int = Field(
        128, ge=4, le=8192, multiple_of=4, description="maximum number of channels of a residual network"
    )
    depth: int = Field(1, ge=1, le=16, description="residual blocks per resolution")
    features: int = Field(128, ge=1, le=8192, description="units of the discriminator's last hidden layer")
    class_layer: Literal["random-gain", "one-hot", "own-layer"] = Field(
        "random-gain", description="how the class enters the generator's first layer"
    )
    adapter: int = Field(
        0, ge=0, le=64, description="rank of the low-rank map that each class adds to the first layer; 0: none"
    )
    modulation: Literal["none", "class"] = Field(
        "none", description="class: each class scales and shifts the channels of every residual block"
    )
    norm: Literal["group", "batch", "none"] = Field("group", description="normalisation in the plain generator")
    upsampling: Upsampling = Field(
        "transposed",
        description="upsampling in the plain generator: transposed convolutions, or bilinear followed by 3x3 "
        "convolutions",
    )
    entropy: Literal["pixels", "softmax", "discriminator"] = Field(
        "pixels",
        description="output whose entropy defines importance: every pixel, a softmax over all pixels, or the "
        "discriminator's output",
    )
    loss: Literal["non-saturating", "relativistic"] = Field(
        "non-saturating",
        description="non-saturating: each image is judged alone; relativistic: each real image is judged against a "
        "generated one",
    )
    r1: float = Field(
        1.0,
        ge=0,
        description="weight of the gradient penalty on real images; with the relativistic loss on generated images too",
    )
    r1_every: int = Field(8, ge=1, description="steps from one gradient penalty to the next")
    augment: tuple[Augmentation, ...] = Field(
        (), description="random changes to the images that the discriminator sees: colour, translation, cutout"
    )

    later = ("network", "widest", "depth", "modulation", "loss", "augment", "upsampling")

    @model_validator(mode="after")
    def _of_the_network(self) -> CGANSettings:
        only_where(self, "network is residual", self.network == "residual", ("widest", "depth", "modulation"))
        only_where(self, "network is plain", self.network == "plain", ("norm",))
        only_where(self, "r1 is above 0", self.r1 > 0, ("r1_every",))
        # a residual network does not read upsampling, either, but may replace the plain one in presets that set it
        return self


class CGANGenerator(Generator):
    """Latent and class -> first layer -> plain or residual trunk -> sigmoid."""

    def __init__(self, settings: CGANSettings, image_shape: tuple[int, int, int]) -> None:
        super().__init__()
        residual = settings.network == "residual"
        sizes = settings.width, settings.widest, image_shape
        self.base = residual_base(*sizes) if residual else plain_base(settings.width, image_shape)
        self._first = math.prod(self.base)
        self.class_layer = CLASS_LAYERS[settings.class_layer](settings.latent, self._first)
        self.adapter = Adapter(settings.latent, self._first, settings.adapter) if settings.adapter else None
        self.trunk: nn.Module = (
            ResidualDecoder(*sizes, settings.depth)
            if residual
            else plain_decoder(settings.width, settings.norm, settings.upsampling, image_shape)
        )
        self.modulation = None
        if isinstance(self.trunk, ResidualDecoder) and settings.modulation == "class":
            self.modulation = Modulation(settings.latent, sum(self.trunk.modulated))

    def draw_latents(self, n: int, random: RandomSource) -> Tensor:
        return random.normal(n, self.class_layer.latent)

    def grow(self, classes: int, seed: int) -> None:
        """Add the own parameters of a task with this number of classes."""
        for part in self.own():
            part.grow(classes, seed)

    def own(self) -> list[ClassParameters]:
        """Return the parts that hold the classes' own parameters."""
        return [part for part in (self.class_layer, self.adapter, self.modulation) if part is not None]

    def logits(self, latents: Tensor, positions: Tensor) -> Tensor:
        """Return the images before the sigmoid, (n, c, h, w)."""
        return self._grown(self.units(latents, positions))

    def units(self, latents: Tensor, positions: Tensor) -> Tensor:
        """Return the first hidden units, followed by the scales and shifts if there is a modulation."""
        hidden: Tensor = self.class_layer(latents, positions)
        if self.adapter is not None:
            hidden = hidden + self.adapter(latents, positions)
        return hidden if self.modulation is None else torch.cat([hidden, self.modulation(positions)], 1)

    def images(self, units: Tensor) -> Tensor:
        return torch.sigmoid(self._grown(units))

    def _grown(self, units: Tensor) -> Tensor:
        """Return the images before the sigmoid, from `units`."""
        features = units[:, : self._first].view(-1, *self.base)
        images: Tensor = (
            self.trunk(features) if self.modulation is None else self.trunk(features, units[:, self._first :])
        )
        return at_least_float32(images).contiguous()


class Discriminator(nn.Module):
    """Convolutions, one hidden layer, and as score a linear output plus the projection on the class's embedding.

    It is carried over from task to task and never protected. No normalisation: the R1 penalty keeps it smooth.
    """

    def __init__(self, settings: CGANSettings, image_shape: tuple[int, int, int]) -> None:
        super().__init__()
        if settings.network == "residual":
            encoder = ResidualEncoder(settings.width, settings.widest, image_shape, settings.depth)
            layers: list[nn.Module] = [encoder]
            flat = math.prod(encoder.base)
        else:
            layers, flat = plain_encoder(settings.width, image_shape)
        self.trunk = nn.Sequential(*layers, nn.Flatten(), nn.Linear(flat, settings.features), nn.LeakyReLU(0.2))
        self.output = nn.Linear(settings.features, 1)
        self.embeddings = nn.ParameterList()

    def grow(self, classes: int, seed: int) -> None:
        with seeded(seed, "discriminator", len(self.embeddings)):
            self.embeddings.append(nn.Parameter(torch.randn(classes, self.output.in_features)))

    def forward(self, images: Tensor, positions: Tensor) -> Tensor:
        """Return how real the images look as members of their class, shape (n,), before the sigmoid."""
        features = self.trunk(images)
        embedding = torch.cat(list(self.embeddings))[positions]
        scores: Tensor = self.output(features).squeeze(1) + (features * embedding).sum(1)
        return at_least_float32(scores)
