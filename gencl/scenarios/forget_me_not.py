"""A forget-me-not process: infers which task a batch belongs to from its images alone.

After Milan et al., "The Forget-me-not Process" (NeurIPS 2016), and its use with EWC for Atari games (Kirkpatrick et al.
2017, supplement). It is an online mixture over models of tasks, which adds new models and recognises old ones. This
version is simpler. A hazard rate replaces the mixture over all segmentations of the sequence. Each batch counts for one
model only, once it has been seen.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

MOST_PIXELS = 28 * 28
"""Larger images are averaged down to at most 28 grey pixels per side."""
MEAN, STRENGTH = 0.5, 1.0
"""Prior of a pixel's mean: grey, with the weight of one image."""
SHAPE, SCALE = 1.0, 0.02
"""Prior of a pixel's variance, an inverse gamma distribution: its mode, scale / (shape + 1), is a standard deviation of
0.1. A new task's prior has instead the mean and variance of all images so far, with the weight of one image. So a new
task must differ from the known ones, not from grey."""
NOISE = 0.1
"""Standard deviation of the noise assumed in each pixel. Without it, a pixel that was black in 10,000 images would be
certain to be black, and a single stray stroke would look like another task."""
NEW = 0.5
"""Probability that a change of task leads to a new one; the known tasks share the rest equally."""


def looked_at(images: Tensor) -> Tensor:
    """Return images (n, c, h, w) in [0, 1] as the process sees them: grey, float64 (n, pixels), at most
    `MOST_PIXELS`."""
    grey = images.mean(1, keepdim=True)
    if grey[0].numel() > MOST_PIXELS:
        side = math.isqrt(MOST_PIXELS)
        grey = F.adaptive_avg_pool2d(grey, (min(side, grey.shape[2]), min(side, grey.shape[3])))
    return grey.flatten(1).double()


def log_marginal(
    n: Tensor, total: Tensor, squares: Tensor, mean: Tensor | float = MEAN, scale: Tensor | float = SCALE
) -> Tensor:
    """Return the log marginal likelihoods (k,) of k sets of images.

    Set i has n[i] images; ``total`` and ``squares`` (k, pixels) are the sums of their pixels and of the squared pixels.
    ``mean`` and ``scale`` of the prior are either one number or given per pixel (pixels,).

    Pixels are independent and Gaussian, with a normal-inverse-gamma prior on mean and variance (Murphy, "Conjugate
    Bayesian analysis of the Gaussian distribution", 2007, eq. 95). The likelihood is thus a product of Student's t
    densities.
    """
    n, before = n[:, None], torch.as_tensor(scale, dtype=torch.float64)
    strength, shape = STRENGTH + n, SHAPE + n / 2
    spread = squares - total**2 / n.clamp(min=1) + STRENGTH * n / strength * (total / n.clamp(min=1) - mean) ** 2
    after = before + spread / 2
    each = SHAPE * before.log() - shape * after.log() + 0.5 * (math.log(STRENGTH) - strength.log())
    of_images = torch.lgamma(shape) - math.lgamma(SHAPE) - n / 2 * math.log(2 * math.pi)
    return (each + of_images).sum(1)


class ForgetMeNot:
    """Attribute batches, one after another, to models of tasks; each decision uses only the batches so far.

    The task z of a batch follows a Markov chain. With probability 1 - hazard it stays. Otherwise it is drawn anew: a
    new task with probability `NEW`, else any of the known ones. The forward recursion gives the filter p(z_t | x_1..t).
    The likelihood of a batch under a model is conditional on all images attributed to that model. Under a new task, the
    prior is made of all images so far. The most probable task takes the batch for good: its sums grow, or a new model
    begins.

    Pixels are not independent, so the filter is far too confident; only the ranking of the models is meaningful.
    """

    def __init__(self, hazard: float) -> None:
        self._hazard = hazard
        self._n, self._sums = torch.zeros(0).double(), torch.zeros(2, 0, 0).double()
        """Images per model (k,); sums of their pixels and of the squared pixels (2, k, pixels)."""
        self._known = torch.zeros(0).double()
        """Log marginal likelihood of each model's images (k,)."""
        self.weights = torch.zeros(0).double()
        """The filter after the last batch: a probability per model (k,)."""

    def attribute(self, images: Tensor) -> int:
        """Return the number of the model that takes a batch (n, pixels).

        A new model begins if this is the number of models so far.
        """
        models, nothing = len(self._n), torch.zeros(1).double()
        seen = torch.stack([images.sum(0), (images**2).sum(0) + len(images) * NOISE**2])[:, None]
        sums = self._sums if models else seen[:, :0]
        before = torch.cat([self._n, nothing]), torch.cat([sums, 0 * seen], 1), torch.cat([self._known, nothing])
        n, sums = before[0] + len(images), before[1] + seen  # the last entry is for a new model
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
        """Return mean and scale (pixels,) of a new task's prior, from all images so far; empty if there are none."""
        if not len(self._n):
            return ()
        mean, square = self._sums.sum(1) / self._n.sum()
        return mean, (SHAPE + 1) * (square - mean**2)

    def _prior(self) -> Tensor:
        """Return the probabilities for the next batch before it is seen: of each model and, last, of a new one."""
        models = len(self._n)
        if not models:
            return torch.ones(1).double()
        switched = torch.full((models + 1,), (1 - NEW) / models).double()
        switched[-1] = NEW
        return self._hazard * switched + (1 - self._hazard) * F.pad(self.weights, (0, 1))
