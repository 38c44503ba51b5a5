"""Noto emoji by category (Google, Apache-2.0; flags are in the public domain): small pictures that may be published."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from gencl.core.errors import GenclError
from gencl.core.files import printable
from gencl.core.folders import data_root
from gencl.datasets.folder import Listing

PACKAGE = "emoji-datasource-google"
"""The npm package that holds them as files."""

_CLASSES = {
    "Activities": "activities",
    "Animals & Nature": "animals",
    "Flags": "flags",
    "Food & Drink": "food",
    "Objects": "objects",
    "Smileys & Emotion": "smileys",
    "Symbols": "symbols",
    "Travel & Places": "travel",
}
"""The package's categories, and their names here. People are omitted: most are one figure in many skin tones."""


def load(root: Path | None = None, download: bool = True) -> Listing:
    """List 1,520 pictures of 64x64 in eight categories, from the unpacked package in ``ROOT/emoji-datasource-google``.

    Raises GenclError if the package is absent or damaged; nothing is downloaded.
    """
    root = root or data_root()
    folder = next((place for place in (root / PACKAGE, root / PACKAGE / "package") if _index(place).is_file()), None)
    if folder is None:
        raise GenclError(
            f"emoji is not in {root}: looked for {root / 'emoji'}/smileys/*.png, .../animals/*.png, ... and in "
            f"{root / PACKAGE}; get it by: npm pack {PACKAGE}@16.0.0, and unpack the archive there"
        )
    files: dict[str, list[Path]] = defaultdict(list)
    for entry in _entries(_index(folder)):
        if entry.get("has_img_google") and entry.get("category") in _CLASSES:
            files[_CLASSES[entry["category"]]].append(folder / "img" / "google" / "64" / str(entry["image"]))
    absent = next((file for some in files.values() for file in some if not file.is_file()), None)
    if absent is not None or set(files) != set(_CLASSES.values()):
        missing = printable(absent) if absent else "pictures of all categories"
        raise GenclError(f"{printable(folder)} lacks {missing}; unpack the archive of {PACKAGE} again")
    names = sorted(files)
    return Listing(folder, tuple(names), [sorted(files[name]) for name in names])


def _index(folder: Path) -> Path:
    return folder / "emoji.json"


def _entries(index: Path) -> list[dict[str, Any]]:
    try:
        entries = json.loads(index.read_text(encoding="utf-8"))
    except ValueError:
        entries = None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise GenclError(f"{printable(index)} is damaged; unpack the archive of {PACKAGE} again")
    return entries
