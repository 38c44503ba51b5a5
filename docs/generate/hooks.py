"""MkDocs' hooks: pages that the code writes, files from elsewhere in the repository, and the links to them.

A page of a method is ``docs/methods/NAME.md``; its docstring is added. What else is made of the code, and the tables of
``results/``, stand in the committed pages: see tables.py.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import formulas
import reference
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import get_plugin_logger
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from gencl.methods import METHODS

ROOT = Path(__file__).parents[2]
ELSEWHERE = "project"
"""Where on the site the files of the repository lie that are not in docs/."""
_TAKEN = (
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "*/README.md",
    "models/*/README.md",
    "cli/reproduce/README.md",
    "benchmarks/RESULTS.md",
)
_TAKEN_BELOW = (
    ("results", (".md", ".png", ".json", ".csv")),
    ("samples", (".png", ".gif", ".csv")),
    ("models", (".png",)),
)
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\]\([^)]*\))*)\]\(([^)\s#]+)(#[^)\s]*)?\)")
_log = get_plugin_logger("gencl")


def _elsewhere() -> Iterator[str]:
    """Files of the repository, as paths from its root, that the site shows too."""
    for pattern in _TAKEN:
        yield from (path.relative_to(ROOT).as_posix() for path in ROOT.glob(pattern))
    for folder, endings in _TAKEN_BELOW:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in endings and path.name != "README.md":
                yield path.relative_to(ROOT).as_posix()


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Completes the navigation: further pages of docs/, the methods, the reference, the project."""
    fence = {"name": "math", "class": "math", "format": formulas.fence}
    config.mdx_configs["pymdownx.superfences"] = {"custom_fences": [fence]}
    sections: dict[str, list[Any]] = {}
    nav = config.nav or []
    for entry in nav:
        sections |= {name: pages for name, pages in entry.items() if isinstance(pages, list)}
    docs = Path(config.docs_dir)
    sections["How to"] += reference.more_pages()
    for name in METHODS:
        if not (docs / "methods" / f"{name}.md").exists():
            _log.warning(f"method {name} has no page: write docs/methods/{name}.md")
    sections["Methods"] += [{name: f"methods/{name}.md"} for name in METHODS]
    sections["Reference"] += [{title: f"reference/{name}.md"} for name, (title, _) in reference.PAGES.items()]
    project = {"Results": "results/README.md", "Pictures": "samples/README.md", "Ready models": "models/README.md"}
    project |= {"Speed": "benchmarks/RESULTS.md"}
    project |= {"The papers' scripts": "cli/reproduce/README.md", "Changes": "CHANGELOG.md"}
    project |= {"Contributing": "CONTRIBUTING.md"}
    nav.append({"Project": [{title: f"{ELSEWHERE}/{path}"} for title, path in project.items()]})
    config.nav = nav
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the generated pages, and the files from elsewhere."""
    for name, (_, make) in reference.PAGES.items():
        files.append(File.generated(config, f"reference/{name}.md", content=make()))
    for path in _elsewhere():
        files.append(File.generated(config, f"{ELSEWHERE}/{path}", abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Fills in what is generated, and leads links to where their targets are on the site."""
    uri = page.file.src_uri
    name = uri.removeprefix("methods/").removesuffix(".md")
    if name in METHODS and uri.startswith("methods/"):
        markdown = f"{markdown}\n\n{reference.docstring(name)}"
    source = uri.removeprefix(f"{ELSEWHERE}/") if uri.startswith(f"{ELSEWHERE}/") else f"docs/{uri}"
    return _LINK.sub(lambda match: _link(match, source, uri, files), markdown)


def _link(match: re.Match[str], source: str, uri: str, files: Files) -> str:
    """A link of the file ``source`` of the repository, on the page ``uri`` of the site."""
    picture, text, target, anchor = match[1], match[2], match[3], match[4] or ""
    if "://" in target or target.startswith("mailto:"):
        return match[0]
    text = _LINK.sub(lambda inner: _link(inner, source, uri, files), text)
    path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
    if (ROOT / path).is_dir():
        path = f"{path}/README.md"
    if path == "README.md":
        path = "docs/index.md"
    place = path.removeprefix("docs/") if path.startswith("docs/") else f"{ELSEWHERE}/{path}"
    if files.get_file_from_path(place) is None and not path.startswith("docs/") and (ROOT / path).exists():
        return text  # a source file, which the site does not show
    return f"{picture}[{text}]({posixpath.relpath(place, posixpath.dirname(uri) or '.')}{anchor})"
