"""The networks of the multi-latent VAE: what the tasks share, and between them each task's own latent layers."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from gencl.core.errors import UsageError
from gencl.core.randomness import RandomSource, seeded
from gencl.learners.learner import Generator
from gencl.learners.networks.precision import at_least_float32
from gencl.learners.networks.to_images import ToImages

_BASE = 12
"""The first convolution divides sides by 2, or by 4 where more than so many pixels a side would be left."""


def first_stride(image_shape: tuple[int, int, int]) -> int:
    """The stride of the convolution next to the image; the second one's is 2.

    Raises UsageError for images that cannot be divided so.
    """
    channels, size, width = image_shape
    stride = 2 if size // 4 <= _BASE else 4
    if size != width or size % (2 * stride) or channels not in (1, 3):
        raise UsageError(
            f"the VAE takes square images whose side is a multiple of {2 * stride}, not {image_shape}; "
            f"data.size resizes them, such as --set data.size={max(8, (size + 4) // 8 * 8)}"
        )
    return stride


class TaskLinear(nn.Module):
    """A linear layer of its own for each task."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.inputs, self.outputs = inputs, outputs
        self.tasks = nn.ModuleList()

    def grow(self, name: str, seed: int) -> None:
        """Adds the next task's layer."""
        with seeded(seed, name, len(self.tasks)):
            self.tasks.append(nn.Linear(self.inputs, self.outputs))

    def forward(self, inputs: Tensor, tasks: Tensor | int) -> Tensor:
        """(n, inputs) -> (n, outputs); the tasks of the samples are (n,), or one number for all of them."""
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
    """Image -> convolution -> convolution -> fully connected -> the task's own layer: mean and log variance."""

    def __init__(self, latent: int, width: int, features: int, image_shape: tuple[int, int, int]) -> None:
        super().__init__()
        stride, first = first_stride(image_shape), width
        flat = 2 * first * (image_shape[1] // (2 * stride)) ** 2
        self.trunk = nn.Sequential(
            nn.Conv2d(image_shape[0], first, 2 * stride, stride, stride // 2),
            nn.ReLU(),
            nn.Conv2d(first, 2 * first, 4, 2, 1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(flat, features),
            nn.ReLU(),
        )
        self.latent = TaskLinear(features, 2 * latent)

    def forward(self, images: Tensor, tasks: Tensor | int) -> tuple[Tensor, Tensor]:
        """The posterior's mean and log variance, each (n, latent)."""
        mean, log_variance = at_least_float32(self.latent(self.trunk(images), tasks)).chunk(2, dim=1)
        return mean, log_variance


class Decoder(nn.Module):
    """Latent -> the task's own layer -> fully connected -> transposed convolution twice: the encoder's mirror."""

    def __init__(self, latent: int, width: int, features: int, image_shape: tuple[int, int, int]) -> None:
        super().__init__()
        stride, last = first_stride(image_shape), width
        side = image_shape[1] // (2 * stride)
        base = (2 * last, side, side)
        self.latent = TaskLinear(latent, features)
        self.trunk = nn.Sequential(
            nn.ReLU(),
            nn.Linear(features, 2 * last * side * side),
            nn.ReLU(),
            nn.Unflatten(1, base),
            nn.ConvTranspose2d(2 * last, last, 4, 2, 1),
            nn.ReLU(),
            ToImages(last, image_shape[0], 2 * stride, stride, stride // 2),
        )

    def forward(self, z: Tensor, tasks: Tensor | int) -> Tensor:
        """The images before the sigmoid, (n, c, h, w)."""
        images: Tensor = self.trunk(self.latent(z, tasks))
        return at_least_float32(images)


class VAEGenerator(Generator):
    """Encoder, decoder, and for each class the Gaussian that its training images' posteriors make up together.

    Latents are standard normal outside; ``mean + factor @ latent`` of the class is what the decoder sees. Both are the
    identity until the class's task is concluded. Drawing from N(0, I) instead is a trap: under consolidation a later
    task's posterior lies off-centre, and the centre looks like the earlier task (design notes, section 6).
    """

    def __init__(self, latent: int, width: int, features: int, image_shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.size = latent
        sizes = latent, width, features, image_shape
        self.encoder, self.decoder = Encoder(*sizes), Decoder(*sizes)
        self.register_buffer("task_of", torch.zeros(0, dtype=torch.long))
        self.register_buffer("mean", torch.zeros(0, self.size))
        self.register_buffer("factor", torch.zeros(0, self.size, self.size))
        self.task_of: Tensor
        self.mean: Tensor
        self.factor: Tensor

    def grow(self, classes: int, seed: int) -> None:
        """Adds a task of so many classes."""
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
        return torch.sigmoid(self.decoder.trunk(units))

    def standardised(self, z: Tensor, positions: Tensor) -> Tensor:
        """The latents that `units` maps to z."""
        centred = (z - self.mean[positions]).unsqueeze(2)
        latents: Tensor = torch.linalg.solve_triangular(self.factor[positions], centred, upper=False)
        return latents.squeeze(2)

    def fit(self, position: int, means: Tensor, log_variances: Tensor) -> None:
        """Sets a class's Gaussian to the aggregated posterior of n images, from their posteriors (n, latent).

        The mixture's covariance is the mean of the posteriors' variances plus the covariance of their means.
        """
        means, variances = means.double().cpu(), log_variances.double().cpu().exp()  # MPS has no float64
        centre = means.mean(0)
        apart = means - centre
        covariance = apart.T @ apart / len(means) + variances.mean(0).diag()
        self.mean[position] = centre.to(self.mean)
        self.factor[position] = torch.linalg.cholesky(covariance).to(self.factor)
