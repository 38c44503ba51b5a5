"""The models of a page: a run, or the methods of a comparison, with the learner after every task that was kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TypeVar

from gencl.core import documents
from gencl.core.errors import GenclError, UsageError
from gencl.core.files import optional_place, place, printable
from gencl.core.threads import choose, multiplications
from gencl.learners.capabilities import CLASSIFIER, IMAGES, Capability
from gencl.learners.learner import Learner
from gencl.metrics.figures import REAL
from gencl.reports.comparison import is_comparison
from gencl.run import load_run
from gencl.runs import kept
from gencl.runs.build import make_accelerator
from gencl.runs.documents import Results
from gencl.runs.folder import RunFolder
from gencl.runs.variants import Variant, cell_folder

LOADED = 8
"""The maximal number of learners kept in memory."""

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Model:
    """A trained model with a label, which is empty if it is the only model."""

    label: str
    run: RunFolder
    device: str
    loaders: Mapping[int, Callable[[], Learner]]

    @property
    def tasks(self) -> int:
        """The number of tasks learned."""
        return max(self.loaders)

    def learner(self, task: int | None = None) -> Learner | None:
        """Return the learner after a task (1 for the first; default: the last), None if it was not kept.

        Raises GenclError for a damaged file.
        """
        task = self.tasks if task is None else task
        return _loaded(self, task) if task in self.loaders else None

    def having(self, capability: Capability[T], task: int | None = None) -> T | None:
        """Return a capability of the learner after a task, None if it lacks it or was not kept."""
        learner = self.learner(task)
        return None if learner is None else capability.of(learner)


@lru_cache(maxsize=LOADED)
def _loaded(model: Model, task: int) -> Learner:
    return model.loaders[task]().to(model.device).eval()


@dataclass(frozen=True)
class Subject:
    """The models of a page. The first one determines the classes and tasks to choose from.

    Args:
        name: the name of the run, model or comparison: the last part of its path, or ``hf:OWNER/NAME``.
        about: a text with the methods and the number of tasks.
        models: a single one for a run, one per method for a comparison.
        data_root: the directory of the data sets, for held-out pictures.
    """

    name: str
    about: str
    models: tuple[Model, ...]
    data_root: Path | None = None

    @property
    def title(self) -> str:
        """The title of the page."""
        return f"{self.name}: {self.about}"

    @property
    def tasks(self) -> list[list[int]]:
        """The classes of each task, in the order learned."""
        return self.models[0].run.card.tasks

    @property
    def classes(self) -> list[int]:
        """The classes in the order learned."""
        return self.models[0].run.card.classes

    @cached_property
    def class_names(self) -> list[str]:
        """The names of the classes, by number, read once."""
        return self.models[0].run.class_names()

    @property
    def has_data(self) -> bool:
        """Whether the first run's settings name its data."""
        return (self.models[0].run.path / "config.yaml").is_file()

    def times(self) -> range:
        """Return the longest range of tasks up to the last, without gaps, after which any model kept its learner."""
        kept_of_any = {task for model in self.models for task in model.loaders}
        first = last = len(self.tasks)
        while first - 1 in kept_of_any:
            first -= 1
        return range(first, last + 1)

    def threads(self) -> int:
        """Return the number of CPU threads that suits the largest network."""
        shape = self.models[0].run.card.image_shape
        learners = [learner for model in self.models if (learner := model.learner()) is not None]
        return choose(max(multiplications(learner, shape, LOADED) for learner in learners))

    def having(self, capability: Capability[T]) -> list[Model]:
        """Return the models that have a capability after the last task."""
        return [model for model in self.models if model.having(capability) is not None]


def open_subject(target: str | Path, device: str = "cpu", data_root: str | Path | None = None) -> Subject:
    """Return the subject for a run's directory, a ready model, a comparison's directory, or ``hf:OWNER/NAME``.

    Raises UsageError if ``target`` is none of these or has nothing to show; GenclError for damaged files.
    """
    on = str(make_accelerator(device).device)
    root = optional_place(data_root)
    folder, name = place(target), printable(target if str(target).startswith("hf:") else Path(target).name or target)
    if is_comparison(folder):
        models = tuple(_methods(folder, on))
        about = f"{', '.join(model.label for model in models)}; {_tasks(models[0])}"
    else:
        models = (_model("", load_run(target), on),)
        method = _method_of(models[0].run)
        about = f"{f'{method}, ' if method else ''}{_tasks(models[0])}"
    subject = Subject(name, printable(about), models, root)
    if not subject.having(IMAGES) and not subject.having(CLASSIFIER):
        raise UsageError(
            f"{folder} holds a {type(models[0].learner()).__name__}; a page can show what a generator draws, what an "
            "encoder gives back, and how a classifier answers"
        )
    return subject


def named(subject: Subject, classes: Sequence[int], most: int = 3) -> str:
    """Return the names of at most ``most`` classes, with an ellipsis if there are more."""
    names = [printable(subject.class_names[label]) for label in classes]
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")


def _methods(folder: Path, device: str) -> list[Model]:
    """Return each method's finished run with the lowest seed. Raises UsageError if there is none."""
    results = documents.read(folder / "results.json", Results)[0]
    models = []
    for label in results.methods:
        runs = (RunFolder(cell_folder(folder, Variant(label, label), seed)) for seed in sorted(results.seeds))
        run = next((run for run in runs if label != REAL and run.finished), None)
        if run is not None:
            models.append(_model(printable(label), run, device))
    if not models:
        raise UsageError(f"{folder} has no finished run; gencl compare --out {folder} goes on with it")
    return models


def _model(label: str, run: RunFolder, device: str) -> Model:
    return Model(label, run, device, kept.learners(run))


def _method_of(run: RunFolder) -> str:
    """Return the method's name, or "" for a model without the files of its run."""
    with suppress(GenclError):
        return str(run.metrics["method"])
    with suppress(GenclError):
        return str(run.settings.method["name"])
    return ""


def _tasks(model: Model) -> str:
    return f"{model.tasks} task{'s' * (model.tasks != 1)}"
