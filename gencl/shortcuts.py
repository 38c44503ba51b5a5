"""What a trained model is for, in one call: the methods of `gencl.Run` as functions of its directory or name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

from gencl.api import load_run
from gencl.core.arguments import Positive
from gencl.core.several import Classes, Files, Names


def sample(run: str | Path, classes: Classes | None = None, n: Positive = 64, **options: Any) -> Image.Image:
    """A grid of images from the generator in a directory: `Run.sample`."""
    return load_run(run).sample(classes, n, **options)


def reconstruct(run: str | Path, images: Files = (), n: Positive | None = None, **options: Any) -> Image.Image:
    """Images beside what the VAE in a directory makes of them: `Run.reconstruct`."""
    return load_run(run).reconstruct(images, n, **options)


def interpolate(run: str | Path, images: Files = (), **options: Any) -> Image.Image:
    """What lies between two images, latents or classes of the generator in a directory: `Run.interpolate`."""
    return load_run(run).interpolate(images, **options)


def evaluate(run: str | Path, metrics: Names | None = None, **options: Any) -> dict[str, Any]:
    """Measures the learner in a directory on its tasks: `Run.evaluate`."""
    return load_run(run).evaluate(metrics, **options)
