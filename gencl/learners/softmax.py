"""The importance scalars of learners that predict a softmax over scores."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from gencl.learners.learner import ScalarKind


def softmax_scalars(kind: ScalarKind, scores: Tensor, targets: Tensor, chances: Tensor | None) -> Tensor:
    """Return scalars (n,) of scores (n, columns) before the softmax; see `gencl.learners.learner.Learner.scalars`.

    ``likelihood`` is the log-probability of the columns ``targets`` (n,). Given ``chances`` (n,), uniform in [0, 1), it
    is that of columns drawn from the learner's own prediction.
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
