"""Reference pages and parts of pages made of the code, and what names each of them."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import command_line
import settings_page
import tables
from figures import figure, read
from settings_page import escaped, settings_table

import gencl
from gencl import presets
from gencl.core.part import read_yaml
from gencl.core.registry import Registry
from gencl.datasets import DATASETS
from gencl.experiments.grid import RATE, RATES
from gencl.learners import LEARNERS
from gencl.methods import METHODS, SERVES
from gencl.metrics import EXTRACTORS, METRICS
from gencl.metrics.figures import cell
from gencl.presets.like import LIKE
from gencl.scenarios import SCENARIOS

DOCS = Path(__file__).parents[1]

# --- registries and presets -------------------------------------------------------------------------------------------


def registry_table(registry: Registry, linked: str = "") -> str:
    """Names and what is said about each."""
    rows = []
    for name in registry:
        shown = f"[`{name}`]({linked}{name}.md)" if linked else f"`{name}`"
        rows.append(f"| {shown} | {escaped(registry.about(name))} |")
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
    head = "| method | what it does | MNIST generator: FD of 0-4 | split MNIST: ACC % | permuted MNIST: ACC % |"
    lines = [head, "| --- | --- | ---: | ---: | ---: |"]
    for name in METHODS:
        shown = [
            cell(key, figure(f"{folder}/{name}", key)) if name in read(folder)["methods"] else "–"
            for folder, key in columns
        ]
        about = METHODS.about(name)
        lines.append(f"| [`{name}`]({name}.md) | {escaped(about)} | {' | '.join(shown)} |")
    return "\n".join(lines)


def _serves() -> str:
    lines = [f"| `{name}` | {serves(name)} |" for name in METHODS]
    return "| method | serves |\n| --- | --- |\n" + "\n".join(lines)


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
    "cli": ("Command line", command_line.page),
    "settings": ("Settings", settings_page.page),
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
