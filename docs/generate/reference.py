"""Reference pages made of the code: command line, settings, registries, presets, Python API."""

from __future__ import annotations

import inspect
import json
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import tables
from figures import figure, read

import gencl
from gencl import presets
from gencl.commands import cli
from gencl.core.part import Part, read_yaml
from gencl.core.registry import Registry
from gencl.core.settings import DataSettings, EvaluateSettings, Settings, TrainSettings
from gencl.datasets import DATASETS
from gencl.experiments.grid import RATE, RATES
from gencl.learners import LEARNERS
from gencl.methods import METHODS, SERVES
from gencl.metrics import EXTRACTORS, METRICS
from gencl.metrics.figures import cell
from gencl.presets.like import LIKE
from gencl.scenarios import SCENARIOS

DOCS = Path(__file__).parents[1]

# --- settings ---------------------------------------------------------------------------------------------------------


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
            f"| `{prefix}{key}` | {_values(schema)} | {f'`{default}`' if default else ''} | {_text(meaning)} |"
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


def _text(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*")


def _settings() -> str:
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


# --- registries and presets -------------------------------------------------------------------------------------------


def registry_table(registry: Registry, linked: str = "") -> str:
    """Names and what is said about each."""
    rows = []
    for name in registry:
        shown = f"[`{name}`]({linked}{name}.md)" if linked else f"`{name}`"
        rows.append(f"| {shown} | {_text(registry.about(name))} |")
    return f"| {registry.noun} | |\n| --- | --- |\n" + "\n".join(rows)


def _registries() -> str:
    parts = ["# Methods, learners, data, metrics", "What `gencl list` prints, as it was when this site was built."]
    for title, registry, linked in (
        ("Methods", METHODS, "../methods/"),
        ("Learners", LEARNERS, ""),
        ("Scenarios", SCENARIOS, ""),
        ("Data sets", DATASETS, ""),
        ("Metrics", METRICS, ""),
        ("Feature extractors", EXTRACTORS, ""),
    ):
        parts += [f"## {title}", registry_table(registry, linked)]
    return "\n\n".join(parts)


def _presets() -> str:
    parts = ["# Presets", "Experiments by name; `gencl preset copy NAME mine.yaml` makes one of yours."]
    for name in presets.names():
        path = presets.path_of(name)
        command, _, text = path.read_text(encoding="utf-8").partition("\n")
        parts += [f"## {name}", f"{presets.about(name)}.", f"```sh\n{command.lstrip('# ')}\n```"]
        parts.append(f"```yaml\n{text.strip()}\n```")
        like = (read_yaml(path).get("methods") or {}).get(LIKE)
        if like:
            parts.append(f"The settings of methods are those of [{like}](#{like}).")
    return "\n\n".join(parts)


# --- methods ----------------------------------------------------------------------------------------------------------


def serves(name: str) -> str:
    """Whom a method serves, in words."""
    return SERVES[METHODS.serves(name) or "any"]


def method_head(name: str) -> str:
    """What stands above a method's page."""
    about = METHODS.about(name)
    return f"*{about[0].upper()}{about[1:]}. Serves {serves(name)}.*\n\n`gencl train --method {name}`\n"


def method_tail(name: str) -> str:
    """What stands below a method's page: figures, settings, the docstring."""
    kind = METHODS.get(name)
    parts = []
    measured = tables.of_method(name)
    if measured:
        note = "The published figures are the papers', of other networks and features: compare orders, not values."
        parts += ["## Figures", note, measured]
    parts += ["## Settings", settings_table(kind.Settings, "method.")]
    tried = {**kind.grid, RATE: RATES}
    values = "; ".join(f"`{key}`: {', '.join(map(_tried, tried[key]))}" for key in tried)
    parts.append(f"`gencl tune` tries {values}, and widens these where the best is at an end.")
    parts += ["## In the code", f"::: {kind.__module__}.{kind.__qualname__}", _OPTIONS_BARE]
    return "\n\n".join(parts[:-1]) + "\n" + parts[-1]


def _tried(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"


_OPTIONS_BARE = textwrap.indent(
    "options:\n  members: false\n  show_bases: false\n  merge_init_into_class: false\n  separate_signature: false",
    "    ",
)


def _methods() -> str:
    """All methods, each with a figure of three experiments."""
    columns = (("mnist-cgan", "fid_first_half"), ("split-mnist", "acc"), ("permuted-mnist", "acc"))
    head = "| method | what it does | MNIST generator: FID, digits 0-4 | split MNIST: ACC % | permuted MNIST: ACC % |"
    lines = [head, "| --- | --- | ---: | ---: | ---: |"]
    for name in METHODS:
        shown = [
            cell(key, figure(f"{folder}/{name}", key)) if name in read(folder)["methods"] else "–"
            for folder, key in columns
        ]
        about = METHODS.about(name)
        lines.append(f"| [`{name}`]({name}.md) | {_text(about)} | {' | '.join(shown)} |")
    return "\n".join(lines)


def _serves() -> str:
    lines = [f"| `{name}` | {serves(name)} |" for name in METHODS]
    return "| method | serves |\n| --- | --- |\n" + "\n".join(lines)


# --- command line -----------------------------------------------------------------------------------------------------


def _cli() -> str:
    parts = ["# Command line", "What `gencl COMMAND --help` prints. Exit status: 0 done, 1 failed, 2 wrong use."]
    context = click.Context(cli, info_name="gencl")
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        parts += _command(command, click.Context(command, info_name=name, parent=context), 2)
    return "\n\n".join(parts)


def _command(command: click.Command, context: click.Context, level: int) -> list[str]:
    parts = [f"{'#' * level} {context.command_path}", f"```\n{' '.join(context.get_usage().split())}\n```"]
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        text, as_it_is, lines = paragraph.partition("\b\n")  # click's mark of a block that is not wrapped
        kind, _, examples = lines.partition("Examples:\n")
        if not as_it_is:
            parts.append(_text(text.strip()).replace("<", "&lt;"))
        elif examples:
            parts.append(f"```sh\n{textwrap.dedent(examples).strip()}\n```")
        else:
            parts.append(f"```\n{textwrap.dedent(kind).strip()}\n```")
    options = [option.get_help_record(context) for option in command.params if isinstance(option, click.Option)]
    shown = [record for record in options if record]
    if shown:
        rows = "\n".join(f"| `{record[0]}` | {_text(record[1])} |" for record in shown)
        parts.append(f"| option | |\n| --- | --- |\n{rows}")
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            parts += _command(inner, click.Context(inner, info_name=name, parent=context), level + 1)
    return parts


# --- Python -----------------------------------------------------------------------------------------------------------


def _api() -> str:
    parts = ["# Python", "All of `import gencl`. Names are imported when they are first used."]
    for name in gencl.__all__:
        if name in gencl._PUBLIC:
            parts.append(f"::: {gencl._PUBLIC[name]}.{name}\n    options:\n      heading_level: 2\n")
    return "\n\n".join(parts)


# --- pages of docs/ ---------------------------------------------------------------------------------------------------


def more_pages() -> list[str]:
    """Pages in docs/ itself that mkdocs.yml does not name: they come under "How to"."""
    named = (DOCS.parent / "mkdocs.yml").read_text(encoding="utf-8")
    return sorted(path.name for path in DOCS.glob("*.md") if f" {path.name}" not in named)


def _more() -> str:
    titles = {page: (DOCS / page).read_text(encoding="utf-8").partition("\n")[0].lstrip("# ") for page in more_pages()}
    return "\n".join(f"- [{title}](../{page})" for page, title in titles.items())


PAGES: dict[str, tuple[str, Callable[[], str]]] = {
    "cli": ("Command line", _cli),
    "settings": ("Settings", _settings),
    "presets": ("Presets", _presets),
    "registries": ("Methods, learners, data, metrics", _registries),
    "api": ("Python", _api),
}
"""Pages of docs/reference/ by name: title and what makes them."""

PARTS: dict[str, Callable[[], str]] = {
    "methods": _methods,
    "serves": _serves,
    "learners": lambda: registry_table(LEARNERS),
    "scenarios": lambda: registry_table(SCENARIOS),
    "datasets": lambda: registry_table(DATASETS),
    "metrics": lambda: registry_table(METRICS),
    "more": _more,
    "extractors": lambda: registry_table(EXTRACTORS),
}
"""What a line ``<!-- generated: WORD -->`` of a page stands for."""
