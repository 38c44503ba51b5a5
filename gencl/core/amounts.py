"""Format durations and amounts of memory for people."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """Return a duration in words: ``40 seconds``, ``12 minutes``, ``3.5 hours``."""
    if seconds < 100:
        return _counted(max(1, round(seconds)), "second")
    if seconds < 6000:
        return _counted(round(seconds / 60), "minute")
    return f"{seconds / 3600:.1f} hours"


def memory(size: float) -> str:
    """Return a number of bytes in binary units: ``0.8 GiB``, or below 0.1 GiB ``60 MiB``."""
    gibibytes = size / 2**30
    return f"{gibibytes:,.1f} GiB" if gibibytes >= 0.1 else f"{max(1, round(size / 2**20))} MiB"


def storage(size: float) -> str:
    """Return a number of bytes in decimal units, as for disks: ``3.1 GB``, ``60 MB``, ``2 kB``."""
    for unit, bytes_of_it in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= bytes_of_it:
            amount = size / bytes_of_it
            return f"{amount:,.1f} {unit}" if amount < 10 else f"{amount:,.0f} {unit}"
    return f"{size:,.0f} bytes"


def _counted(number: int, unit: str) -> str:
    return f"{number} {unit}{'s' * (number != 1)}"
