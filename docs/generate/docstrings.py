"""Docstrings as they are written here, made ready for Markdown."""

from __future__ import annotations

import re
from typing import Any

import griffe

_CODE = re.compile(r"(``.+?``|`[^`]+`)", re.DOTALL)


class PlainText(griffe.Extension):
    """Formulas such as ``(W - W*)^2`` are plain text in docstrings: no asterisk or bracket of theirs is markup."""

    def on_object(self, *, obj: griffe.Object, **more: Any) -> None:
        """Called for every module, class, function and attribute that was read."""
        if obj.docstring is not None:
            obj.docstring.value = "".join(
                part if number % 2 else re.sub(r"([*<\[])", r"\\\1", part)
                for number, part in enumerate(_CODE.split(obj.docstring.value))
            )
