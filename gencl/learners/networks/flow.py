"""What flow matching draws with: a U-Net for the velocity, and the embeddings of classes that steer it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor, nn

from gencl.core.part import Part
from gencl.core.randomness import RandomSource
from gencl.learners.generative import Generator
from gencl.learners.networks.class_layers import ClassParameters
from gencl.learners.networks.unet import UNet

_FASTEST = 100.0
"""The fastest wave of the time features, in radians from t = 0 to 1; the slowest is 1."""

LATEST = 0.95
"""The latest time that a predicted image is learned at: nearer to the end its velocity would outweigh all others."""


class FlowSettings(Part):
    """Settings of flow matching (``model.*``)."""

    name: Literal["flow"] = "flow"
    patch: int = Field(
        2,
        ge=1,
        le=16,
        description="height and width, in pixels, of the squares that the network treats as one position",
    )
    width: int = Field(
        32,
        ge=4,
        le=1024,
        multiple_of=4,
        description="channels of the layer next to the image; they double at each lower resolution",
    )
    widest: int = Field(128, ge=4, le=8192, multiple_of=4, description="maximum number of channels")
    depth: int = Field(1, ge=1, le=16, description="residual blocks per resolution, in the encoder and in the decoder")
    attention: Literal["none", "inner"] = Field(
        "none", description="inner: self-attention after the blocks at 8x8 positions and below"
    )
    embedding: int = Field(64, ge=4, le=8192, multiple_of=2, description="size of the time embedding")
    time: float = Field(
        0.0,
        ge=-10,
        le=10,
        description="mean of the logit-normal distribution of training times; below 0: more times near the noise",
    )
    predicts: Literal["image", "velocity"] = Field(
        "image", description="output of the network; image: the end of the path, from which the velocity is computed"
    )
    drop: float = Field(
        0.1, ge=0, lt=1, description="share of training samples without a class label, needed for guidance"
    )
    guidance: float = Field(
        1.0, ge=0, le=100, description="scale of classifier-free guidance; 1: none; 0: any class of the task"
    )
    solver: Literal["heun", "euler"] = Field(
        "heun", description="solver for sampling; heun needs two evaluations per step, but fewer steps"
    )
    steps: int = Field(10, ge=1, le=1000, description="solver steps from noise to image")
    pool: int = Field(
        256,
        ge=1,
        le=65_536,
        description="images per past class that replay and distillation generate when a task begins",
    )

    @model_validator(mode="after")
    def _guidance_is_learned(self) -> FlowSettings:
        if self.guidance != 1 and not self.drop:
            raise ValueError("guidance: needs drop > 0, since it compares with samples learned without their class")
        return self


class ClassEmbeddings(ClassParameters):
    """A gain and a bias per class and, last in each task, those of "any class of this task" (`FlowGenerator.null`).

    Gains are drawn from N(0, 1), per channel of each block: they give each class a sub-space of the shared network, as
    in the conditional GAN's first layer. With gains of the time's embedding alone, later classes took over all others.
    """

    def initial(self, classes: int) -> Mapping[str, nn.Parameter]:
        return {
            "gain": nn.Parameter(torch.randn(classes + 1, self.units)),
            "bias": nn.Parameter(torch.zeros(classes + 1, self.units)),
        }

    def forward(self, rows: Tensor) -> Tensor:
        """(n,) -> gains and biases (n, 2 * units)."""
        return torch.cat([self.of_class("gain", rows), self.of_class("bias", rows)], 1)


class FlowGenerator(Generator):
    """Integrates dx/dt = v(x, t, class) from noise at t = 0 to an image at t = 1, in `FlowSettings.steps` steps.

    A latent is the noise, flattened: the same latent gives the same image. Inside, images are in [-1, 1].

    Each task has an embedding of its own for "no class" (``null``), which dropped samples of its classes train and
    which is frozen with theirs. One that all tasks shared would follow the newest task, and guidance would push old
    classes away from something that is not theirs. In a task of one class it comes to mean that class, and guidance
    does nothing.
    """

    def __init__(self, settings: FlowSettings, image_shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.shape, self.settings = image_shape, settings
        self.guidance: float | None = settings.guidance if settings.drop else None
        self.trunk = UNet(
            image_shape, settings.patch, settings.width, settings.widest, settings.depth, settings.attention == "inner"
        )
        channels = sum(self.trunk.modulated)
        self.embeddings = ClassEmbeddings(settings.embedding, channels)
        self.time = nn.Sequential(
            nn.Linear(settings.embedding, settings.embedding), nn.SiLU(), nn.Linear(settings.embedding, 2 * channels)
        )
        waves = torch.logspace(0, math.log10(_FASTEST), settings.embedding // 2)
        self.register_buffer("waves", waves, persistent=False)
        self.register_buffer("row", torch.zeros(0, dtype=torch.long))
        self.register_buffer("null", torch.zeros(0, dtype=torch.long))
        self.waves: Tensor
        self.row: Tensor
        """The row of each class in `embeddings`, by its position (classes,)."""
        self.null: Tensor
        """The row of each class's task without a class, by its position (classes,)."""

    def grow(self, classes: int, seed: int) -> None:
        """Adds a task of so many classes."""
        first, device = len(self.row) + len(self.embeddings.tasks), self.row.device
        self.embeddings.grow(classes, seed)
        self.row = torch.cat([self.row, torch.arange(first, first + classes, device=device)])
        self.null = torch.cat([self.null, torch.full((classes,), first + classes, device=device)])

    def draw_latents(self, n: int, random: RandomSource) -> Tensor:
        return random.normal(n, math.prod(self.shape))

    def velocity(self, images: Tensor, time: Tensor, embedding: Tensor) -> Tensor:
        """v (n, c, h, w) at images (n, c, h, w) in [-1, 1] and times (n,), for rows of `embeddings` (n, 2 * channels).

        Each channel is scaled by the class's gain times 1 + the time's scale, and shifted by both. A network that
        predicts the image x at the end of the path has the velocity (x - x_t) / (1 - t): images have fewer degrees of
        freedom than noise, and a small network can tell all of them (Li and He 2025). It is told no time beyond
        `LATEST`, to which none was learned.
        """
        known = time.clamp(max=LATEST) if self.settings.predicts == "image" else time
        angles = known[:, None] * self.waves
        scale, shift = self.time(torch.cat([angles.sin(), angles.cos()], 1)).chunk(2, 1)
        gain, bias = embedding.chunk(2, 1)
        outputs: Tensor = self.trunk(images, torch.cat([torch.addcmul(gain, gain, scale), bias + shift], 1))
        if self.settings.predicts == "velocity":
            return outputs
        return (outputs - images) / (1 - time)[:, None, None, None]

    def units(self, latents: Tensor, positions: Tensor) -> Tensor:
        """The noise, and the embeddings of the class and of no class."""
        return torch.cat([latents, self.embeddings(self.row[positions]), self.embeddings(self.null[positions])], 1)

    def between(self, first: Tensor, last: Tensor, share: float) -> Tensor:
        """Noise is mixed along a great circle: halfway on a straight line it would be too small by a factor sqrt(2)."""
        noise = math.prod(self.shape)
        one, other = first[:, :noise], last[:, :noise]
        cosine = F.cosine_similarity(one, other).clamp(-1, 1)[:, None]
        angle = cosine.acos()
        mixed = (torch.sin((1 - share) * angle) * one + torch.sin(share * angle) * other) / torch.sin(angle)
        straight = torch.lerp(first, last, share)
        return torch.cat([torch.where(angle < 1e-3, straight[:, :noise], mixed), straight[:, noise:]], 1)

    def images(self, units: Tensor) -> Tensor:
        noise, size = math.prod(self.shape), 2 * self.embeddings.units
        latents, embedding, null = units.split([noise, size, size], 1)
        images = self._integrated(latents.unflatten(1, self.shape), embedding, null)
        return ((images + 1) / 2).clamp(0, 1)

    def _integrated(self, images: Tensor, embedding: Tensor, null: Tensor) -> Tensor:
        """The end of the path that starts at noise (n, c, h, w). The last step leads straight to a predicted image."""
        settings = self.settings
        step, corrected = 1 / settings.steps, 0 if settings.solver == "euler" else settings.steps
        if settings.predicts == "image":
            corrected = min(corrected, settings.steps - 1)
        for number in range(settings.steps):
            now = images.new_full(images.shape[:1], number * step)
            velocity = self._guided(images, now, embedding, null)
            if number < corrected:
                ahead = self._guided(images + step * velocity, now + step, embedding, null)
                velocity = (velocity + ahead) / 2
            images = images + step * velocity
        return images

    def _guided(self, images: Tensor, time: Tensor, embedding: Tensor, null: Tensor) -> Tensor:
        """v_null + guidance (v_class - v_null) (Ho and Salimans 2022)."""
        if self.guidance is None or self.guidance == 1:
            return self.velocity(images, time, embedding)
        free = self.velocity(images, time, null)
        return torch.lerp(free, self.velocity(images, time, embedding), self.guidance)
