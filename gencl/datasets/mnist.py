"""MNIST and Fashion-MNIST, read from torchvision's idx files without writing into the data root."""

from __future__ import annotations

import gzip
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import torch
from torchvision.datasets import MNIST, FashionMNIST

from gencl.core.folders import data_root
from gencl.datasets.dataset import Dataset, Split
from gencl.datasets.official import fetch, verify

# md5 of the unpacked files; those of the packed ones are torchvision's own (MNIST.resources).
UNPACKED_MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
UNPACKED_FASHION_MD5 = {
    "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
    "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
    "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
    "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
}
DIGITS = tuple("0123456789")


def load(root: Path | None = None, download: bool = True) -> Dataset:
    """Return 60,000 training and 10,000 test images of 28x28.

    Looks for torchvision's files in ``ROOT/MNIST/raw``, compressed or not. Raises GenclError if they are absent and
    cannot (or, with ``download=False``, may not) be downloaded, or if one of them is damaged.
    """
    train, test = _read(MNIST, "mnist", UNPACKED_MD5, root, download)
    return Dataset("mnist", DIGITS, train, test, reader="digits", symbols=True)


def load_fashion(root: Path | None = None, download: bool = True) -> Dataset:
    """Return Fashion-MNIST: as `load`, from ``ROOT/FashionMNIST/raw``."""
    train, test = _read(FashionMNIST, "fashion-mnist", UNPACKED_FASHION_MD5, root, download)
    return Dataset("fashion-mnist", tuple(FashionMNIST.classes), train, test)


def _read(
    kind: type[MNIST], name: str, unpacked_md5: Mapping[str, str], root: Path | None, download: bool
) -> tuple[Split, Split]:
    root = root or data_root()
    raw = root / kind.__name__ / "raw"

    def there() -> bool:
        return all(_source(raw, file) for file in unpacked_md5)

    if not there():
        packed = [f"{file}.gz" for file in unpacked_md5]
        fetch(name, root, raw, packed, lambda: kind(str(root), download=True), download, there)
    md5 = {**unpacked_md5, **{Path(file).name: value for file, value in kind.resources}}
    # torchvision unpacks beside the packed files; a data root may be shared or read-only, so unpack elsewhere.
    with tempfile.TemporaryDirectory(prefix=f"gencl-{name}-") as scratch:
        target = Path(scratch) / kind.__name__ / "raw"
        target.mkdir(parents=True)
        for file in unpacked_md5:
            source = _source(raw, file) or raw / f"{file}.gz"
            verify(name, source, md5[source.name])
            _unpack(source, target / file)
        parts = [kind(scratch, train=train, download=False) for train in (True, False)]
    train, test = (Split(part.data.unsqueeze(1).to(torch.uint8), part.targets.long()) for part in parts)
    return train, test


def _source(raw: Path, name: str) -> Path | None:
    """Return the path of the compressed file, else of the uncompressed one, else None."""
    return next((path for path in (raw / f"{name}.gz", raw / name) if path.is_file()), None)


def _unpack(source: Path, target: Path) -> None:
    if source.suffix == ".gz":
        with gzip.open(source, "rb") as packed_file, target.open("wb") as file:
            shutil.copyfileobj(packed_file, file)
    else:
        shutil.copyfile(source, target)
