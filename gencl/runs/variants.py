"""The methods of a comparison, each with or without changed settings."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gencl.core.brackets import divided
from gencl.core.errors import UsageError
from gencl.core.files import HUB, TORCHVISION

_ASSIGNMENT = r"\s*[\w.+-]+\s*="
"""What follows a ``:`` that begins a setting; a value may contain other colons."""
LONGEST = 200
"""Longest folder name, in characters. File systems allow 255 bytes."""


@dataclass(frozen=True)
class Variant:
    """A method, perhaps with changed settings. The label names its rows and its folder."""

    label: str
    method: str
    assignments: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        name = re.sub(r"[^A-Za-z0-9_.+=-]+", "_", self.label.replace(":", "_"))
        if len(name) <= LONGEST:
            return name
        return f"{name[: LONGEST - 13]}-{hashlib.sha256(self.label.encode()).hexdigest()[:12]}"


def parse_variants(text: str) -> list[Variant]:
    """Return the variants in a text. Raises UsageError if it is malformed.

    ``"ewc,anpyc:method.lambda=3:method.prune=0"`` gives a plain ewc and a changed anpyc.
    """
    variants = []
    for part in divided(text, ","):
        name, *assignments = divided(part.strip(), ":", _ASSIGNMENT)
        if not name or ":" in name or any(map(_stray, assignments)):
            raise UsageError(
                f"--methods: {part.strip()!r}: write NAME or NAME:KEY=VALUE, for example anpyc:method.lambda=3"
            )
        variants.append(Variant(part.strip(), name, tuple(assignments)))
    return variants


def _stray(assignment: str) -> bool:
    """Return whether a value ends in something that should have been a setting."""
    value = assignment.partition("=")[2].strip()
    return len(divided(value, ":")) > 1 and not value.startswith((HUB, TORCHVISION, '"', "'"))


def distinct_variants(methods: Sequence[str | Variant]) -> list[Variant]:
    """Return all variants, with texts parsed. Raises UsageError if a text is malformed or two share a folder."""
    variants: list[Variant] = []
    for item in methods:
        variants += parse_variants(item) if isinstance(item, str) else [item]
    folders = [variant.folder for variant in variants]
    twice = next((variant.label for variant in variants if folders.count(variant.folder) > 1), None)
    if twice is not None:
        raise UsageError(f"--methods: {twice!r} is there twice")
    return variants


def cell_folder(folder: Path, variant: Variant, seed: int) -> Path:
    """Return the folder of a variant's run with this seed within a comparison."""
    return folder / variant.folder / f"seed-{seed}"
