"""Readings of real images, kept in the cache.

The key is the content of the images, the extractor, and what the last bits of sums depend on: the batch size, the
kind of device, and the numbers of threads and processes.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from gencl.core import cache
from gencl.core.errors import GenclError
from gencl.core.files import save_tensors
from gencl.core.folders import cache_root
from gencl.core.processes import Processes
from gencl.datasets.dataset import Split
from gencl.metrics.reading import Reading, read
from gencl.metrics.statistics import Statistics

LARGEST_BYTES = 2**28
"""Features that take more bytes than this are not cached, only their statistics and answers."""


def read_real(extractor: nn.Module, part: Split, batch_size: int, processes: Processes, keep: bool = False) -> Reading:
    """Return the reading of all images of a split, from the cache if possible; with ``keep`` including the features.

    If any process lacks the cached reading, all read, since they divide the images among them.
    """
    device = part.labels.device
    path = _path(extractor, part, batch_size, processes.world)
    reading = _load(path, device, keep)
    if not processes.any(reading is None, device):
        assert reading is not None
        return reading
    reading = read(extractor, len(part), part.take, batch_size, device, processes, keep)
    if processes.main:
        _store(path, reading)
    return reading


def _path(extractor: nn.Module, part: Split, batch_size: int, world: int) -> Path:
    computed = [batch_size, part.labels.device.type, torch.get_num_threads(), world]
    read_by = [extractor.name, extractor.version, getattr(extractor, "resize", "")]
    asked = [part.fingerprint(), len(part), *computed, *read_by]
    key = "/".join(map(str, [*asked, *getattr(extractor, "outputs", ())]))
    return cache_root() / "statistics" / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.safetensors"


def _load(path: Path, device: torch.device, keep: bool) -> Reading | None:
    try:
        home = torch.device("cpu") if device.type == "mps" else device  # MPS has no float64
        stored = {n: t.to(home if t.dtype == torch.float64 else device) for n, t in load_file(path).items()}
        cache.used(path)
        statistics = Statistics(int(stored["n"]), stored["total"], stored["outer"])
        reading = Reading(statistics, stored["answers"], stored.get("features"), stored.get("logits"))
    except (OSError, SafetensorError, KeyError):
        return None  # absent or damaged: made again
    return None if keep and reading.features is None else reading


def _store(path: Path, reading: Reading) -> None:
    """Cache a reading. If the cache cannot be written, do nothing: this only costs time later."""
    tensors = {
        "n": torch.tensor(reading.statistics.n),
        "total": reading.statistics.total,
        "outer": reading.statistics.outer,
        "answers": reading.answers,
    }
    if reading.features is not None and reading.logits is not None and reading.features.nbytes <= LARGEST_BYTES:
        tensors |= {"features": reading.features, "logits": reading.logits}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_tensors(path, {name: tensor.cpu() for name, tensor in tensors.items()})
        cache.trim()
    except (OSError, GenclError):
        pass
