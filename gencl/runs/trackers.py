"""Starts each of Accelerate's trackers for a run, and sends it pictures. Each tracker does both in its own way."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from accelerate.tracking import LOGGER_TYPE_TO_CLASS, GeneralTracker
from PIL.Image import Image

PROJECT = "gencl"


@dataclass(frozen=True)
class Followed:
    """A run as trackers see it: its directory, its title, and the step at which it starts or resumes."""

    folder: Path
    title: str
    step: int


Options = Callable[[Followed], Mapping[str, Any]]
"""Returns the arguments for Accelerate's tracker."""
Draw = Callable[[Any, Image, int], object]
"""Sends a picture to a tracker, at a step."""


def make(name: str, run: Followed) -> GeneralTracker:
    """Return a tracker that is not started yet."""
    return LOGGER_TYPE_TO_CLASS[name](**KINDS[name][0](run))


def draw(name: str, tracker: GeneralTracker, picture: Image, step: int) -> None:
    """Send a grid of samples to a tracker."""
    KINDS[name][1](tracker, picture, step)


def finish(name: str, tracker: GeneralTracker) -> None:
    """Finish a tracker, which writes all that is pending."""
    if name == "trackio":  # after tracker.finish it would finish, and print that, again at exit
        import_module("trackio").finish()
    else:
        tracker.finish()


def _tensorboard(run: Followed) -> Mapping[str, Any]:
    purge = run.step + 1 if run.step else None
    return {"run_name": "tensorboard", "logging_dir": run.folder, "purge_step": purge}


def _wandb(run: Followed) -> Mapping[str, Any]:
    project = os.environ.get("WANDB_PROJECT", PROJECT)
    return {"run_name": project, "dir": str(run.folder), "name": run.title, "group": run.title}


def _aim(run: Followed) -> Mapping[str, Any]:
    repository = run.folder / "aim"
    repository.mkdir(exist_ok=True)
    quiet = {"system_tracking_interval": None, "capture_terminal_logs": False}
    return {"run_name": run.title, "logging_dir": str(repository), "experiment": PROJECT, **quiet}


def _dvclive(run: Followed) -> Mapping[str, Any]:
    return {"dir": str(run.folder / "dvclive"), "resume": run.step > 0, "save_dvc_exp": False, "dvcyaml": False}


def _swanlab(run: Followed) -> Mapping[str, Any]:
    return {"run_name": PROJECT, "experiment_name": run.title, "logdir": str(run.folder / "swanlab")}


def _to_tensorboard(tracker: Any, picture: Image, step: int) -> None:
    tracker.log_images({"samples": np.asarray(picture)[None]}, step=step, dataformats="NHWC")


def _as_list(tracker: Any, picture: Image, step: int) -> None:
    tracker.log_images({"samples": [picture]}, step=step)


def _as_array(tracker: Any, picture: Image, step: int) -> None:
    tracker.log_images({"samples": np.asarray(picture)}, step=step)


def _to_aim(tracker: Any, picture: Image, step: int) -> None:
    tracker.log_images({"samples": picture}, step=step)


def _to_comet(tracker: Any, picture: Image, step: int) -> None:
    tracker.tracker.log_image(picture, name="samples", step=step)


def _to_dvclive(tracker: Any, picture: Image, step: int) -> None:
    tracker.tracker.log_image(f"samples/{step}.png", picture)


def _to_mlflow(tracker: Any, picture: Image, step: int) -> None:
    import mlflow

    mlflow.log_image(picture, key="samples", step=step)


def _to_trackio(tracker: Any, picture: Image, step: int) -> None:
    import trackio

    tracker.log({"samples": trackio.Image(picture)}, step=step)


KINDS: Mapping[str, tuple[Options, Draw]] = {
    "aim": (_aim, _to_aim),
    "clearml": (lambda run: {"run_name": PROJECT, "task_name": run.title}, _as_array),
    "comet_ml": (lambda run: {"run_name": PROJECT}, _to_comet),
    "dvclive": (_dvclive, _to_dvclive),
    "mlflow": (lambda run: {"experiment_name": PROJECT, "run_name": run.title}, _to_mlflow),
    "swanlab": (_swanlab, _as_list),
    "tensorboard": (_tensorboard, _to_tensorboard),
    "trackio": (lambda run: {"run_name": PROJECT, "name": run.title}, _to_trackio),
    "wandb": (_wandb, _as_list),
}
