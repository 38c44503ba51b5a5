"""Settings of the network in which the methods of a comparison differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gencl.core.assignments import written


def unlike(models: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, list[str]]]:
    """Return the settings that these networks do not share, with the methods that have each value.

    A preset may give a method another network: plain training of classifiers, for example, has one head where others
    have a head per task, so that it is not told the task.

    Args:
        models: ``model.*`` of a run, by the label of its method.

    Returns:
        Per setting its values as ``--set`` takes them, that of most methods first, each with its labels.
    """
    found: dict[str, dict[str, list[str]]] = {}
    for key in dict.fromkeys(key for model in models.values() for key in model):
        values: dict[str, list[str]] = {}
        for label, model in models.items():
            if key in model:
                values.setdefault(written(model[key]), []).append(label)
        if len(values) > 1:
            found[f"model.{key}"] = dict(sorted(values.items(), key=lambda pair: -len(pair[1])))
    return found
