"""What figures are called and how they are shown."""

from __future__ import annotations

from typing import Any

_SHARES = ("acc", "aaa", "bwt", "fwt", "fwt_zero_shot", "forgetting", "precision", "recall", "fitting", "memorisation")


def is_share(name: str) -> bool:
    """Whether a figure is a share of one, shown in per cent."""
    return "accuracy" in name or name in _SHARES


def shown(name: str, value: float | None) -> str:
    """A figure as people read it: shares in per cent, bytes in MB, distances with one decimal."""
    if value is None:
        return "-"
    if is_share(name):  # two decimals where methods are within a point of each other, one for a single task
        return f"{100 * value:.1f}" if "accuracy" in name else f"{100 * value:.2f}"
    if name.endswith("_bytes"):
        return f"{value / 1e6:.1f}"
    if name in ("shared", "per_task", "total") or name.startswith("samples_"):
        return f"{value:,.0f}"
    if name.startswith(("reconstruction", "drift", "lpips")):
        return f"{value:.3g}"
    if name.startswith("kid") and abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 1 or abs(value) < 1e-12 else f"{value:.2g}"


REAL, REAL_IMAGES = "real", "real images"
"""The row of a comparison that is no method: what real images score. And its name elsewhere."""


_NAMES = {
    "fid_first_half": "FID of the first half",
    "fid": "FID",
    "fid_just_learned": "FID just learned",
    "fid_forgetting": "FID forgetting",
    "conditional_accuracy_bwt": "conditional accuracy BWT",
    "fid_all": "FID of all together",
    "kid": "KID",
    "kid_std": "KID std of subsets",
    "kid_just_learned": "KID just learned",
    "kid_forgetting": "KID forgetting",
    "isc": "Inception score",
    "fitting": "fitting capacity",
    "lpips_diversity": "LPIPS diversity",
    "lpips_drift": "LPIPS drift",
    "lpips_reconstruction": "LPIPS reconstruction",
    "reconstruction": "squared error",
    "reconstruction_just_learned": "squared error just learned",
    "reconstruction_forgetting": "squared error forgetting",
    "fwt_zero_shot": "zero-shot FWT",
    "shared": "shared parameters",
    "per_task": "parameters a task",
    "method_state_bytes": "method state MB",
    "peak_memory_bytes": "peak memory MB",
}


def cell(key: str, value: dict[str, Any] | None) -> str:
    """``mean ± std``."""
    if value is None:
        return "-"
    mean = shown(key, value["mean"])
    return f"{mean} ± {shown(key, value['std'])}" if value["std"] is not None else mean


def label(key: str) -> str:
    """A figure's name for people."""
    distance, extractor = of_further(key)
    if extractor:
        return f"{_NAMES[distance]} ({extractor} features)"
    return _NAMES.get(key, key.replace("_", " "))


def of_further(key: str) -> tuple[str, str]:
    """Return the distance and the extractor of a figure such as ``fid_fashion``; nothing twice for other figures."""
    distance, _, extractor = key.partition("_")
    return (distance, extractor) if distance in ("fid", "kid") and extractor and key not in _NAMES else ("", "")


def heading(key: str) -> str:
    """A figure's name as a column's head, with its unit."""
    return label(key) + (" %" if is_share(key) else "")
