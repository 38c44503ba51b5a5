"""The scalars of a learner whose prediction is a softmax of scores."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from gencl.learners.learner import ScalarKind


def softmax_scalars(kind: ScalarKind, scores: Tensor, targets: Tensor, chances: Tensor | None) -> Tensor:
    """Scalars (n,) of scores (n, columns) before the softmax; see `gencl.learners.learner.Learner.scalars`.

    ``likelihood`` is that of the columns ``targets`` (n,) or, where there are ``chances`` (n,) in [0, 1), of columns
    drawn from the learner's own prediction.
    """
    if kind == "sensitivity":
        return scores.square().sum(1)
    log_q = F.log_softmax(scores, dim=1)
    if kind == "entropy":
        return -(log_q.exp() * log_q).sum(1)
    if chances is not None:
        beneath = log_q.detach().exp().cumsum(1) <= chances[:, None]
        targets = beneath.sum(1).clamp(max=scores.shape[1] - 1)
    return log_q.gather(1, targets[:, None]).squeeze(1)
