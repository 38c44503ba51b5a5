"""Places the images of a run in training: in the memory of the device or of the host."""

from __future__ import annotations

from collections.abc import Sequence

import psutil
import torch

from gencl.core.errors import UsageError
from gencl.core.settings import Place
from gencl.datasets.dataset import Split

SHARE = 0.5
"""With ``auto``, images take at most this share of the device's free memory: networks need the rest."""


def placed(splits: Sequence[Split], device: torch.device | str, place: Place = "auto") -> list[Split]:
    """Return splits with their labels on ``device``, and their images where ``data.place`` says.

    ``device``: in its memory. ``host``: where they are; images are moved to the device when taken. ``auto``: in the
    device's memory if they fit into half of what is free; on a CPU, as ``host``, so that images on disk stay there.

    Raises UsageError if ``place`` is ``device`` and they do not fit.
    """
    device = torch.device(device)
    needed, free = _needed(splits, device), _free(device)
    if place == "device" and needed > free:
        raise UsageError(
            f"data.place: the images take {needed / 1e9:.1f} GB, and {device.type} has {free / 1e9:.1f} GB free; "
            "use data.place=host, or fewer or smaller images (data.limit, data.size)"
        )
    if place == "device" or (place == "auto" and device.type != "cpu" and needed <= SHARE * free):
        return Split.moved(splits, device)
    return [split.labelled_on(device) for split in splits]


def _needed(splits: Sequence[Split], device: torch.device) -> int:
    """Return the bytes that the images would take on the device, without those already there."""
    shown = dict.fromkeys((split.store for split in splits), 0)
    for split in splits:
        shown[split.store] += len(split)
    return sum(
        store.nbytes * min(n, len(store)) // max(1, len(store))
        for store, n in shown.items()
        if store.on_disk or store.device.type != device.type
    )


def _free(device: torch.device) -> float:
    """Return the free memory of a device in bytes; infinity if it is unknown."""
    if device.type == "cuda":
        return float(torch.cuda.mem_get_info(device)[0])
    if device.type == "mps":
        return float(torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory())
    return float(psutil.virtual_memory().available) if device.type == "cpu" else float("inf")
