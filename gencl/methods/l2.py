"""Uniform rigidity (L2), the control of Kirkpatrick et al. (PNAS 2017)."""

from __future__ import annotations

import torch
from torch import Tensor

from gencl.methods.anchored import AnchoredByTask
from gencl.methods.base import Context
from gencl.methods.consolidation import ConsolidationSettings


class L2(AnchoredByTask):
    """Omega is 1 for every shared weight: all are pulled back equally, whatever they do for earlier tasks.

    It is EWC with the identity in place of the Fisher information. EWC's Omega also has mean 1, so the same lambda
    gives both the same total rigidity.
    """

    class Settings(ConsolidationSettings):
        """Strength and form of consolidation."""

    settings: Settings

    def measure(self, ctx: Context) -> dict[str, Tensor]:
        return {name: torch.ones_like(parameter) for name, parameter in ctx.learner.shared().items()}
