"""Checks that images are still those that a run was trained and measured on: folders of pictures change."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gencl.core.errors import GenclError, UsageError
from gencl.core.files import is_path, place
from gencl.learners.learner import Learner
from gencl.runs.build import make_scenario
from gencl.runs.folder import RunFolder
from gencl.scenarios.task import Scenario, Task


def learned_tasks(run: RunFolder, scenario: Scenario, learner: Learner) -> list[Task]:
    """Return the tasks that a run's model has learned. They are fewer than the scenario's while a run is extended.

    Raises GenclError if they differ from the scenario's.
    """
    tasks = list(scenario.tasks[: max(len(learner.tasks), len(scenario.planned))])
    if [task.classes for task in tasks] != learner.tasks:
        raise GenclError(f"{run.path / 'config.yaml'} has other tasks than model.json")
    return tasks


@dataclass(frozen=True)
class Fingerprint:
    """Hashes of a task's images: of the training images, and of the held-out ones (validation and test)."""

    train: str
    held_out: str

    @property
    def both(self) -> str:
        """A hash of all the task's images, as recorded in metrics.json."""
        return hashlib.sha256((self.train + self.held_out).encode()).hexdigest()[:16]


def fingerprints(tasks: Sequence[Task]) -> list[Fingerprint]:
    """Return the fingerprint of each task's images."""
    return [
        Fingerprint(task.source(1, 0).fingerprint(), task.validation.fingerprint() + task.test.fingerprint())
        for task in tasks
    ]


def check_images(run: RunFolder, present: Sequence[Fingerprint]) -> None:
    """Raise UsageError if a run has recorded other images of its tasks than the present ones."""
    try:
        metrics = run.metrics
    except GenclError:  # a model and its settings alone, or a run that has learned no task yet
        return
    recorded = metrics.get("images", [])  # ready models have none
    changed = [name for name, one, here in zip(metrics["tasks"], recorded, present, strict=False) if one != here.both]
    if changed:
        raise UsageError(
            f"{run.path}: the images of {', '.join(changed[:3])}{' and others' * (len(changed) > 3)} are not those "
            "that it was trained and measured on (some were added, changed or removed): its figures would be of other "
            "held-out images, and perhaps of another reader; restore them, or train a new run"
        )


def _way_to_tell(run: RunFolder) -> str:
    """Return how to give a run the new place of its pictures; an empty text if none of their folders is missing."""
    settings = run.settings
    domains = settings.scenario.get("domains")
    named = {"data.name": [settings.data.name], "scenario.domains": domains if isinstance(domains, list) else []}
    for key, names in named.items():
        if any(is_path(name) and not place(name).exists() for name in names):
            return f"gencl train --resume --out {run.path} --set {key}=... tells it their new place"
    gone = any(is_path(task.data) and not place(task.data).exists() for task in settings.extend)
    return f"write their new place into {run.path / 'config.yaml'}, under extend" if gone else ""


def scenario_of(run: RunFolder, root: Path | None) -> Scenario:
    """Return the scenario of a run, on the CPU, with the images that the run was trained on.

    Raises UsageError if the images have changed, and the errors of `make_scenario`.
    """
    try:
        scenario = make_scenario(run.settings, root)
    except UsageError as error:
        if not (way := _way_to_tell(run)):
            raise
        raise UsageError(f"{error}; if this run's pictures were moved, {way}") from error
    check_images(run, fingerprints(scenario.tasks))
    return scenario
