"""A run directory, read: settings, measures, and the trained learner, ready to sample and evaluate."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file

from gencl import files
from gencl.errors import GenclError, UsageError
from gencl.metrics.evaluator import Evaluator
from gencl.models.learner import GenerativeLearner, Learner
from gencl.reports.grids import sample_grid
from gencl.settings import Settings, check, read_yaml
from gencl.training.build import make_accelerator, make_learner, make_scenario


class Run:
    """What one training left in a directory. Nothing in it is ever unpickled."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    @property
    def finished(self) -> bool:
        """Whether all tasks were learned and everything was written (the report is written last)."""
        return (self.path / "report.html").is_file() and (self.path / "model.json").is_file()

    @property
    def settings(self) -> Settings:
        path = self.path / "config.yaml"
        settings: Settings = check(Settings, read_yaml(path), str(path))
        return settings

    @property
    def metrics(self) -> dict[str, Any]:
        """The content of metrics.json."""
        return read_json(self.path / "metrics.json")

    def learner(self, device: str = "cpu") -> Learner:
        """The trained learner, in evaluation mode. Raises GenclError when its files are absent or damaged."""
        card, weights = read_json(self.path / "model.json"), self.path / "model.safetensors"
        try:
            if files.sha256(weights) != card["sha256"]:
                raise ValueError("its checksum is not the one in model.json")
            learner = make_learner(card["model"], card["image_shape"], card["seed"], "cpu")
            for classes in card["tasks"]:
                learner.grow(classes, 0)
            learner.load_state_dict(load_file(weights))
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
            raise GenclError(f"{weights} cannot be used: {error}") from error
        return learner.to(device).eval()

    def generator(self, device: str = "cpu") -> GenerativeLearner:
        """The trained learner, if it generates images. Raises UsageError if it is a classifier."""
        learner = self.learner(device)
        if not isinstance(learner, GenerativeLearner):
            raise UsageError(f"{self.path} holds a classifier, which has no images to draw")
        return learner

    def class_names(self) -> list[str]:
        names: list[str] = read_json(self.path / "model.json")["class_names"]
        return names

    def sample(
        self, classes: Sequence[int] | None = None, n: int = 64, task: int | None = None, seed: int | None = None
    ) -> Image.Image:
        """A grid with a row per class and n images in all (at least one a class); every column has one latent.

        Args:
            classes: class numbers; default those of ``task``, or all.
            task: 1 for the first.
            seed: of the latents; default the run's.

        Raises UsageError for a class or task that was not learned.
        """
        learner = self.generator()
        if task is not None and not 1 <= task <= len(learner.tasks):
            raise UsageError(f"--task {task}: the run learned tasks 1 to {len(learner.tasks)}")
        wanted = list(classes) if classes else list(learner.tasks[task - 1]) if task else learner.classes
        unknown = sorted(set(wanted) - set(learner.classes))
        if unknown:
            raise UsageError(f"--classes: {unknown} were not learned; the run knows {sorted(learner.classes)}")
        columns = max(1, -(-n // len(wanted)))
        seed = read_json(self.path / "model.json")["seed"] if seed is None else seed
        return sample_grid(learner, self.class_names(), wanted, columns, seed)

    def evaluate(
        self,
        metrics: Sequence[str] | None = None,
        n: int | None = None,
        features: str | None = None,
        data_root: str | Path | None = None,
        device: str = "auto",
    ) -> dict[str, Any]:
        """Measures the trained learner on all its tasks, writes evaluation.json and returns its content."""
        settings = self.settings
        changes: dict[str, Any] = {"samples": n, "features": features}
        wanted = settings.evaluate.model_copy(update={k: v for k, v in changes.items() if v is not None})
        accelerator = make_accelerator(device)
        scenario = make_scenario(settings, None if data_root is None else Path(data_root)).to(accelerator.device)
        learner = self.learner(str(accelerator.device))
        evaluator = Evaluator(learner, scenario, wanted, settings.seed, metrics)
        tasks = list(scenario.tasks)
        measured = evaluator.measure(evaluator.snapshot(), tasks)
        rows = [
            {"task": task.name, **{name: values[i] for name, values in measured.items()}}
            for i, task in enumerate(tasks)
        ]
        result = {
            "schema": 1,
            "features": evaluator.features() or {},
            "n": wanted.samples,
            "tasks": rows,
            "mean": {name: sum(values) / len(values) for name, values in measured.items()},
        }
        files.write_json(self.path / "evaluation.json", result)
        return result

    def write_report(self) -> Path:
        """Writes report.html and returns its path."""
        from gencl.reports.html import render

        path = self.path / "report.html"
        files.write(path, render(self))
        return path


def load_run(path: str | Path) -> Run:
    """The run in a directory. Raises UsageError if there is none."""
    run = Run(path)
    if not (run.path / "config.yaml").is_file():
        what = "is not a run: it has no config.yaml" if run.path.is_dir() else "does not exist"
        raise UsageError(f"{run.path} {what}; give the directory that gencl train wrote")
    return run


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file. Raises GenclError naming the file when it is absent or damaged."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise GenclError(
            f"{path} is missing: the run has not come that far (go on with it: gencl train --resume)"
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise GenclError(f"{path} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise GenclError(f"{path} is damaged: it holds no JSON object")
    return found
