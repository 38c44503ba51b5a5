"""Convert sheets to HTML, with embedded pictures and descriptions, enlarged without smoothing."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from html import escape

from gencl.demo.sheet import Answers, Cell, Row, Sheet
from gencl.drawing.grids import png

LARGE = 72
"""Minimal width of a picture in screen pixels. Smaller pictures are enlarged by an integer factor."""

CSS = """
.gradio-container { max-width: 1400px !important; }
.sheets { color: var(--body-text-color); }
.sheets p { margin: 0 0 .7em; }
.sheets h2 { font-size: 1rem; font-weight: 600; margin: 1em 0 .3em; }
.sheets .row { display: flex; gap: 4px 12px; align-items: center; padding: 2px 0; }
.sheets .name { flex: 0 0 5em; text-align: right; overflow-wrap: anywhere; }
.sheets .cells { flex: 1; display: grid; gap: 4px; grid-template-columns: repeat(auto-fill, minmax(0, var(--side))); }
.sheets .strip { grid-template-columns: repeat(var(--count), minmax(0, var(--side))); }
.sheets .cells > * { width: 100%; aspect-ratio: 1; }
.sheets img { image-rendering: pixelated; margin: 0; display: block; }
.sheets .empty { border: 1px dashed var(--border-color-primary); }
.sheets table { border-collapse: collapse; margin-top: .7em; }
.sheets table, .sheets table * { border: 0 !important; }
.sheets th { text-align: right; font-weight: normal; padding: 2px 12px 2px 0; overflow-wrap: anywhere; }
.sheets td { padding: 2px 8px 2px 0; font-variant-numeric: tabular-nums; }
.sheets td.bar { width: 16em; }
.sheets td.bar div { background: var(--color-accent); height: .8em; min-width: 1px; }
@media (max-width: 700px) {
  .sheets .row { display: block; }
  .sheets .name { text-align: left; }
  .sheets .cells:not(.strip) { grid-template-columns: repeat(4, minmax(0, var(--side))); }
  .sheets td.bar { width: 8em; }
}
"""


def html(caption: str, parts: Sequence[Sheet | Answers], nothing: str = "") -> str:
    """Return a caption with the parts beneath it. If there are no parts, the text ``nothing`` replaces the caption."""
    inner = "".join(_answers(part) if isinstance(part, Answers) else _sheet(part) for part in parts)
    text = caption if parts else nothing
    return f'<div class="sheets" aria-live="polite">{f"<p>{escape(text)}</p>" if text else ""}{inner}</div>'


def _title(title: str) -> str:
    return f"<h2>{escape(title)}</h2>" if title else ""


def _sheet(sheet: Sheet) -> str:
    zoom = -(-LARGE // sheet.width)
    side = zoom * sheet.width
    return _title(sheet.title) + "".join(_row(row, side, sheet.wrapped) for row in sheet.rows)


def _row(row: Row, side: int, wrapped: bool) -> str:
    name = f'<div class="name">{escape(row.name)}</div>' if row.name else ""
    kind = "cells" if wrapped else "cells strip"
    style = f"--side: {side}px; --count: {len(row.cells)}"
    cells = "".join(map(_cell, row.cells))
    return f'<div class="row">{name}<div class="{kind}" style="{style}">{cells}</div></div>'


def _cell(cell: Cell) -> str:
    words = escape(cell.words)
    if cell.picture is None:
        return f'<div class="empty" role="img" aria-label="{words}" title="{words}"></div>'
    data = b64encode(png(cell.picture)).decode("ascii")
    return f'<img alt="{words}" title="{words}" src="data:image/png;base64,{data}">'


def _answers(answers: Answers) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td class="bar"><div style="width: {share:.1%}"></div></td>'
        f"<td>{share:.1%}</td></tr>"
        for name, share in answers.shares
    )
    return f"{_title(answers.title)}<table>{rows}</table>"
