"""Methods of `gencl.Run` as functions that take the directory or name of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

from gencl.core.arguments import Positive
from gencl.core.several import Classes, Files, Names
from gencl.run import load_run


def sample(run: str | Path, classes: Classes | None = None, n: Positive = 64, **options: Any) -> Image.Image:
    """Return a grid of images from a run's generator; see `Run.sample`."""
    return load_run(run).sample(classes, n, **options)


def reconstruct(run: str | Path, images: Files = (), n: Positive | None = None, **options: Any) -> Image.Image:
    """Return images above their reconstructions by a run's VAE; see `Run.reconstruct`."""
    return load_run(run).reconstruct(images, n, **options)


def interpolate(run: str | Path, images: Files = (), **options: Any) -> Image.Image:
    """Return images between two images, latents or classes of a run's generator; see `Run.interpolate`."""
    return load_run(run).interpolate(images, **options)


def evaluate(run: str | Path, metrics: Names | None = None, **options: Any) -> dict[str, Any]:
    """Measure a run's learner on its tasks and return the scores; see `Run.evaluate`."""
    return load_run(run).evaluate(metrics, **options)
