"""Finds the weights that metrics need, published or the user's. A file's tensors tell which network it belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from gencl.core import files as disk
from gencl.core.errors import GenclError, UsageError
from gencl.core.weights import Published, digest_in, fill, read


@dataclass(frozen=True)
class Network:
    """A network whose weights are published: the tensor that identifies its files, and the address of its file.

    None in ``shape`` stands for any size. ``sha256`` is the file's, needed only if its name contains no digits of it.
    """

    name: str
    tensor: str
    shape: tuple[int | None, ...]
    url: str
    sha256: str = ""

    @property
    def published(self) -> Published:
        return Published(self.url, f"the file of weights of {self.name}", "--weights PATH", self.sha256)

    def matches(self, tensors: Mapping[str, Tensor]) -> bool:
        if self.tensor not in tensors or tensors[self.tensor].ndim != len(self.shape):
            return False
        return all(mine in (None, size) for mine, size in zip(self.shape, tensors[self.tensor].shape, strict=True))


def _torchvision(name: str) -> str:
    return f"https://download.pytorch.org/models/{name}"


INCEPTION = Network(
    "Inception-v3 for FID",
    "Conv2d_1a_3x3.conv.weight",
    (32, 3, 3, 3),
    "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth",
)
ALEXNET = Network("AlexNet", "features.0.weight", (64, 3, 11, 11), _torchvision("alexnet-owt-7be5be79.pth"))
VGG16 = Network("VGG-16", "features.0.weight", (64, 3, 3, 3), _torchvision("vgg16-397923af.pth"))
DINOV2 = Network(
    "DINOv2",
    "patch_embed.proj.weight",
    (None, 3, 14, 14),
    "https://dl.fbaipublicfiles.com/dinov2/dinov2_vitl14/dinov2_vitl14_pretrain.pth",
    "d5383ea8f4877b2472eb973e0fd72d557c7da5d3611bd527ceeb1d7162cbf428",
)
NETWORKS = (INCEPTION, DINOV2, ALEXNET, VGG16)


@dataclass(frozen=True)
class WeightFile:
    """Weights that were read from a file.

    ``version`` is the start of the file's sha256. ``published`` tells whether they are the network's published weights.
    """

    network: Network
    path: Path
    tensors: Mapping[str, Tensor]
    version: str
    published: bool

    def fill(self, targets: Mapping[str, Tensor]) -> None:
        """Copy the weights into ``targets``, by name. Raises UsageError if they do not fit."""
        fill(targets, self.tensors, f"--weights: {self.path}", self.network.name)


def find(network: Network, files: Sequence[str | Path], download: bool = True) -> WeightFile | None:
    """Return the network's weights, from the first of ``files`` that holds them, else the published ones.

    None if ``download`` is False and the published ones are not in the cache. Raises UsageError if a file is absent or
    of no known network, GenclError if it is damaged or a download fails.
    """
    for given in files:
        path = disk.place(given)
        tensors = _read(path)
        if network.matches(tensors):
            return _file(network, path, tensors)
        if not any(other.matches(tensors) for other in NETWORKS):
            names = ", ".join(other.name for other in NETWORKS)
            raise UsageError(f"--weights: {path} holds the weights of none of these: {names}")
    if not download and not network.published.present():
        return None
    path = network.published.fetch()
    return _file(network, path, _read(path))


def check_used(files: Sequence[str | Path], networks: Sequence[object]) -> None:
    """Raise UsageError for a file whose weights none of the networks that measure has (`WeightFile.path`)."""
    used = {getattr(network, "weights_path", None) for network in networks}
    for path in map(disk.place, files):
        if path not in used:
            raise UsageError(
                f"--weights: no network that measures here reads {path}; leave it out, or choose its network: "
                "--features inception, --features dinov2 or (gencl evaluate) --metrics lpips"
            )


def _read(path: Path) -> dict[str, Tensor]:
    return read(path, f"--weights: {path}", "a file of weights (.safetensors, or in torch's format)")


def _file(network: Network, path: Path, tensors: Mapping[str, Tensor]) -> WeightFile:
    """Return the weights. Raises GenclError if the name contains a checksum (torchvision's do) that does not match."""
    digest = disk.sha256(path)
    try:
        said = digest_in(path.name)
    except ValueError:
        said = ""
    if not digest.startswith(said):
        raise GenclError(f"--weights: {path} is damaged: its sha256 begins with {digest[:8]}, and its name says {said}")
    return WeightFile(network, path, tensors, digest[:12], digest.startswith(network.published.digest))
