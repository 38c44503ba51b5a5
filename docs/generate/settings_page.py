"""The reference of settings, from their schemas: keys, values, defaults and meanings."""

from __future__ import annotations

import inspect
import json
from typing import Any

from gencl.core.part import Part
from gencl.core.settings import DataSettings, EvaluateSettings, Settings
from gencl.core.train_settings import TrainSettings
from gencl.learners import LEARNERS
from gencl.methods import METHODS
from gencl.scenarios import SCENARIOS


def page() -> str:
    """The page of all settings."""
    parts = [
        "# Settings",
        "Every key that `--set KEY=VALUE`, a preset or `config.yaml` takes. Values are YAML; `2x` or `0.5x` multiplies "
        "what the preset has. `gencl preset show NAME` prints all of a preset's.",
        "## Top level",
        settings_table(Settings, ""),
        inspect.getdoc(Settings) or "",
    ]
    for title, kind in (("data", DataSettings), ("train", TrainSettings), ("evaluate", EvaluateSettings)):
        parts += [f"## {title}.*", settings_table(kind, f"{title}.")]
    blocks = (("scenario", SCENARIOS, "scenario"), ("model", LEARNERS, "learner"), ("method", METHODS, "method"))
    for key, registry, noun in blocks:
        parts += [f"## {key}.*", f"`{key}.name` names a {noun}; the other keys depend on it."]
        for name in registry:
            parts += [f"### {noun} {name}", settings_table(registry.get(name).Settings, f"{key}.")]
    return "\n\n".join(parts)


def settings_table(kind: type[Part], prefix: str) -> str:
    """Keys, values, defaults and meanings of a block of settings, of its JSON schema."""
    lines = []
    for key, schema in kind.model_json_schema(by_alias=True).get("properties", {}).items():
        if key == "name" and prefix != "data.":
            continue
        if "$ref" in schema or schema.get("type") == "object":
            continue  # a block, which has a table of its own
        default = json.dumps(schema["default"], ensure_ascii=False) if "default" in schema else ""
        meaning = schema.get("description", "")
        lines.append(
            f"| `{prefix}{key}` | {_values(schema)} | {f'`{default}`' if default else ''} | {escaped(meaning)} |"
        )
    head = "| key | values | default | meaning |\n| --- | --- | --- | --- |\n"
    return head + "\n".join(lines) if lines else "No settings."


def _values(schema: dict[str, Any]) -> str:
    """What a setting may be, in words."""
    if "anyOf" in schema:
        return " or ".join(_values(part) for part in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    names = {"integer": "whole number", "number": "number", "string": "text", "array": "list"}
    text = names.get(schema.get("type", ""), schema.get("type", "value"))
    if text == "list":
        inner = schema.get("items") or schema.get("prefixItems", [{}])[0]
        return f"list of {_values(inner)}" if inner.get("type") else text
    bounds = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    given = [f"{sign} {schema[key]:g}" for key, sign in bounds.items() if key in schema]
    return f"{text} {', '.join(given)}".strip().replace("null", "`null`")


def escaped(text: str) -> str:
    """Text whose bars and stars mean nothing to Markdown."""
    return text.replace("|", "\\|").replace("*", "\\*")
