"""A run directory, read: settings, measures, and the trained learner, ready to sample and evaluate."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file

from gencl import files, ready
from gencl.datasets.waiting import say
from gencl.errors import GenclError, UsageError
from gencl.metrics.evaluator import Evaluator
from gencl.metrics.perceptual import Backbone
from gencl.models.learner import GenerativeLearner, Learner
from gencl.plugins.needed import require
from gencl.processes import Processes
from gencl.reports.grids import sample_grid
from gencl.reports.notebook import Shown, evaluation_html, run_html
from gencl.settings import EvaluateSettings, Settings, check, read_yaml
from gencl.training import documents, latent_space, learned_images
from gencl.training.build import make_accelerator, make_learner, make_scenario

LARGE = 10_000
"""A model whose settings' numbers come to more than this is looked at before it is built."""


class Run:
    """What one training left in a directory. Nothing in it is ever unpickled."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    def _repr_html_(self) -> str | None:
        return run_html(self)

    @property
    def ready(self) -> bool:
        """Whether this model comes with gencl: nothing is written beside it."""
        return self.path.parent == ready.FOLDER

    @property
    def finished(self) -> bool:
        """Whether all tasks were learned and everything was written: the model is of all that were added later, and
        the report, which is written last, is there."""
        if not all((self.path / name).is_file() for name in ("report.html", "model.json")):
            return False
        try:
            return self.card.extended == len(self.settings.extend)
        except GenclError:
            return False

    @property
    def settings(self) -> Settings:
        path = self.path / "config.yaml"
        settings: Settings = check(Settings, read_yaml(path), str(path))
        return settings

    @property
    def metrics(self) -> dict[str, Any]:
        """The content of metrics.json. Raises GenclError when it is absent or damaged."""
        return documents.read(self.path / "metrics.json", documents.Metrics)[1]

    @property
    def evaluation(self) -> dict[str, Any]:
        """The content of evaluation.json: what was measured at the end of training, or by `evaluate` since.

        Raises GenclError when it is absent or damaged.
        """
        return documents.read(self.path / "evaluation.json", documents.Evaluation)[1]

    @property
    def card(self) -> documents.ModelCard:
        """The content of model.json. Raises GenclError when it is absent or damaged."""
        return documents.read(self.path / "model.json", documents.ModelCard)[0]

    def learner(self, device: str = "cpu") -> Learner:
        """The trained learner, in evaluation mode. Raises GenclError when its files are absent or damaged."""
        card, weights = self.card, self.path / "model.safetensors"
        require(card.plugins, self.path / "model.json")
        try:
            if files.sha256(weights) != card.sha256:
                raise ValueError("its checksum is not the one in model.json")
            if _numbers(card.model) + _numbers(card.tasks) > LARGE:  # told apart from a lie before memory is asked for
                with torch.device("meta"):
                    declared = sum(tensor.numel() for tensor in _built(card).state_dict().values())
                if declared > weights.stat().st_size:
                    raise ValueError(f"model.json declares {declared:,} numbers, more than the file has bytes")
            learner = _built(card)
            learner.load_state_dict(load_file(weights))
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError, UsageError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise GenclError(f"{weights} cannot be used with model.json: {reason}") from error
        return learner.to(device).eval()

    def untrained(self, tasks: int) -> Learner:
        """A learner as it was built and has grown for the first so many tasks: shapes, not what was learned."""
        require(self.card.plugins, self.path / "model.json")
        return _built(self.card, tasks)

    def generator(self, device: str = "cpu") -> GenerativeLearner:
        """The trained learner, or the generator beside it. Raises UsageError if it is a classifier without one."""
        generator = self.learner(device).generative()
        if generator is None:
            raise UsageError(f"{self.path} holds a classifier without model.generator: there are no images to draw")
        return generator

    def class_names(self) -> list[str]:
        """The classes' names by number."""
        return self.card.class_names

    def sample(
        self, classes: Sequence[int] | None = None, n: int = 64, task: int | None = None, seed: int | None = None
    ) -> Image.Image:
        """A grid with a row per class and as many columns as n images need; every column has one latent.

        Args:
            classes: class numbers; default those of ``task``, or all.
            task: 1 for the first.
            seed: of the latents; default the run's.

        Raises UsageError for a class or task that was not learned.
        """
        learner = self.generator()
        of_task = learner.classes if task is None else list(latent_space.classes_of(learner, task))
        wanted = list(classes) if classes else of_task
        latent_space.check_classes(learner, wanted)
        columns = max(1, -(-n // len(wanted)))
        seed = self.card.seed if seed is None else seed
        return sample_grid(learner, self.class_names(), wanted, columns, seed)

    def reconstruct(
        self,
        images: Sequence[str | Path] = (),
        n: int = 12,
        task: int | None = None,
        data_root: str | Path | None = None,
    ) -> Image.Image:
        """Images, each above what the VAE makes of it, two rows a task.

        Args:
            images: files; default held-out images of the run's own data. One of another size is resized, with a
                warning.
            n: held-out images a task.
            task: 1 for the first; default all, and for ``images`` the one that gives each image back best.
            data_root: where data sets lie, for held-out images.

        Raises UsageError for a learner that cannot encode, a task that was not learned, or a file that is not there.
        """
        return latent_space.reconstruct(self, images, task, n, data_root)

    def interpolate(
        self,
        images: Sequence[str | Path] = (),
        task: int | None = None,
        classes: Sequence[int] | None = None,
        steps: int = 9,
        seed: int | None = None,
    ) -> Image.Image:
        """What lies between two images (VAEs), two latents, or two classes: a straight line in the first hidden units.

        Args:
            images: two files; default none: latents are drawn.
            task: 1 for the first; for latents only its classes, a row each. For images default the one that gives each
                back best.
            classes: one, between pairs of latents; or two, from one to the other with the same latents.
            steps: images of a row, both ends included.
            seed: of the latents; default the run's.

        Raises UsageError as `reconstruct` does, and for classes that were not learned.
        """
        return latent_space.interpolate(self, images, task, classes, steps, seed)

    def evaluate(
        self,
        metrics: Sequence[str] | None = None,
        n: int | None = None,
        features: str | None = None,
        data_root: str | Path | None = None,
        device: str = "auto",
        batch_size: int = 500,
        weights: Sequence[str | Path] = (),
        backbone: Backbone = "alex",
    ) -> dict[str, Any]:
        """Measures the trained learner on all its tasks, writes evaluation.json (not of a ready model) and returns its
        content.

        Under `accelerate launch` or torchrun all processes share the work; the first one writes.

        Args:
            metrics: names, or groups of them (`gencl.metrics.GROUPS`); default all that apply, without those that are
                measured on request only.
            n: generated images a task; default the run's.
            features: name of an extractor; default the run's.
            data_root: where data sets lie.
            device: auto, cpu, cuda or mps.
            batch_size: images at a time; changes memory, not the figures.
            weights: files of weights for Inception or LPIPS; default those that are published.
            backbone: of LPIPS, alex or vgg.

        Raises UsageError when nothing can be measured, or for a model without its run's config.yaml.
        """
        if not (self.path / "config.yaml").is_file():
            raise UsageError(
                f"{self.path} holds a model alone: put its run's config.yaml there, which says what data to measure on"
            )
        if not self.ready:
            files.check_folder(self.path)
        settings = self.settings
        require(settings.plugins, self.path, ("datasets", "scenarios", "learners", "metrics", "extractors"))
        changes: dict[str, Any] = {"samples": n, "features": features}
        changes = {key: value for key, value in changes.items() if value is not None}
        wanted = check(EvaluateSettings, {**settings.evaluate.model_dump(), **changes}, "evaluate", "evaluate.")
        accelerator = make_accelerator(device)
        processes = Processes(accelerator)
        root = None if data_root is None else Path(data_root)
        with processes.main_first():
            scenario = make_scenario(settings, root).to(accelerator.device)
        learner = self.learner(str(accelerator.device))
        known = max(len(learner.tasks), len(scenario.planned))  # fewer while the run is being extended
        tasks = list(scenario.tasks[:known])
        if [task.classes for task in tasks] != learner.tasks:
            raise GenclError(f"{self.path / 'config.yaml'} has other tasks than model.json")
        with processes.main_first():
            evaluator = Evaluator(
                learner,
                scenario,
                wanted,
                settings.seed,
                metrics,
                batch_size,
                "auto" if processes.main else "silent",
                processes,
                weights,
                backbone,
            )
        if not evaluator.metrics and not evaluator.final_metrics:
            raise UsageError("nothing can be measured: no metric applies (--features none leaves a generator unread)")
        evaluator.remembers(learned_images.of_run(self.path))
        snapshot = evaluator.snapshot(tasks, final=True)
        result = evaluator.evaluation(snapshot)
        for note in evaluator.notes(snapshot) if processes.main else ():
            say(note)
        if processes.main and not self.ready:
            files.write_json(self.path / "evaluation.json", result)
        processes.wait()
        return Shown(result, evaluation_html)

    @property
    def report(self) -> Path:
        """The path of report.html, which is written where it is not there."""
        path = self.path / "report.html"
        return path if path.is_file() else self.write_report()

    def analyze(self, *names: str, **options: Any) -> list[Path]:
        """Draws the papers' analysis figures into ``analysis/`` and returns the pictures' paths: `gencl.analyze`."""
        from gencl.analysis import analyze

        return analyze(self.path, names, **options)[0]

    def write_report(self, out: str | Path | None = None) -> Path:
        """Writes report.html (or ``out``) and returns its path. Raises UsageError for a ready model without ``out``."""
        if self.ready and out is None:
            raise UsageError(f"{self.path.name} is a ready model: say by --out where its report goes")
        from gencl.reports.html import render

        path = self.path / "report.html" if out is None else Path(out)
        files.check_folder(path.parent)
        files.write(path, render(self))
        return path


def _built(card: documents.ModelCard, tasks: int | None = None) -> Learner:
    """A learner as the card says, grown for the first so many tasks (all), on PyTorch's present default device."""
    learner = make_learner(card.model, card.image_shape, card.seed, torch.get_default_device())
    for classes in card.tasks[:tasks]:
        learner.grow(classes, 0)
    return learner


def _numbers(tree: object) -> int:
    """The sum of all whole numbers in a tree."""
    if isinstance(tree, dict):
        return sum(map(_numbers, tree.values()))
    if isinstance(tree, list):
        return len(tree) + sum(map(_numbers, tree))
    return abs(tree) if isinstance(tree, int) else 0


def load_run(path: str | Path) -> Run:
    """The run, or the model alone (model.json, model.safetensors), in a directory, or the ready model of this name.

    Raises UsageError if there is none.
    """
    run = Run(ready.locate(path))
    if not any((run.path / name).is_file() for name in ("config.yaml", "model.json")):
        what = "is not a run: it has no config.yaml" if run.path.is_dir() else "is not a directory"
        what = what if run.path.exists() else "does not exist"
        known = f", or the name of a ready model: {', '.join(ready.names())}" if ready.names() else ""
        raise UsageError(f"{run.path} {what}; give the directory that gencl train wrote{known}")
    return run


def sample(run: str | Path, classes: Sequence[int] | None = None, n: int = 64, **options: Any) -> Image.Image:
    """A grid of images from the generator in a directory: `Run.sample`."""
    return load_run(run).sample(classes, n, **options)


def reconstruct(run: str | Path, images: Sequence[str | Path] = (), n: int = 12, **options: Any) -> Image.Image:
    """Images beside what the VAE in a directory makes of them: `Run.reconstruct`."""
    return load_run(run).reconstruct(images, n, **options)


def interpolate(run: str | Path, images: Sequence[str | Path] = (), **options: Any) -> Image.Image:
    """What lies between two images, latents or classes of the generator in a directory: `Run.interpolate`."""
    return load_run(run).interpolate(images, **options)


def evaluate(run: str | Path, metrics: Sequence[str] | None = None, **options: Any) -> dict[str, Any]:
    """Measures the learner in a directory on its tasks: `Run.evaluate`."""
    return load_run(run).evaluate(metrics, **options)
