"""Kernel distance between generated and real images (Binkowski et al., ICLR 2018), by torch-fidelity."""

from __future__ import annotations

from torch import Tensor
from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, KEY_METRIC_KID_STD, kid_features_to_metric

from gencl.metrics.figures import Figure
from gencl.metrics.metric import Metric, needs_extractor
from gencl.metrics.snapshot import Snapshot
from gencl.metrics.transfer import Matrix, backward_transfer, just_learned
from gencl.scenarios.task import Task

SUBSETS, SUBSET_SIZE = 10, 1000


def kernel_distances(generated: Tensor, real: Tensor) -> tuple[float, float]:
    """Return the mean and standard deviation over subsets of the squared maximum mean discrepancy (KID).

    The features have shapes (n, d) and (m, d), and the kernel is (x.y / d + 1)^3. The mean is unbiased, so it may fall
    below 0. It is over 10 subsets of 1000 images. If there are fewer images, a subset has as many as there are, and
    there are more subsets. The deviation is over subsets of at most half of the images (but at least two), since
    subsets of nearly all images are nearly the same.
    """
    fewest = min(len(generated), len(real))
    mean, deviation = _over_subsets(generated, real, min(SUBSET_SIZE, fewest))
    if fewest < 2 * SUBSET_SIZE:
        _, deviation = _over_subsets(generated, real, max(2, fewest // 2))
    return mean, deviation


def _over_subsets(generated: Tensor, real: Tensor, size: int) -> tuple[float, float]:
    subsets = max(SUBSETS, SUBSET_SIZE // size)
    distances = kid_features_to_metric(generated, real, kid_subsets=subsets, kid_subset_size=size, verbose=False)
    return float(distances[KEY_METRIC_KID_MEAN]), float(distances[KEY_METRIC_KID_STD])


class KID(Metric):
    """KID of a task's generated images against its held-out ones. Unlike FD, it is not biased by few images.

    Real training images need not score 0 against held-out ones: `gencl fid NAME --real` measures this floor.
    """

    name = "kid"
    figures = {
        "kid": Figure("KID", "kernel distance", "lower", "as FD, without its bias by few images; lower is better"),
        "kid_just_learned": Figure(
            "KID just learned", "kernel distance", "lower", "KID when each task had just been learned"
        ),
        "kid_forgetting": Figure(
            "KID forgetting",
            "kernel distance",
            "lower",
            "how much KID grew since each task was learned; lower is better",
        ),
    }
    when = "at the end"
    keeps_features = True
    of_few = True
    of_images = True
    applies = staticmethod(needs_extractor)

    def measure(self, snapshot: Snapshot, task: Task) -> float | None:
        """None where one side has a single image."""
        return _distances(snapshot, task)[0]

    def summary(self, matrix: Matrix) -> dict[str, float | None]:
        return {
            "kid": self.at_end(matrix),
            "kid_just_learned": just_learned(matrix),
            "kid_forgetting": backward_transfer(matrix),
        }


class KIDSpread(Metric):
    """The standard deviation of KID over subsets of at most half of the images."""

    name = "kid_std"
    figures = {
        "kid_std": Figure(
            "KID std of subsets",
            "kernel distance",
            "lower",
            "standard deviation of KID over subsets of at most half of the images",
        )
    }
    when = "at the end"
    keeps_features = True
    applies = staticmethod(needs_extractor)

    def measure(self, snapshot: Snapshot, task: Task) -> float | None:
        """None where one side has a single image."""
        return _distances(snapshot, task)[1]


def _distances(snapshot: Snapshot, task: Task) -> tuple[float | None, float | None]:
    def measure() -> tuple[float | None, float | None]:
        both = snapshot.both_features(task)
        return kernel_distances(*both) if min(map(len, both)) > 1 else (None, None)

    return snapshot.once(("kid of subsets", task.index), measure)
