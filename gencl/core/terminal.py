"""Where lines, bars and tables for people go: the terminal, a file, a log, or nowhere at all.

A run must not fail because nobody can be told of it: services and notebooks have a standard error that is None, closed
or hardly a stream, and a terminal may be closed meanwhile.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from rich.console import Console

_NARROWEST = 20
"""Fewer columns come from a terminal that does not know its own width."""


class _StandardError:
    """Standard error as it is at the moment; what cannot be written is lost."""

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
    """Return what prints to standard error, or to standard output, which is for results."""
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS" or _is_width(value)}
    file = ERRORS if errors else None
    return Console(file=file, stderr=errors, highlight=False, width=width, _environ=environment)  # type: ignore[arg-type]


def _is_width(columns: str) -> bool:
    return columns.isdigit() and int(columns) >= _NARROWEST
