"""Precision and recall of generated images (Kynkäänniemi et al., NeurIPS 2019), by torch-fidelity."""

from __future__ import annotations

from torch import Tensor
from torch_fidelity.metric_prc import KEY_METRIC_PRECISION, KEY_METRIC_RECALL, prc_features_to_metric

from gencl.metrics.figures import Figure
from gencl.metrics.metric import Metric, needs_extractor
from gencl.metrics.snapshot import Snapshot
from gencl.scenarios.task import Task

NEIGHBOURS = 3


def precision_recall(generated: Tensor, real: Tensor) -> dict[str, float]:
    """Return ``precision`` and ``recall`` of generated features (n, d) against real ones (m, d).

    Precision is the share of generated features within the neighbourhoods of real ones, recall the share of real ones
    within those of generated ones. A neighbourhood reaches to the third nearest neighbour, or to the farthest of fewer.
    """
    k = min(NEIGHBOURS, len(generated) - 1, len(real) - 1)
    shares = prc_features_to_metric(generated, real, prc_neighborhood=k, save_cpu_ram=True, verbose=False)
    return {"precision": float(shares[KEY_METRIC_PRECISION]), "recall": float(shares[KEY_METRIC_RECALL])}


class _OfBoth(Metric):
    when = "at the end"
    keeps_features = True
    pools = True
    of_images = True
    applies = staticmethod(needs_extractor)

    def measure(self, snapshot: Snapshot, task: Task) -> float | None:
        """Return the share, or None if a side has a single image, which has no neighbour."""

        def both_shares() -> dict[str, float]:
            both = snapshot.features_of(snapshot.group(task))
            return precision_recall(*both) if min(map(len, both)) > 1 else {}

        return snapshot.once(("precision, recall", task.index), both_shares).get(self.name)


class Precision(_OfBoth):
    """The share of a task's generated images that look real. It stays high if a few images are drawn well."""

    name = "precision"
    figures = {
        "precision": Figure(
            "precision", "share", "higher", "share of generated images that lie among the real ones: quality", weight=2
        )
    }


class Recall(_OfBoth):
    """The share of a task's real images that the generator covers. It falls with mode collapse."""

    name = "recall"
    figures = {
        "recall": Figure(
            "recall", "share", "higher", "share of real images that lie among the generated ones: variety", weight=2
        )
    }
