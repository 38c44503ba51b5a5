"""Reference pages and parts of pages that are made of the code, and what names each of them."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import command_line
import settings_page
from figures import Missing, figure, read
from result_tables import of_method
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


def own(registry: Registry) -> list[str]:
    """The names that gencl brings: no plug-in's that is installed beside it."""
    return [name for name in registry if not registry.source(name)]


def registry_table(registry: Registry, linked: str = "") -> str:
    """Names and what is said about each."""
    rows = []
    for name in own(registry):
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


def _of_page(page: str) -> str:
    """The method whose page this is."""
    name = Path(page).stem
    if name not in METHODS:
        raise Missing(f"no method is called {name!r}")
    return name


def _method_head(page: str) -> str:
    """What stands above a method's page."""
    name = _of_page(page)
    about = METHODS.about(name)
    preset = " --preset digits-mlp" if serves(name).startswith("classifiers") else ""  # the default one trains a GAN
    return f"*{about[0].upper()}{about[1:]}. Serves {serves(name)}.*\n\n`gencl train{preset} --method {name}`"


def _method_figures(page: str) -> str:
    """A method's rows of several tables; nothing where none has it."""
    measured = of_method(_of_page(page), page)
    note = "The published figures are the papers', of other networks and features: compare orders, not values."
    return f"## Figures\n\n{note}\n\n{measured}" if measured else ""


def _method_settings(page: str) -> str:
    """A method's settings, and what is tried of them."""
    kind = METHODS.get(_of_page(page))
    tried = {**kind.grid, RATE: RATES}
    values = "; ".join(f"`{key}`: {', '.join(map(_tried, tried[key]))}" for key in tried)
    search = f"`gencl tune` tries {values}, and widens these where the best is at an end."
    return f"## Settings\n\n{settings_table(kind.Settings, 'method.')}\n\n{search}"


def docstring(name: str) -> str:
    """What stands below a method's page on the site."""
    kind = METHODS.get(name)
    return f"## In the code\n\n::: {kind.__module__}.{kind.__qualname__}\n{_OPTIONS_BARE}"


def _tried(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"


_OPTIONS_BARE = textwrap.indent(
    "options:\n  members: false\n  show_bases: false\n  merge_init_into_class: false\n  separate_signature: false",
    "    ",
)


def _methods(page: str) -> str:
    """All methods, each with a figure of three experiments."""
    columns = (("mnist-cgan", "fid_first_half"), ("split-mnist", "acc"), ("permuted-mnist", "acc"))
    head = "| method | what it does | MNIST generator: FD of 0-4 | split MNIST: ACC % | permuted MNIST: ACC % |"
    lines = [head, "| --- | --- | ---: | ---: | ---: |"]
    for name in own(METHODS):
        shown = [
            cell(key, figure(f"{folder}/{name}", key)) if name in read(folder)["methods"] else "–"
            for folder, key in columns
        ]
        about = METHODS.about(name)
        lines.append(f"| [`{name}`]({name}.md) | {escaped(about)} | {' | '.join(shown)} |")
    return "\n".join(lines)


def _serves(page: str) -> str:
    lines = [f"| `{name}` | {serves(name)} |" for name in own(METHODS)]
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


def _more(page: str) -> str:
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

PARTS: dict[str, Callable[[str], str]] = {
    "methods": _methods,
    "serves": _serves,
    "head": _method_head,
    "figures": _method_figures,
    "settings": _method_settings,
    "learners": lambda page: registry_table(LEARNERS),
    "datasets": lambda page: registry_table(DATASETS),
    "metrics": lambda page: registry_table(METRICS),
    "extractors": lambda page: registry_table(EXTRACTORS),
    "more": _more,
}
"""What ``<!-- generated: WORD -->`` stands for, of the path in the repository of the page where it stands."""
