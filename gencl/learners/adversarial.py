"""Adversarial losses of a discriminator's scores before the sigmoid, each (n,)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Loss:
    """The losses of discriminator and generator.

    They are called as ``of_discriminator(real, generated)`` and ``of_generator(generated, real)``, where ``real`` is
    None unless ``needs_real``. ``both_penalised``: generated images have a gradient penalty, too (R2).
    """

    of_discriminator: Callable[[Tensor, Tensor], Tensor]
    of_generator: Callable[[Tensor, Tensor | None], Tensor]
    needs_real: bool = False
    both_penalised: bool = False


def _judged_alone(real: Tensor, generated: Tensor) -> Tensor:
    return F.softplus(-real).mean() + F.softplus(generated).mean()


def _non_saturating(generated: Tensor, real: Tensor | None) -> Tensor:
    return F.softplus(-generated).mean()


def _real_above(real: Tensor, generated: Tensor) -> Tensor:
    return F.softplus(generated - real).mean()


def _generated_above(generated: Tensor, real: Tensor | None) -> Tensor:
    assert real is not None
    return F.softplus(real - generated).mean()


LOSSES: Mapping[str, Loss] = {
    "non-saturating": Loss(_judged_alone, _non_saturating),
    "relativistic": Loss(_real_above, _generated_above, needs_real=True, both_penalised=True),
}
"""``non-saturating``: Goodfellow et al. 2014, with R1 (Mescheder et al. 2018).

``relativistic``: compares each real image with a generated one of its class (Jolicoeur-Martineau 2019), with R1 and R2
(Huang et al., NeurIPS 2024, "R3GAN").
"""
