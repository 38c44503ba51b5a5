"""The network of flow matching: a U-Net for the velocity, conditioned on time and class embeddings."""

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
from gencl.learners.generative import STRONGEST, Generator
from gencl.learners.networks.class_layers import ClassParameters
from gencl.learners.networks.unet import UNet

_FASTEST = 100.0
"""The highest frequency of the time features, in radians from t = 0 to 1; the lowest is 1."""

LATEST = 0.95
"""The latest training time if the network predicts the image. The loss of later velocities would dominate."""


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
        1.0, ge=0, le=STRONGEST, description="scale of classifier-free guidance; 1: none; 0: any class of the task"
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
    """A gain and a bias per class. The last row of each task is for "any class of this task" (`FlowGenerator.null`).

    Gains are drawn from N(0, 1), per channel of each block. They give each class a sub-space of the shared network, as
    in the conditional GAN's first layer. With gains from the time embedding alone, later classes took over all others.
    """

    def initial(self, classes: int) -> Mapping[str, nn.Parameter]:
        return {
            "gain": nn.Parameter(torch.randn(classes + 1, self.units)),
            "bias": nn.Parameter(torch.zeros(classes + 1, self.units)),
        }

    def forward(self, rows: Tensor) -> Tensor:
        """Return the gains and biases (n, 2 * units) of these rows (n,)."""
        return torch.cat([self.of_class("gain", rows), self.of_class("bias", rows)], 1)


class FlowGenerator(Generator):
    """Integrates dx/dt = v(x, t, class) from noise at t = 0 to an image at t = 1, in `FlowSettings.steps` steps.

    A latent is the flattened noise, so the same latent gives the same image. Internally, images are in [-1, 1].

    Each task has its own embedding for "any class of this task" (``null``). Samples whose class is dropped train it,
    and it is frozen with the embeddings of the task's classes. A single one for all tasks would follow the newest task,
    and guidance would then steer old classes by the wrong reference. In a task of one class it learns that class, so
    there is nothing to steer away from: high guidance only amplifies the difference of two embeddings of one class.
    """

    unguided = "it was trained with model.drop=0, so it knows no images without their class"

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
        """The row in `embeddings` of the class at each position, (classes,)."""
        self.null: Tensor
        """The row in `embeddings` of "any class", for the task of the class at each position, (classes,)."""

    def grow(self, classes: int, seed: int) -> None:
        """Add a task with this number of classes."""
        first, device = len(self.row) + len(self.embeddings.tasks), self.row.device
        self.embeddings.grow(classes, seed)
        self.row = torch.cat([self.row, torch.arange(first, first + classes, device=device)])
        self.null = torch.cat([self.null, torch.full((classes,), first + classes, device=device)])

    def draw_latents(self, n: int, random: RandomSource) -> Tensor:
        return random.normal(n, math.prod(self.shape))

    def velocity(self, images: Tensor, time: Tensor, embedding: Tensor) -> Tensor:
        """Return v (n, c, h, w) at images (n, c, h, w) in [-1, 1], times (n,) and class embeddings (n, 2 * channels).

        Each channel is scaled by gain * (1 + scale) and shifted by bias + shift; gain and bias come from the class,
        scale and shift from the time. If the network predicts the image x at the end of the path, the velocity is
        (x - x_t) / (1 - t). Images have fewer degrees of freedom than noise, so a small network can predict them (Li
        and He 2025). Its time input is then limited to `LATEST`, the latest it was trained on.
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
        """Return the noise and the embeddings of the class and of "any class", joined to (n, u)."""
        return torch.cat([latents, self.embeddings(self.row[positions]), self.embeddings(self.null[positions])], 1)

    def between(self, first: Tensor, last: Tensor, share: float) -> Tensor:
        """Interpolate noise along a great circle. On a straight line it would be sqrt(2) times too small halfway."""
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
        """Return the end of the path from noise (n, c, h, w). If images are predicted, it ends with an Euler step."""
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
        """Return v_null + guidance * (v_class - v_null) (Ho and Salimans 2022)."""
        if self.guidance is None or self.guidance == 1:
            return self.velocity(images, time, embedding)
        free = self.velocity(images, time, null)
        return torch.lerp(free, self.velocity(images, time, embedding), self.guidance)
