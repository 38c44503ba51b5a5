"""Formulas in fences of ``math``: LaTeX becomes MathML when the site is built, which browsers draw by themselves."""

from __future__ import annotations

from typing import Any

from latex2mathml.converter import convert


def fence(source: str, language: str, css_class: str, options: dict[str, Any], md: Any, **more: Any) -> str:
    """A formula, as pymdownx's superfences want it."""
    return f'<div class="{css_class}">{convert(source, display="block")}</div>'
