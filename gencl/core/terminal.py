"""Consoles for lines, bars and tables, on standard error or standard output.

A run must not fail because its messages cannot be written. In services and notebooks, standard error may be None,
closed or an incomplete stream, and a terminal may be closed during a run.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from rich.console import Console

_NARROWEST = 20
"""A smaller $COLUMNS is ignored: it comes from a terminal that does not know its width."""


class _StandardError:
    """The current ``sys.stderr``. Text that cannot be written is dropped."""

    encoding = "utf-8"

    def write(self, text: str) -> int:
        with suppress(AttributeError, OSError, ValueError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(AttributeError, OSError, ValueError):
            sys.stderr.flush()

    def isatty(self) -> bool:
        with suppress(AttributeError, OSError, ValueError):
            return sys.stderr.isatty()
        return False


ERRORS = _StandardError()


def console(errors: bool = True, width: int | None = None) -> Console:
    """Return a Rich console for standard error or, without ``errors``, for standard output, which is for results."""
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS" or _is_width(value)}
    file = ERRORS if errors else None
    return Console(file=file, stderr=errors, highlight=False, width=width, _environ=environment)  # type: ignore[arg-type]


def _is_width(columns: str) -> bool:
    return columns.isdigit() and int(columns) >= _NARROWEST
