"""Online EWC (Schwarz et al., Progress & Compress, ICML 2018)."""

from __future__ import annotations

from pydantic import Field
from torch import Tensor

from gencl.methods.consolidation import Consolidation
from gencl.methods.ewc import EWC, FisherSettings


class OnlineEWC(EWC):
    """EWC with one running Fisher information F <- gamma F + F_t and one anchor, the last task's weights.

    F_t is scaled to mean 1 first, as in Schwarz et al. (section 4), so that tasks count equally. They also multiply the
    penalty by gamma; here that factor is part of lambda.
    """

    class Settings(FisherSettings):
        """The settings of EWC, and the decay of older tasks."""

        gamma: float = Field(1.0, ge=0, le=1, description="decay factor on earlier tasks' importance, per task")

    settings: Settings

    def combine(self, measured: dict[str, Tensor], weights: dict[str, Tensor]) -> None:
        for value in self.importance.values():
            value.mul_(self.settings.gamma)
        Consolidation.combine(self, measured, weights)
