"""Which task a batch of images is of, from the images alone: a forget-me-not process.

After Milan et al., "The Forget-me-not Process" (NeurIPS 2016), and its use for EWC's player of Atari games (Kirkpatrick
et al. 2017, supplement): an online mixture over models of tasks, to which new ones are added, and which recognises old
ones. It is simpler here. A hazard rate takes the place of the mixture over all ways to cut the sequence, and each
batch counts for one model, once it has been seen.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

MOST_PIXELS = 28 * 28
"""Larger images are looked at as squares of so many grey pixels."""
MEAN, STRENGTH = 0.5, 1.0
"""Prior of a pixel's mean: grey, as sure as one image makes it."""
SHAPE, SCALE = 1.0, 0.02
"""Prior of a pixel's variance, an inverse gamma distribution: its mode, scale / (shape + 1), is a standard deviation
of 0.1. A new task has the mean and the variance of all images so far in place of these, as sure as one image makes
them: it must differ from the known ones, not from grey."""
NOISE = 0.1
"""Standard deviation of the noise that is thought to be in each pixel. Without it, a pixel that was black in 10,000
images would be certain to be black, and a single stray stroke would look like another task."""
NEW = 0.5
"""Where the task changes, the probability that it is a new one; the known ones share the rest equally."""


def looked_at(images: Tensor) -> Tensor:
    """Images (n, c, h, w) in [0, 1] as the process sees them: grey, at most `MOST_PIXELS`, float64 (n, pixels)."""
    grey = images.mean(1, keepdim=True)
    if grey[0].numel() > MOST_PIXELS:
        side = math.isqrt(MOST_PIXELS)
        grey = F.adaptive_avg_pool2d(grey, (min(side, grey.shape[2]), min(side, grey.shape[3])))
    return grey.flatten(1).double()


def log_marginal(
    n: Tensor, total: Tensor, squares: Tensor, mean: Tensor | float = MEAN, scale: Tensor | float = SCALE
) -> Tensor:
    """Log marginal likelihood of n images (k,), of which ``total`` and ``squares`` (k, pixels) are the sums of pixels
    and of their squares; (k,). ``mean`` and ``scale`` are those of the prior, of all pixels or each (pixels,).

    Pixels are independent and Gaussian, with a normal-inverse-gamma prior on mean and variance (Murphy, "Conjugate
    Bayesian analysis of the Gaussian distribution", 2007, eq. 95), so that it is a product of Student's t densities.
    """
    n, before = n[:, None], torch.as_tensor(scale, dtype=torch.float64)
    strength, shape = STRENGTH + n, SHAPE + n / 2
    spread = squares - total**2 / n.clamp(min=1) + STRENGTH * n / strength * (total / n.clamp(min=1) - mean) ** 2
    after = before + spread / 2
    each = SHAPE * before.log() - shape * after.log() + 0.5 * (math.log(STRENGTH) - strength.log())
    of_images = torch.lgamma(shape) - math.lgamma(SHAPE) - n / 2 * math.log(2 * math.pi)
    return (each + of_images).sum(1)


class ForgetMeNot:
    """Attributes batches one after another to models of tasks, each from the batches so far.

    The task z of a batch is a chain that stays with probability 1 - hazard. Otherwise it is drawn anew: a new task with
    probability `NEW`, or any of the known ones. The filter p(z_t | x_1..t) follows by the forward recursion; a batch's
    likelihood under a model is that given all images that were attributed to it, and under a new task that of a prior
    made of all images so far. The most probable task takes the batch, for good: its sums grow, or a model is opened.

    Pixels are not independent, so that the filter is far too sure of itself; it is the order of the models that counts.
    """

    def __init__(self, hazard: float) -> None:
        self._hazard = hazard
        self._n, self._sums = torch.zeros(0).double(), torch.zeros(2, 0, 0).double()
        """Images of each model (k,); sums of their pixels and of the squares (2, k, pixels)."""
        self._known = torch.zeros(0).double()
        """Log marginal likelihood of each model's images (k,)."""
        self.weights = torch.zeros(0).double()
        """The filter after the last batch (k,)."""

    def attribute(self, images: Tensor) -> int:
        """The number of the model that a batch (n, pixels) is attributed to; as many as there were: a new one."""
        models, nothing = len(self._n), torch.zeros(1).double()
        seen = torch.stack([images.sum(0), (images**2).sum(0) + len(images) * NOISE**2])[:, None]
        sums = self._sums if models else seen[:, :0]
        before = torch.cat([self._n, nothing]), torch.cat([sums, 0 * seen], 1), torch.cat([self._known, nothing])
        n, sums = before[0] + len(images), before[1] + seen  # the last is that of a new model
        marginal = log_marginal(n, *sums)
        likelihood = torch.cat([(marginal - before[2])[:models], log_marginal(n[-1:], *seen, *self._common())])
        filtered = self._prior().log() + likelihood
        chosen = int(filtered.argmax())
        takes, opened = torch.arange(models + 1) == chosen, max(models, chosen + 1)
        self._n = torch.where(takes, n, before[0])[:opened]
        self._sums = torch.where(takes[:, None], sums, before[1])[:, :opened]
        self._known = torch.where(takes, marginal, before[2])[:opened]
        self.weights = filtered[:opened].softmax(0)
        return chosen

    def _common(self) -> tuple[Tensor, Tensor] | tuple[()]:
        """Mean and scale of a new task's prior: those of all images so far (pixels,)."""
        if not len(self._n):
            return ()
        mean, square = self._sums.sum(1) / self._n.sum()
        return mean, (SHAPE + 1) * (square - mean**2)

    def _prior(self) -> Tensor:
        """What the next batch is of, before it is seen: each model's probability and, last, a new one's."""
        models = len(self._n)
        if not models:
            return torch.ones(1).double()
        switched = torch.full((models + 1,), (1 - NEW) / models).double()
        switched[-1] = NEW
        return self._hazard * switched + (1 - self._hazard) * F.pad(self.weights, (0, 1))
