"""Texts in parts, which are divided outside brackets only."""

from __future__ import annotations

import re

_STEPS = {"[": 1, "{": 1, "]": -1, "}": -1}


def divided(text: str, mark: str, before: str = "") -> list[str]:
    """The parts of a text between marks outside ``[...]`` and ``{...}``; with ``before``, a pattern, between those
    that it follows."""
    follows = re.compile(before)
    parts, depth, start = [], 0, 0
    for place, character in enumerate(text):
        depth = max(0, depth + _STEPS.get(character, 0))
        if character == mark and not depth and follows.match(text, place + 1):
            parts.append(text[start:place])
            start = place + 1
    return [*parts, text[start:]]
