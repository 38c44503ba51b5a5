"""Figures that papers published, to stand beside ours. Other networks and features: orders compare, values do not."""

from __future__ import annotations

from typing import Any

_ANPYC_TABLE_III = "ANPyC table III (other network and features)"
# preset -> method -> figures; FID over the first five digits
_PUBLISHED: dict[str, dict[str, dict[str, Any]]] = {
    "mnist-cgan": {
        method: {"fid_first_half": value, "source": _ANPYC_TABLE_III}
        for method, value in (
            ("joint", 28.98), ("sgd", 68.02), ("ewc", 64.70), ("mas", 60.84), ("anpyc", 50.71), ("dgr", 40.67),
        )
    },
}  # fmt: skip


def published(preset: str, method: str) -> dict[str, Any] | None:
    """The published row of a method on a preset, with its source; None if there is none."""
    return _PUBLISHED.get(preset, {}).get(method)
