"""Where the images of a run lie while it trains: in the memory of the device, or of the host."""

from __future__ import annotations

from collections.abc import Sequence

import psutil
import torch

from gencl.core.errors import UsageError
from gencl.core.settings import Place
from gencl.datasets.dataset import Split

SHARE = 0.5
"""Of a device's free memory, the share that images take unasked at most: networks need the rest."""


def placed(splits: Sequence[Split], device: torch.device | str, place: Place = "auto") -> list[Split]:
    """Return splits with their labels on ``device``, and their images where ``data.place`` wants them.

    ``device``: in its memory. ``host``: where they are; what is taken of them comes to the device. ``auto``: in the
    device's memory if they fit. A CPU has no memory of its own: there images on disk stay on disk until they are taken.

    Raises UsageError for ``device`` where they do not fit.
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
    """The bytes that the images would take on the device beside what is there already."""
    shown = dict.fromkeys((split.store for split in splits), 0)
    for split in splits:
        shown[split.store] += len(split)
    return sum(
        store.nbytes * min(n, len(store)) // max(1, len(store))
        for store, n in shown.items()
        if store.on_disk or store.device.type != device.type
    )


def _free(device: torch.device) -> float:
    """The bytes of memory that are free on a device; without end where that cannot be known."""
    if device.type == "cuda":
        return float(torch.cuda.mem_get_info(device)[0])
    if device.type == "mps":
        return float(torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory())
    return float(psutil.virtual_memory().available) if device.type == "cpu" else float("inf")
