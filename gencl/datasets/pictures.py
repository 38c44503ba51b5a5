"""Picture files as tensors: decoded in parallel, kept in the cache."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from gencl.datasets.dataset import cache_root
from gencl.datasets.resize import fit
from gencl.errors import GenclError, UsageError
from gencl.files import save_tensors

_SUFFIXES = (".png", ".jpg", ".jpeg")
_GREY_MODES = ("1", "L", "LA", "I", "F")


@dataclass(frozen=True)
class Pictures:
    """Images, uint8 (n, c, h, w), their labels (n,), and a hash of each one's pixels before resizing (n,), int64.

    Ordered by label and hash, so that the files' names have no part in it.
    """

    images: Tensor
    labels: Tensor
    content: Tensor


def is_picture(path: Path) -> bool:
    """Whether it is a file whose name says PNG or JPEG."""
    return path.suffix.lower() in _SUFFIXES and not path.name.startswith(".") and path.is_file()


def read_pictures(root: Path, classes: Sequence[Path], size: int | None, channels: int | None) -> Pictures:
    """The pictures of some folders, each a class, below ``root``; from the cache where no file has changed.

    Raises UsageError for a folder without pictures and for several sizes without ``size``, GenclError naming the first
    file that cannot be read.
    """
    files: list[Path] = []
    counts: list[int] = []
    for folder in classes:
        found = sorted(filter(is_picture, folder.iterdir()))
        if not found:
            raise UsageError(f"{folder} holds no pictures (PNG or JPEG); every class needs some")
        files += found
        counts.append(len(found))
    cached = cache_root() / "pictures" / f"{_key(root, files, size, channels)}.safetensors"
    try:
        stored = load_file(cached)
        images, content = stored["images"], stored["content"]
    except (OSError, SafetensorError, KeyError):  # absent or damaged: made again
        images, content = _decode(root, files, size, channels)
        try:
            cached.parent.mkdir(parents=True, exist_ok=True)
            save_tensors(cached, {"images": images, "content": content})
        except (OSError, GenclError):
            pass  # a cache that cannot be written costs time, nothing else
    labels = torch.arange(len(classes)).repeat_interleave(torch.tensor(counts))
    order = torch.from_numpy(np.lexsort((content.numpy(), labels.numpy())))
    return Pictures(images[order], labels, content[order])


def _key(root: Path, files: Sequence[Path], size: int | None, channels: int | None) -> str:
    """Equal for equal names, lengths and times of change, and equal wishes."""
    digest = hashlib.sha256(repr(("pictures 1", size, channels)).encode())
    for file in files:
        about = file.stat()
        digest.update(repr((file.relative_to(root).as_posix(), about.st_size, about.st_mtime_ns)).encode())
    return digest.hexdigest()[:32]


def _decode(root: Path, files: Sequence[Path], size: int | None, channels: int | None) -> tuple[Tensor, Tensor]:
    """Images and content hashes, in the files' order."""

    def read(file: Path) -> tuple[Tensor, int] | None:
        try:
            pixels = _pixels(file)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            return None
        digest = hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).digest()
        image = torch.from_numpy(pixels.reshape(*pixels.shape[:2], -1)).permute(2, 0, 1)[None]
        return fit(image, size, channels).contiguous(), int.from_bytes(digest[:8], "big", signed=True)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(read, files))
    broken = [file for file, result in zip(files, found, strict=True) if result is None]
    if broken:
        raise GenclError(
            f"{broken[0]} cannot be read as a picture ({len(broken)} of {len(files)} files in {root} cannot); "
            "repair or delete it"
        )
    images, content = zip(*(result for result in found if result is not None), strict=True)
    sizes = Counter(tuple(image.shape[2:]) for image in images)
    if len(sizes) > 1:
        (one, _), (other, _) = sizes.most_common(2)
        raise UsageError(
            f"{root}: pictures of {len(sizes)} sizes, {one[1]}x{one[0]} and {other[1]}x{other[0]} among them; "
            "bring them to one with data.size, such as --set data.size=64"
        )
    wanted = max(image.shape[1] for image in images)
    return torch.cat([fit(image, None, wanted) for image in images]), torch.tensor(content)


def _pixels(file: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """A picture upright, (height, width) if it is grey, else (height, width, 3)."""
    with Image.open(file) as opened:
        image = ImageOps.exif_transpose(opened)
        if image.mode.startswith("I"):  # 16 bits a pixel; Pillow would cut them off
            return (np.asarray(image).astype(np.int64).clip(0, 65_535) >> 8).astype(np.uint8)
        return np.array(image.convert("L" if image.mode in _GREY_MODES else "RGB"))
