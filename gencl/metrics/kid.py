"""Kernel distance between generated and real images (Binkowski et al., ICLR 2018), by torch-fidelity."""

from __future__ import annotations

from torch import Tensor
from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, kid_features_to_metric

from gencl.metrics.metric import Metric, needs_extractor
from gencl.metrics.snapshot import Snapshot
from gencl.scenarios.task import Task

SUBSETS, SUBSET_SIZE = 10, 1000


def kernel_distance(generated: Tensor, real: Tensor) -> float:
    """The squared maximum mean discrepancy with the kernel (x.y / d + 1)^3, averaged over 10 subsets of 1000 images, or
    of as many as there are. Unbiased, so that it may fall a little below 0."""
    size = min(SUBSET_SIZE, len(generated), len(real))
    found = kid_features_to_metric(generated, real, kid_subsets=SUBSETS, kid_subset_size=size, verbose=False)
    return float(found[KEY_METRIC_KID_MEAN])


class KID(Metric):
    """A task's generated images against its real held-out ones; unlike FID not biased by few images."""

    name = "kid"
    better = "lower"
    when = "at the end"
    keeps_features = True
    applies = staticmethod(needs_extractor)

    def measure(self, snapshot: Snapshot, task: Task) -> float:
        return kernel_distance(*snapshot.both_features(task))
