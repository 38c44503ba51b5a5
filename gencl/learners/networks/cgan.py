"""The networks of the conditional GAN."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from gencl.core.errors import UsageError
from gencl.core.part import Part
from gencl.core.randomness import RandomSource, seeded
from gencl.learners.learner import Generator
from gencl.learners.networks.class_layers import CLASS_LAYERS, Adapter, ClassParameters
from gencl.learners.networks.precision import at_least_float32
from gencl.learners.networks.to_images import ToImages


class CGANSettings(Part):
    """Settings of the conditional GAN (``model.*``)."""

    name: Literal["cgan"] = "cgan"
    latent: int = Field(32, ge=1, le=4096, description="size of the latent")
    width: int = Field(16, ge=4, le=1024, multiple_of=4, description="channels next to the image; they double inwards")
    features: int = Field(128, ge=1, le=8192, description="units of the discriminator's last hidden layer")
    class_layer: Literal["random-gain", "one-hot", "own-layer"] = Field(
        "random-gain", description="how the generator's first layer is told the class"
    )
    adapter: int = Field(0, ge=0, le=64, description="rank of what each class adds to the first layer; 0: nothing")
    norm: Literal["group", "batch", "none"] = Field("group", description="normalisation within the generator")
    entropy: Literal["pixels", "softmax", "discriminator"] = Field(
        "pixels",
        description="what entropy importance is of: each pixel, a softmax over all, or the discriminator's word",
    )
    r1: float = Field(1.0, ge=0, description="weight of the R1 gradient penalty on real images")
    r1_every: int = Field(8, ge=1, description="steps from one R1 penalty to the next")


def upsamplings(image_shape: tuple[int, int, int]) -> int:
    """How often the generator doubles the resolution: from 7x7 for 28, from 8x8 for 32 and 64.

    Raises UsageError for images that are not square or cannot be halved so often.
    """
    channels, size, width = image_shape
    count = 2
    while size // 2**count > 12:
        count += 1
    if size != width or size % 2**count or channels not in (1, 3):
        raise UsageError(
            f"the conditional GAN takes square images whose side is a multiple of {2**count}, not {image_shape}"
        )
    return count


def _norm(kind: str, channels: int) -> nn.Module:
    if kind == "group":
        return nn.GroupNorm(4, channels)
    return nn.BatchNorm2d(channels) if kind == "batch" else nn.Identity()


class CGANGenerator(Generator):
    """Latent and class -> first layer -> (GroupNorm, LeakyReLU, transposed convolution) ... -> sigmoid.

    GroupNorm, not BatchNorm: batch statistics tie the classes of a batch together and hurt under consolidation.
    """

    def __init__(self, settings: CGANSettings, image_shape: tuple[int, int, int]) -> None:
        super().__init__()
        channels, size, _ = image_shape
        levels = upsamplings(image_shape)
        widths = [settings.width * 2**level for level in reversed(range(levels))]
        self.base = (widths[0], size // 2**levels, size // 2**levels)
        units = widths[0] * self.base[1] * self.base[2]
        self.class_layer = CLASS_LAYERS[settings.class_layer](settings.latent, units)
        self.adapter = Adapter(settings.latent, units, settings.adapter) if settings.adapter else None
        layers: list[nn.Module] = []
        for inner, outer in pairwise(widths):
            layers += [_norm(settings.norm, inner), nn.LeakyReLU(0.2), nn.ConvTranspose2d(inner, outer, 4, 2, 1)]
        last = ToImages(widths[-1], channels, 4, 2, 1)
        layers += [_norm(settings.norm, widths[-1]), nn.LeakyReLU(0.2), last]
        self.trunk = nn.Sequential(*layers)

    def draw_latents(self, n: int, random: RandomSource) -> Tensor:
        return random.normal(n, self.class_layer.latent)

    def grow(self, classes: int, seed: int) -> None:
        """Adds the own parameters of a task of so many classes."""
        self.class_layer.grow(classes, seed)
        if self.adapter is not None:
            self.adapter.grow(classes, seed)

    def own(self) -> list[ClassParameters]:
        """The parts that hold the classes' own parameters."""
        return [self.class_layer] if self.adapter is None else [self.class_layer, self.adapter]

    def logits(self, latents: Tensor, positions: Tensor) -> Tensor:
        """The images before the sigmoid, (n, c, h, w)."""
        return self._grown(self.units(latents, positions))

    def units(self, latents: Tensor, positions: Tensor) -> Tensor:
        hidden: Tensor = self.class_layer(latents, positions)
        return hidden if self.adapter is None else hidden + self.adapter(latents, positions)

    def images(self, units: Tensor) -> Tensor:
        return torch.sigmoid(self._grown(units))

    def _grown(self, units: Tensor) -> Tensor:
        """The images before the sigmoid, from the first units."""
        images: Tensor = self.trunk(units.view(-1, *self.base))
        return at_least_float32(images)


class Discriminator(nn.Module):
    """Strided convolutions, one hidden layer, and a linear output plus the projection on the class's embedding.

    It is carried over from task to task and never protected. No normalisation: the R1 penalty keeps it smooth.
    """

    def __init__(self, settings: CGANSettings, image_shape: tuple[int, int, int]) -> None:
        super().__init__()
        channels, size, _ = image_shape
        levels = upsamplings(image_shape)
        widths = [channels, *(settings.width * 2**level for level in range(levels))]
        layers: list[nn.Module] = []
        for inner, outer in pairwise(widths):
            layers += [nn.Conv2d(inner, outer, 4, 2, 1), nn.LeakyReLU(0.2)]
        flat = widths[-1] * (size // 2**levels) ** 2
        self.trunk = nn.Sequential(*layers, nn.Flatten(), nn.Linear(flat, settings.features), nn.LeakyReLU(0.2))
        self.output = nn.Linear(settings.features, 1)
        self.embeddings = nn.ParameterList()

    def grow(self, classes: int, seed: int) -> None:
        with seeded(seed, "discriminator", len(self.embeddings)):
            self.embeddings.append(nn.Parameter(torch.randn(classes, self.output.in_features)))

    def forward(self, images: Tensor, positions: Tensor) -> Tensor:
        """How real the images look as members of their class, shape (n,), before the sigmoid."""
        features = self.trunk(images)
        embedding = torch.cat(list(self.embeddings))[positions]
        scores: Tensor = self.output(features).squeeze(1) + (features * embedding).sum(1)
        return at_least_float32(scores)
