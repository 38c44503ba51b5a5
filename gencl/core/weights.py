"""Published network weights: downloaded once into the cache, verified by SHA-256, and loaded without running code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlparse

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from gencl.core import files
from gencl.core.downloading import impatient
from gencl.core.errors import GenclError, UsageError
from gencl.core.folders import cache_root


@dataclass(frozen=True)
class Published:
    """A published file of weights.

    Args:
        url: its address. Its file name ends in the first digits of the file's SHA-256, as in torch.hub.
        where: the option or setting that needs it, for messages.
        advice: the option with which users give a file of their own, for messages.
        sha256: the digits, if the file name has none.
    """

    url: str
    where: str
    advice: str
    sha256: str = ""

    @property
    def name(self) -> str:
        return Path(urlparse(self.url).path).name

    @property
    def digest(self) -> str:
        """The first digits of the SHA-256. Raises ValueError if neither ``sha256`` nor the file name has them."""
        return self.sha256 or digest_in(self.name)

    @property
    def path(self) -> Path:
        """The path of the file in the cache."""
        return cache_root() / "weights" / self.name

    def present(self) -> bool:
        """Return whether the file is in the cache."""
        return self.path.is_file()

    def fetch(self) -> Path:
        """Return the path of the file, downloaded if absent. Raises GenclError if that fails or the file is damaged."""
        path = self.path
        if not path.is_file():
            self._download(path)
        if not files.sha256(path).startswith(self.digest):
            raise GenclError(
                f"{path} is damaged: its sha256 does not start with {self.digest}; delete it and try again"
            )
        return path

    def _download(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with impatient():
                torch.hub.download_url_to_file(self.url, str(path), hash_prefix=self.digest, progress=False)
        except (OSError, RuntimeError) as error:
            raise GenclError(
                f"{self.where} is absent and cannot be downloaded ({' '.join(str(error).split())}): put {path.name} "
                f"into {path.parent}, or name it by {self.advice}"
            ) from error


def digest_in(name: str) -> str:
    """Return the digits of the SHA-256 in a file name such as ``name-1234abcd.pth``. Raises ValueError without any."""
    match = re.search(r"-([0-9a-f]{8,64})\.\w+$", name)
    if match is None:
        raise ValueError(f"{name} does not end in digits of a sha256")
    return match[1]


def read(path: Path, where: str, advice: str) -> dict[str, Tensor]:
    """Return the named tensors of a .safetensors file or of a file in torch's format (loaded with ``weights_only``).

    Raises UsageError, with ``advice``, if there is no such file, and GenclError if it cannot be read as weights.
    """
    if not path.is_file():
        problem = "it is a folder" if path.is_dir() else "there is no such file"
        raise UsageError(f"{where}: {problem}; give {advice}")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        tensors = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # loading a damaged file may raise anything
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        if not isinstance(error, OSError | SafetensorError):  # PyTorch's text advises unpickling
            reason = "it is neither a .safetensors file nor a state_dict that torch.save has written, or it is damaged"
        raise GenclError(f"{where} cannot be read as weights: {reason}") from error
    if not isinstance(tensors, dict) or not all(isinstance(value, Tensor) for value in tensors.values()):
        raise GenclError(f"{where} cannot be read as weights: it is not a table of named tensors")
    return tensors


def fill(targets: Mapping[str, Tensor], tensors: Mapping[str, Tensor], where: str, whose: str) -> None:
    """Copy ``tensors`` into ``targets`` by name. ``whose`` is the network whose weights are needed, for messages.

    Raises UsageError if a name is missing or has another shape. Additional tensors are ignored.
    """
    what, _, path = where.partition(": ")
    for name, target in targets.items():
        if name not in tensors:
            raise UsageError(f"{what}: {path} has no {name}; it must hold what {whose} holds")
        if tensors[name].shape != target.shape:
            shapes = f"{tuple(tensors[name].shape)} in {path}, and {tuple(target.shape)} in this network"
            raise UsageError(f"{what}: {name} has shape {shapes}")
    with torch.no_grad():
        for name, target in targets.items():
            target.copy_(tensors[name])
