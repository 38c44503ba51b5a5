"""MNIST, from torchvision's files: read without writing into the data root, checked by md5, downloaded when absent."""

from __future__ import annotations

import gzip
import os
import shutil
import socket
import tempfile
from pathlib import Path

import torch
from torchvision.datasets import MNIST
from torchvision.datasets.utils import calculate_md5

from gencl.datasets.dataset import Dataset, Split, data_root
from gencl.errors import GenclError

DOWNLOAD_TIMEOUT_SECONDS = 10
# md5 of the unpacked files; those of the packed ones are torchvision's own (MNIST.resources).
UNPACKED_MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}


def load(root: Path | None = None, download: bool = True) -> Dataset:
    """60,000 training and 10,000 test images of 28x28.

    Looks for torchvision's files in ``ROOT/MNIST/raw`` (packed or not). Raises GenclError when they are absent and
    cannot (or, with ``download=False``, may not) be downloaded, or when one of them is damaged.
    """
    root = root or data_root()
    raw = root / "MNIST" / "raw"
    if not all(_source(raw, name) for name in UNPACKED_MD5):
        _download(root, raw, download)
    # torchvision unpacks beside the packed files; a data root may be shared or read-only, so unpack elsewhere.
    with tempfile.TemporaryDirectory(prefix="gencl-mnist-") as scratch:
        target = Path(scratch) / "MNIST" / "raw"
        target.mkdir(parents=True)
        for name in UNPACKED_MD5:
            _unpack(raw, name, target / name)
        splits = [MNIST(scratch, train=train, download=False) for train in (True, False)]
    train, test = (Split(part.data.unsqueeze(1).to(torch.uint8), part.targets.long()) for part in splits)
    return Dataset("mnist", tuple(str(digit) for digit in range(10)), train, test, reader="digits")


def _source(raw: Path, name: str) -> Path | None:
    """The packed file, else the unpacked one, else None."""
    return next((path for path in (raw / f"{name}.gz", raw / name) if path.is_file()), None)


def _unpack(raw: Path, name: str, target: Path) -> None:
    source = _source(raw, name)
    if source is None:
        raise GenclError(f"{raw / name}.gz is missing after the download; try again")
    packed = {Path(file).name: md5 for file, md5 in MNIST.resources}
    expected = packed.get(source.name) or UNPACKED_MD5[name]
    found = calculate_md5(str(source))
    if found != expected:
        raise GenclError(
            f"{source} is damaged: its md5 is {found}, not {expected}; delete it and fetch it again "
            f"(gencl data prepare mnist)"
        )
    if source.suffix == ".gz":
        with gzip.open(source, "rb") as packed_file, target.open("wb") as file:
            shutil.copyfileobj(packed_file, file)
    else:
        shutil.copyfile(source, target)


def _download(root: Path, raw: Path, allowed: bool) -> None:
    names = ", ".join(f"{name}.gz" for name in UNPACKED_MD5)
    advice = f"looked in {raw} for {names}; put them there, or name their folder with --data-root or $GENCL_DATA"
    if not allowed:
        raise GenclError(f"MNIST is not in {root} (fetch it: gencl data prepare mnist): {advice}")
    parent = next(path for path in (root, *root.parents) if path.exists())
    if not os.access(parent, os.W_OK):
        raise GenclError(f"MNIST is not in {root}, which cannot be written to: {advice}")
    started_before = raw.parent.exists()
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(DOWNLOAD_TIMEOUT_SECONDS)
    try:
        MNIST(str(root), download=True)
    except (OSError, RuntimeError) as error:
        if not started_before:  # leave nothing that looks like a started data set
            shutil.rmtree(raw.parent, ignore_errors=True)
        raise GenclError(
            f"MNIST is absent and cannot be downloaded ({' '.join(str(error).split())}): {advice}"
        ) from error
    finally:
        socket.setdefaulttimeout(before)
