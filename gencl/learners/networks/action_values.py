"""The network of a player: a value per action, with separate gains and biases per game on every layer."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from gencl.learners.networks.class_layers import Modulation


class ActionValues(nn.Module):
    """MinAtar's network (Young & Tian 2019): a convolution of 3x3, a fully connected layer, and a value per action.

    Each layer is h = g_t * (W x) + b_t, followed by ReLU except after the last. The gains g_t (initially 1) and biases
    b_t (initially 0) belong to game t, one per channel or unit (Kirkpatrick et al. 2017, supplement: task-specific
    biases and multiplicative gains on each layer). All games share W.
    """

    def __init__(self, shape: tuple[int, int, int], channels: int, hidden: int, actions: int) -> None:
        super().__init__()
        inputs, height, width = shape
        self.convolution = nn.Conv2d(inputs, channels, 3, bias=False)
        self.hidden = nn.Linear(channels * (height - 2) * (width - 2), hidden, bias=False)
        self.values = nn.Linear(hidden, actions, bias=False)
        self.modulations = nn.ModuleList(Modulation(0, units) for units in (channels, hidden, actions))

    def grow(self, seed: int) -> None:
        """Add the gains and biases of a game."""
        for modulation in self.modulations:
            cast(Modulation, modulation).grow(1, seed)

    def forward(self, seen: Tensor, positions: Tensor) -> Tensor:
        """Return the values (n, actions) of observations (n, c, h, w) in the games at ``positions``, (n,) or (1,)."""
        first, second, last = (modulation(positions).chunk(2, 1) for modulation in self.modulations)
        gain, bias = (part[..., None, None] for part in first)
        units = torch.addcmul(bias, self.convolution(seen), gain).relu().flatten(1)
        units = torch.addcmul(second[1], self.hidden(units), second[0]).relu()
        return torch.addcmul(last[1], self.values(units), last[0])
