"""Builds a method from its name and settings. Names joined by ``+`` run together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gencl.core.errors import UsageError
from gencl.core.part import check
from gencl.methods import METHODS, names_in
from gencl.methods.base import Method
from gencl.methods.composed import Composed


def settings_of(block: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return a method's settings as plain values, checked and with all defaults.

    ``where`` says in messages where the settings come from. Raises UsageError that names the setting at fault.
    """
    name = block.get("name")
    if not isinstance(name, str):
        raise UsageError(f"{where}: method.name: name a method, one of: {', '.join(METHODS)}")
    parts = names_in(name)
    if len(parts) == 1:
        inner = {key: value for key, value in block.items() if key != "name"}
        return {"name": name, **_dump(name, inner, where, "method.")}
    reference = next((part for part in parts if METHODS.get(part).reference), None)
    if reference is not None:
        others = " and ".join(part for part in parts if part != reference)
        raise UsageError(
            f"{where}: method.name: {name}: {reference} learns all tasks at once, so there is nothing for {others} to "
            f"protect; write {reference} alone"
        )
    unknown = set(block) - {"name", *parts}
    if unknown:
        key = min(unknown)
        fields = {part: METHODS.get(part).Settings.model_fields for part in parts}
        having = [part for part in parts if any(key in (field, about.alias) for field, about in fields[part].items())]
        wanted = " or ".join(f"method.{part}.{key}" for part in having or parts[:1])
        raise UsageError(f"{where}: method.{key}: for {name} write {wanted}")
    return {"name": name, **{part: _dump(part, block.get(part, {}), where, f"method.{part}.") for part in parts}}


def _dump(name: str, block: object, where: str, prefix: str) -> dict[str, Any]:
    values: dict[str, Any] = check(METHODS.get(name).Settings, block, where, prefix).model_dump(
        mode="json", by_alias=True
    )
    return values


def build(block: Mapping[str, Any]) -> Method:
    """Return the method for a checked block of settings."""

    def make(name: str, inner: Mapping[str, Any]) -> Method:
        kind = METHODS.get(name)
        made: Method = kind(kind.Settings.model_validate(dict(inner)))
        return made

    parts = names_in(block["name"])
    if len(parts) == 1:
        return make(parts[0], {key: value for key, value in block.items() if key != "name"})
    return Composed({part: make(part, block[part]) for part in parts})
