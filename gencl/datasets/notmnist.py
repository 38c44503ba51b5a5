"""notMNIST: the letters A to J in many fonts (Bulatov 2011); its archive has one folder per letter."""

from __future__ import annotations

from pathlib import Path

from gencl.core.errors import GenclError
from gencl.core.folders import data_root

ARCHIVE = "notMNIST_small"


def load(root: Path | None = None, download: bool = True) -> Path:
    """Return the folder of the ten classes, ``ROOT/notMNIST_small``.

    Raises GenclError if it is absent. It is never downloaded, since torchvision has no checksum for it.
    """
    root = root or data_root()
    folder = root / ARCHIVE
    if not folder.is_dir():
        raise GenclError(
            f"notmnist is not in {root}: looked for {root / 'notmnist'}/A/*.png to J/*.png and in {folder}; unpack "
            f"{ARCHIVE}.tar.gz there, or name the folder that holds it with --data-root or $GENCL_DATA"
        )
    return folder
