"""What the code and ``results/`` say, in the committed Markdown pages, which can be read as they are.

A page holds a line that says what stands there, that text, and ``<!-- end -->``. The line is one of:

- ``<!-- table: FOLDER | METHODS | COLUMNS -->``. METHODS are rows of results/FOLDER, or ``OTHER/METHOD`` of another
  folder; none means all rows, best first. COLUMNS are keys of results.json, or ``published KEY`` for what the papers
  report.
- ``<!-- index -->``, the list of all folders (results/index.yaml).
- ``<!-- generated: WHAT -->``, of `reference.PARTS`.

``python docs/generate/tables.py`` rewrites all blocks; with ``--check`` it only names the pages that are stale.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import figures
import reference
from result_tables import index, table

from gencl.core.brackets import divided

_BEGIN = r"<!-- (?:table: ([^\n]+?)|generated: ([^\n]+?)|index) -->\n"
_END = "<!-- end -->"
_BLOCK = re.compile(rf"({_BEGIN}).*?({_END})", re.DOTALL)


def pages() -> list[Path]:
    """Return the Markdown files that may hold tables."""
    root = figures.ROOT
    return [root / "README.md", *sorted(root.glob("*/README.md")), *sorted((root / "docs").rglob("*.md"))]


def filled(text: str, page: str) -> str:
    """Return a page's text with its tables made anew; ``page`` is its path in the repository, for links."""

    def block(match: re.Match[str]) -> str:
        begin, of_results, generated, end = match.groups()
        if generated is not None:
            part = figures.pick(reference.PARTS, generated, "nothing generates")
            return f"{begin}\n{part(page)}\n\n{end}"
        if of_results is None:
            return f"{begin}\n{index(page)}\n\n{end}"
        folder, methods, columns = (part.strip() for part in f"{of_results}||".split("|")[:3])
        return f"{begin}\n{table(folder, _words(methods), _words(columns), page)}\n\n{end}"

    if any(len(re.findall(_BEGIN, match[0])) > 1 for match in _BLOCK.finditer(text)) or (
        len(re.findall(_BEGIN, text)) != text.count(_END)
    ):
        raise figures.Missing(f"each block ends with {_END}, before another begins")
    return _BLOCK.sub(block, text)


def _words(text: str) -> list[str]:
    return [word.strip() for word in divided(text, ",") if word.strip()]


def main(check: bool) -> int:
    """Rewrite the pages, or name those that are stale; return the exit status. A page that cannot be made stays."""
    stale, broken = [], False
    for path in pages():
        page, text = path.relative_to(figures.ROOT).as_posix(), path.read_text(encoding="utf-8")
        try:
            new = filled(text, page)
        except figures.Missing as error:
            print(f"{page}: {error}", file=sys.stderr)
            broken = True
            continue
        if new != text:
            stale.append(page)
            if not check:
                path.write_text(new, encoding="utf-8")
    for page in stale:
        print(f"{page}: {'stale; run python docs/generate/tables.py' if check else 'written'}")
    return int(broken or (check and bool(stale)))


if __name__ == "__main__":
    if unknown := set(sys.argv[1:]) - {"--check"}:
        sys.exit(f"unknown {' '.join(sorted(unknown))}: python docs/generate/tables.py [--check]")
    sys.exit(main(check="--check" in sys.argv))
