"""Split texts at a separator, but not inside brackets."""

from __future__ import annotations

import re

_STEPS = {"[": 1, "{": 1, "]": -1, "}": -1}


def divided(text: str, mark: str, before: str = "") -> list[str]:
    """Split a text at each ``mark`` outside ``[...]`` and ``{...}``.

    ``before`` is a regular expression; only marks that are followed by a match split the text.
    """
    follows = re.compile(before)
    parts, depth, start = [], 0, 0
    for place, character in enumerate(text):
        depth = max(0, depth + _STEPS.get(character, 0))
        if character == mark and not depth and follows.match(text, place + 1):
            parts.append(text[start:place])
            start = place + 1
    return [*parts, text[start:]]
