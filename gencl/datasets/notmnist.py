"""notMNIST: the letters A to J in many fonts (Bulatov 2011); its archive is a folder a letter."""

from __future__ import annotations

from pathlib import Path

from gencl.core.errors import GenclError
from gencl.core.folders import data_root

ARCHIVE = "notMNIST_small"


def load(root: Path | None = None, download: bool = True) -> Path:
    """The folder of its ten classes, ``ROOT/notMNIST_small``. Raises GenclError when it is absent: nothing is fetched,
    since torchvision knows no checksum of it."""
    root = root or data_root()
    folder = root / ARCHIVE
    if not folder.is_dir():
        raise GenclError(
            f"notmnist is not in {root}: looked for {root / 'notmnist'}/A/*.png to J/*.png and in {folder}; unpack "
            f"{ARCHIVE}.tar.gz there, or name the folder that holds it with --data-root or $GENCL_DATA"
        )
    return folder
