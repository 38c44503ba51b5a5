"""Ready models: trained generators that come with gencl and are opened by name.

They are in the clone's ``models/``, which a link makes a part of the package. Each has a model card, README.md.
"""

from __future__ import annotations

from pathlib import Path

from gencl.core.files import place

FOLDER = Path(__file__).parents[1] / "ready_models"


def names() -> list[str]:
    """Return the names of the ready models."""
    return sorted(path.parent.name for path in FOLDER.glob("*/model.json"))


def about(name: str) -> str:
    """Return the first line of a model's card that is neither empty nor a heading."""
    card = (FOLDER / name / "README.md").read_text(encoding="utf-8")
    return next((line for line in card.splitlines() if line and not line.startswith("#")), "")


def locate(path: str | Path) -> Path:
    """Return the path if it exists, else the folder of the ready model of this name, if there is one."""
    return FOLDER / path if str(path) in names() and not place(path).exists() else place(path)
