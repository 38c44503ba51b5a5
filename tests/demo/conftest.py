"""Small runs whose learners were kept after every task."""

from __future__ import annotations

from pathlib import Path

import pytest

import gencl
from tests.conftest import tiny


def trained(folder: Path, preset: str, *changes: str, method: str = "sgd") -> gencl.Run:
    return gencl.train(preset, method, 0, folder, set=[*tiny(preset), *changes], progress="silent")


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> gencl.Run:
    """A conditional GAN of three digits."""
    return trained(tmp_path_factory.mktemp("demo") / "digits", "digits-cgan", "keep=tasks")


@pytest.fixture(scope="session")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two methods and joint training."""
    folder = tmp_path_factory.mktemp("demo") / "methods"
    changes = [*tiny("digits-cgan"), "keep=tasks"]
    gencl.compare("sgd,anpyc,joint", [0], folder, "digits-cgan", set=changes, progress="silent")
    return folder


@pytest.fixture(scope="session")
def vae(tmp_path_factory: pytest.TempPathFactory) -> gencl.Run:
    """A VAE of three digits."""
    return trained(tmp_path_factory.mktemp("demo") / "vae", "digits-vae", "keep=tasks")
