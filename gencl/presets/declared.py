"""Look up a setting by its path: its value, its default, and the type that a written value is converted to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gencl.core.assignments import Written, read
from gencl.core.errors import UsageError
from gencl.core.part import Part
from gencl.core.registry import parts_of
from gencl.core.settings import Settings


def value_at(settings: Settings, path: Sequence[str]) -> Any:
    """Return the value of a setting. Raises KeyError if there is no such setting."""
    value: Any = settings.tree()
    for name in path:
        if not isinstance(value, Mapping) or name not in value:
            return _left_out(settings, path)
        value = value[name]
    return value


def _left_out(settings: Settings, path: Sequence[str]) -> Any:
    """Return the default of a setting that the tree omits (`Part.later`). Raises KeyError for any other setting."""
    kind, name = _place(settings, path)
    if kind is None or name not in kind.later:
        raise KeyError(".".join(path))
    return kind.model_fields[name].default


def _place(settings: Settings, path: Sequence[str]) -> tuple[type[Part] | None, str]:
    """Return the `Part` that declares a setting, or None if unknown, and the setting's name in it."""
    from gencl.learners import LEARNERS
    from gencl.methods import METHODS
    from gencl.scenarios import SCENARIOS

    section, *inner = path
    kind: Any = type(getattr(settings, section, None))
    if not inner:
        kind, inner = Settings, [section]
    elif section == "method":
        parts = parts_of(settings.method["name"])
        kind = METHODS.get(inner.pop(0) if len(parts) > 1 and inner[0] in parts else parts[0]).Settings
    elif section in ("scenario", "model"):
        registry = SCENARIOS if section == "scenario" else LEARNERS
        kind = registry.get(str(getattr(settings, section)["name"])).Settings
    known = len(inner) == 1 and isinstance(kind, type) and issubclass(kind, Part)
    return (kind, inner[0]) if known else (None, path[-1])


def read_for(settings: Settings, path: Sequence[str], text: Written, where: str) -> Any:
    """Convert the text written for a setting to the setting's type. Raises UsageError if it is not valid YAML."""
    kind, name = _place(settings, path)
    fields = {} if kind is None else {field.alias or key: field for key, field in kind.model_fields.items()}
    try:
        return read(text, fields[name].annotation if name in fields else Any)
    except ValueError:
        raise UsageError(f"{where}: {str(text)!r} is not a value that YAML understands") from None
