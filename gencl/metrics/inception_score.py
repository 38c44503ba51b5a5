"""Inception score (Salimans et al., NeurIPS 2016), by torch-fidelity, with the logits of the chosen extractor."""

from __future__ import annotations

from torch import Tensor, nn
from torch_fidelity.metric_isc import KEY_METRIC_ISC_MEAN, isc_features_to_metric

from gencl.core.transfer import exact
from gencl.learners.learner import Learner
from gencl.metrics.figures import Figure
from gencl.metrics.metric import Metric, needs_extractor
from gencl.metrics.snapshot import Snapshot
from gencl.scenarios.task import Task

SPLITS = 10
FEWEST_A_SPLIT = 10


def inception_score(logits: Tensor) -> float:
    """Return the Inception score of logits (n, classes), the mean over 10 parts of the images.

    The score of a part is exp of the mean KL divergence of each image's class probabilities from the part's mean. All
    images are one part if a tenth of them would be fewer than 10.
    """
    splits = SPLITS if len(logits) >= SPLITS * FEWEST_A_SPLIT else 1
    return float(isc_features_to_metric(exact(logits), splits)[KEY_METRIC_ISC_MEAN])


class InceptionScore(Metric):
    """Inception score of a task's generated images. It is near 1 for a task of one class, however real they look."""

    name = "isc"
    figures = {
        "isc": Figure(
            "Inception score",
            better="higher",
            meaning="how sure a classifier is of each generated image, and how varied its answers are",
        )
    }
    when = "on request"
    keeps_features = True

    @staticmethod
    def applies(learner: Learner, extractor: nn.Module | None) -> str:
        why = needs_extractor(learner, extractor)
        return why or ("" if getattr(extractor, "classifies", True) else "its feature extractor has no classifier")

    def measure(self, snapshot: Snapshot, task: Task) -> float:
        logits = snapshot.generated(task).logits
        assert logits is not None
        return inception_score(logits)
