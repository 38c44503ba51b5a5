"""Signal and noise of random patterns that were stored one after another in one layer of weights: what to expect.

A layer W with n inputs learns patterns x of n signs, scaled to norm 1, with random signs y as targets, one at a time,
by the squared error (W x - y)^2 / 2 (the setting of Kirkpatrick et al. 2017, random patterns). The response to a stored
pattern has a signal s, the mean of y W x; the response to a new pattern has the standard deviation |W| / sqrt(n), the
noise. All follow from E[x x^T] = 1 / n:

- *Gradient descent* with rate 1 learns each pattern completely, and each later one takes 1 / n of its signal away. With
  t patterns stored, |W|^2 = n (1 - (1 - 1 / n)^t). What counts is the age a of a pattern: its signal is (1 - 1 / n)^a.
- *EWC*: each pattern adds 1 / n to the Fisher information of every weight. After t patterns the minimiser of the error
  plus the quadratic term moves by 1 / (1 + t / n) of what gradient descent would: a learning rate that falls. All
  patterns have the same signal, n / (n + t), and |W|^2 = t n^2 / (n + t)^2. Signal to noise is sqrt(n / t) at any age.
"""

from __future__ import annotations

import torch
from torch import Tensor

THRESHOLD = 1.0
"""A pattern is remembered if its signal exceeds the noise so many times."""


def descent(units: int, stored: int) -> Tensor:
    """The signal-to-noise ratio of each of ``stored`` patterns under gradient descent, the newest first, (stored,)."""
    left = 1 - 1 / units
    signals = torch.full((stored,), left, dtype=torch.float64).pow(torch.arange(stored))
    return signals.div((1 - left**stored) ** 0.5)


def consolidated(units: int, stored: int) -> Tensor:
    """The same under EWC: equal for all patterns, (stored,)."""
    return torch.full((stored,), (units / stored) ** 0.5, dtype=torch.float64)


def remembered(ratios: Tensor) -> float:
    """The share of signal-to-noise ratios that exceed the `THRESHOLD`."""
    return float((ratios > THRESHOLD).double().mean())
