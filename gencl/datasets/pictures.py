"""Picture files as tensors: decoded in parallel, kept in the cache."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from gencl.core.errors import GenclError, UsageError
from gencl.core.files import printable, save_tensors
from gencl.core.folders import cache_root
from gencl.core.settings import DataSettings
from gencl.core.waiting import say, waited
from gencl.datasets.decode import Unusable, decode, strict
from gencl.datasets.resize import fit

_NAMED = 10
"""How many of the files that were left out are named."""


@dataclass(frozen=True)
class Pictures:
    """Images, uint8 (n, c, h, w), their labels (n,), and a hash of each one's pixels as decoded (n,), int64.

    Ordered by label and hash, so that the files' names have no part in it.
    """

    images: Tensor
    labels: Tensor
    content: Tensor


@dataclass(frozen=True)
class _Decoded:
    """What the cache holds. ``unusable``: the files that gave no picture, and why; what it lists cannot look whole."""

    pictures: Pictures
    unusable: list[tuple[str, str]]

    def save(self, path: Path) -> None:
        reasons = torch.frombuffer(bytearray(json.dumps(self.unusable).encode()), dtype=torch.uint8)
        save_tensors(path, {**vars(self.pictures), "unusable": reasons})

    @staticmethod
    def load(path: Path) -> _Decoded:
        stored = load_file(path)
        unusable = json.loads(stored.pop("unusable").numpy().tobytes())
        return _Decoded(Pictures(**stored), [(name, reason) for name, reason in unusable])


def read_pictures(root: Path, classes: Sequence[Sequence[Path]], data: DataSettings) -> Pictures:
    """The pictures of some classes, files below ``root``; from the cache where no file has changed.

    Each is cropped to its centre square and resized to ``data.size``.

    Raises UsageError for several sizes without ``data.size`` and a class without a usable picture, GenclError naming
    the first file that gives no picture, unless ``data.broken`` is ``skip``: then they are counted and named on
    standard error.
    """
    cached = cache_root() / "pictures" / f"{_key(root, classes, data.size)}.safetensors"
    try:
        decoded = _Decoded.load(cached)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):  # absent or damaged: made again
        decoded, lasting = _decode(root, classes, data.size)
        if lasting:
            _keep(decoded, cached)
    total = sum(map(len, classes))
    if decoded.unusable and data.broken == "refuse":
        name, reason = decoded.unusable[0]
        raise GenclError(
            f"{printable(root / name)} cannot be used: {reason} ({len(decoded.unusable):,} of {total:,} pictures in "
            f"{printable(root)} cannot); repair or delete it, or leave all such out with --set data.broken=skip"
        )
    if decoded.unusable:
        named = [f"{printable(name)} ({reason})" for name, reason in decoded.unusable[:_NAMED]]
        more = [f"and {len(decoded.unusable) - _NAMED:,} more"] if len(decoded.unusable) > _NAMED else []
        say(f"left out {len(decoded.unusable):,} of {total:,} pictures in {printable(root)}: {', '.join(named + more)}")
    counts = decoded.pictures.labels.bincount(minlength=len(classes)).tolist()
    for files, count in zip(classes, counts, strict=True):
        if not count:
            raise UsageError(f"{printable(files[0].parent)} holds no picture that can be used")
    pictures = decoded.pictures
    return Pictures(fit(pictures.images, None, data.channels), pictures.labels, pictures.content)


def _key(root: Path, classes: Sequence[Sequence[Path]], size: int | None) -> str:
    """Equal for equal classes, names, lengths and times of change, and the same size."""
    digest = hashlib.sha256(repr(("pictures 2", str(root.resolve()), size)).encode())
    for label, files in enumerate(classes):
        for file in files:
            try:
                about = file.stat()
                state = (about.st_size, about.st_mtime_ns, about.st_ctime_ns)
            except OSError as error:
                state = (-1, error.errno or 0, 0)
            digest.update(repr((label, os.fsencode(file.relative_to(root)), state)).encode())
    return digest.hexdigest()[:32]


def _keep(decoded: _Decoded, cached: Path) -> None:
    try:
        cached.parent.mkdir(parents=True, exist_ok=True)
        decoded.save(cached)
    except (OSError, GenclError):
        pass  # a cache that cannot be written costs time, nothing else


def _decode(root: Path, classes: Sequence[Sequence[Path]], size: int | None) -> tuple[_Decoded, bool]:
    """All pictures, and whether what is wrong with some is sure to last."""

    def read(file: Path) -> tuple[Tensor, int] | Unusable:
        try:
            pixels = decode(file, size)
        except Unusable as reason:
            return reason
        digest = hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).digest()
        image = torch.from_numpy(pixels.reshape(*pixels.shape[:2], -1)).permute(2, 0, 1)[None]
        return fit(image, size, None).contiguous(), int.from_bytes(digest[:8], "big", signed=True)

    files = [file for some in classes for file in some]
    images: list[Tensor] = []
    labels, content, unusable = [], [], []
    lasting = True
    with strict(), ThreadPoolExecutor(os.cpu_count()) as pool:
        results = waited(pool.map(read, files), len(files), f"reading {printable(root)}")
        every = (label for label, some in enumerate(classes) for _ in some)
        for file, label, result in zip(files, every, results, strict=True):
            if isinstance(result, Unusable):
                unusable.append((str(file.relative_to(root)), str(result)))
                lasting = lasting and result.lasting
                continue
            images.append(result[0])
            content.append(result[1])
            labels.append(label)
    order = np.lexsort((np.array(content, dtype=np.int64), np.array(labels, dtype=np.int64)))
    pictures = Pictures(
        _joined(root, [images[i] for i in order]),
        torch.tensor(labels, dtype=torch.int64)[order],
        torch.tensor(content, dtype=torch.int64)[order],
    )
    return _Decoded(pictures, unusable), lasting


def _joined(root: Path, images: list[Tensor]) -> Tensor:
    """As one tensor, grey if all are. Raises UsageError where they differ in size."""
    sizes = Counter(tuple(image.shape[2:]) for image in images)
    if len(sizes) > 1:
        one, other = sorted(sizes, key=lambda size: (-sizes[size], size))[:2]
        raise UsageError(
            f"{printable(root)}: pictures of {len(sizes)} sizes, {one[1]}x{one[0]} and {other[1]}x{other[0]} among "
            "them; bring them to one with data.size, such as --set data.size=64"
        )
    wanted = max((image.shape[1] for image in images), default=1)
    return torch.cat([fit(image, None, wanted) for image in images]) if images else torch.empty(0, 1, 1, 1).byte()
