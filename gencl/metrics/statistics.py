"""Mean and covariance of features, accumulated in float64, and a cache of those of real images."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from gencl.datasets.dataset import Split, cache_root
from gencl.errors import GenclError
from gencl.files import save_tensors


@dataclass(frozen=True)
class Statistics:
    """Sums over n feature vectors: the features (d,) and their outer products (d, d), float64."""

    n: int
    total: Tensor
    outer: Tensor

    def __add__(self, other: Statistics) -> Statistics:
        return Statistics(self.n + other.n, self.total + other.total, self.outer + other.outer)

    def gaussian(self) -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
        """Mean and unbiased covariance, as torch-fidelity's ``fid_statistics_to_metric`` takes them."""
        if self.n < 2:
            raise ValueError(f"a covariance needs two images or more, not {self.n}")
        mean = self.total / self.n
        covariance = (self.outer - self.n * torch.outer(mean, mean)) / (self.n - 1)
        return {"mu": mean.cpu().numpy(), "sigma": covariance.cpu().numpy()}


def statistics_of(batches: Iterable[Tensor]) -> Statistics:
    """The statistics of features (n, d) given in batches; memory does not grow with their number."""
    found: Statistics | None = None
    for batch in batches:
        features = (batch.cpu() if batch.device.type == "mps" else batch).double()  # MPS has no float64
        part = Statistics(len(features), features.sum(0), features.T @ features)
        found = part if found is None else found + part
    if found is None:
        raise ValueError("no features were given")
    return found


def cached_statistics(extractor: nn.Module, split: Split, batch_size: int) -> Statistics:
    """The statistics of real images: from the cache, by content of the images and name and version of the extractor."""
    key = hashlib.sha256(f"{split.fingerprint()}/{extractor.name}/{extractor.version}".encode()).hexdigest()[:32]
    path = cache_root() / "statistics" / f"{key}.safetensors"
    try:
        stored = load_file(path)
        device = split.labels.device
        return Statistics(int(stored["n"]), stored["total"].to(device), stored["outer"].to(device))
    except (OSError, SafetensorError, KeyError):
        pass  # absent or damaged: made again
    with torch.no_grad():
        found = statistics_of(extractor(images)[0] for images in split.images.split(batch_size))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_tensors(path, {"n": torch.tensor(found.n), "total": found.total.cpu(), "outer": found.outer.cpu()})
    except (OSError, GenclError):
        pass  # a cache that cannot be written costs time, nothing else
    return found
