"""Expected signal and noise of random patterns that are stored one after another in one layer of weights.

A layer W with n inputs learns one pattern at a time by the squared error (W x - y)^2 / 2 (the setting of Kirkpatrick
et al. 2017, random patterns). A pattern x is n random signs, scaled to norm 1; its target y is a random sign. The
signal of a stored pattern is the mean of y W x. The noise is the standard deviation of the response to a new pattern,
|W| / sqrt(n). The results follow from E[x x^T] = 1 / n:

- *Gradient descent* with rate 1 learns each pattern completely, and each later pattern removes 1 / n of its signal.
  With t patterns stored, |W|^2 = n (1 - (1 - 1 / n)^t). The signal depends on the pattern's age a: (1 - 1 / n)^a.
- *EWC*: each pattern adds 1 / n to the Fisher information of every weight. After t patterns, the minimiser of error
  plus quadratic term moves 1 / (1 + t / n) as far as gradient descent: a decreasing learning rate. All patterns have
  the same signal, n / (n + t), and |W|^2 = t n^2 / (n + t)^2. Signal to noise is sqrt(n / t) at any age.
"""

from __future__ import annotations

import torch
from torch import Tensor

THRESHOLD = 1.0
"""A pattern counts as remembered if its signal-to-noise ratio exceeds this."""


def descent(units: int, stored: int) -> Tensor:
    """Return the signal-to-noise ratio of ``stored`` patterns under gradient descent, newest first, (stored,)."""
    left = 1 - 1 / units
    signals = torch.full((stored,), left, dtype=torch.float64).pow(torch.arange(stored))
    return signals.div((1 - left**stored) ** 0.5)


def consolidated(units: int, stored: int) -> Tensor:
    """Return the signal-to-noise ratio of ``stored`` patterns under EWC, equal for all of them, (stored,)."""
    return torch.full((stored,), (units / stored) ** 0.5, dtype=torch.float64)


def remembered(ratios: Tensor) -> float:
    """Return the share of signal-to-noise ratios that exceed the `THRESHOLD`."""
    return float((ratios > THRESHOLD).double().mean())
