"""Published results of the papers, for comparison. published.yaml holds them as printed."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from gencl import presets
from gencl.core import yaml_files
from gencl.core.settings import Settings


def published(preset: str, method: str) -> dict[str, Any] | None:
    """Return the published results of a method on a preset, or None if there are none.

    They look like ``{"acc": 0.9814, "acc_std": 0.0103, "bwt": ..., "source": "ANPyC table I", "note": ...}``.
    Accuracies and transfer are fractions. The standard deviation and the note are optional.
    """
    for table in _content()["presets"].get(preset, []):
        if method in table["rows"]:
            row: dict[str, Any] = {}
            keys = table.get("share") or table["figures"]
            for key, text in zip(keys, table["rows"][method], strict=True):
                row.update(_figure(key, text, percent="share" in table))
            note = table.get("notes", {}).get(method, table.get("note"))
            return {**row, "source": table["source"], **({"note": note} if note else {})}
    return None


def comparable(settings: Settings) -> bool:
    """Return whether data set, tasks and network are the preset's, so that its published results apply."""
    if settings.preset not in _content()["presets"]:
        return False
    preset = presets.resolve(settings.preset)
    same = settings.data.name == preset.data.name and _network(settings) == _network(preset)
    return same and _tasks(settings) == _tasks(preset) and not settings.extend


def _network(settings: Settings) -> dict[str, Any]:
    """Return ``model.*`` without ``heads`` and ``generator``, which presets set for single methods."""
    return {key: value for key, value in settings.model.items() if key not in ("heads", "generator")}


def _tasks(settings: Settings) -> dict[str, Any]:
    """Return ``scenario.*`` without an order that is unset or drawn from the seed: published results hold for both."""
    scenario = dict(settings.scenario)
    if scenario.get("order") in (None, "seed"):
        scenario.pop("order", None)
    return scenario


def lenet() -> dict[str, Any]:
    """Return LeNet's compression (ANPyC table IV): parameters by layer, their total, and the compression factor."""
    return dict(_content()["lenet"])


def published_stages(settings: Settings) -> list[tuple[int, float]]:
    """Return the published number of remaining weights and accuracy (a fraction) at the end of each stage of a run.

    The list is empty if no paper reports them for these settings.
    """
    table = _content()["lenet"]
    preset, method = table["of"]["preset"], table["of"]["method"]
    if settings.preset != preset or not method.items() <= settings.method.items():
        return []
    if settings.data.name != presets.resolve(preset).data.name or settings.extend:
        return []
    return [(total, accuracy / 100) for total, accuracy in zip(table["total"], table["accuracy"], strict=True)]


@cache
def _content() -> dict[str, Any]:
    content: dict[str, Any] = yaml_files.load(Path(__file__).with_name("published.yaml").read_text(encoding="utf-8"))
    return content


def _figure(key: str, printed: Any, percent: bool) -> dict[str, float]:
    """Parse a printed result: ``"98.14 ± 1.03"`` in per cent -> {"acc": 0.9814, "acc_std": 0.0103}; None -> {}."""
    if printed is None:
        return {}
    numbers = [float(number) for number in str(printed).split("±")]
    return dict(zip((key, f"{key}_std"), (round(n / 100, 8) if percent else n for n in numbers), strict=False))
