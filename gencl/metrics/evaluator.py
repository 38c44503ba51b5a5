"""Measures a learner on tasks with every metric that applies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gencl.errors import UsageError
from gencl.metrics import METRICS
from gencl.metrics.extractors import make_extractor
from gencl.metrics.metric import Metric
from gencl.metrics.snapshot import Snapshot
from gencl.metrics.transfer import Matrix
from gencl.models.learner import Learner
from gencl.scenarios.task import Scenario, Task
from gencl.settings import EvaluateSettings
from gencl.training.progress import Mode


class Evaluator:
    """The metrics that suit a learner and its images.

    Args:
        learner: what will be measured.
        scenario: the tasks; names the extractor that suits their images (``evaluate.features: auto``).
        settings: samples a task, split and extractor.
        seed: of the latents.
        only: the metrics to measure; default all that apply. Raises UsageError for one that does not.
        batch_size: images that are generated and read at a time.
        progress: how it is shown that a reader is trained.
    """

    def __init__(
        self,
        learner: Learner,
        scenario: Scenario,
        settings: EvaluateSettings,
        seed: int,
        only: Sequence[str] | None = None,
        batch_size: int = 500,
        progress: Mode = "auto",
    ) -> None:
        self.learner, self.scenario, self.settings, self.seed = learner, scenario, settings, seed
        self.batch_size = batch_size
        if settings.split == "validation" and not all(len(task.validation) for task in scenario.tasks):
            raise UsageError("evaluate.split: validation needs data.validation > 0 (it is 0: nothing is kept apart)")
        self.extractor = make_extractor(scenario, settings, progress) if learner.kind == "generate" else None
        if self.extractor is not None:
            self.extractor.to(learner.position.device)
        self.metrics: list[Metric] = []
        for name in METRICS if only is None else only:
            kind: type[Metric] = METRICS.get(name)
            unread = kind.reads_classes and scenario.added > 0
            if kind.applies(learner, self.extractor is not None) and not unread:
                self.metrics.append(kind())
            elif only is not None:
                why = f"it is {METRICS.about(name)}"
                if unread:
                    why = "its feature extractor does not know the classes that were added later"
                elif kind.applies(learner, True):
                    why = "no feature extractor suits its images"
                raise UsageError(f"metric {name} does not apply to {type(learner).__name__}: {why}")

    @property
    def extractor_version(self) -> str:
        return str(getattr(self.extractor, "version", ""))

    def snapshot(self) -> Snapshot:
        """The learner as it is now."""
        settings = self.settings
        return Snapshot(self.learner, self.extractor, settings.samples, self.seed, settings.split, self.batch_size)

    def measure(self, snapshot: Snapshot, tasks: Sequence[Task]) -> dict[str, list[float]]:
        """Each metric's values on the tasks. The learner's mode is as before afterwards."""
        training = self.learner.training
        self.learner.eval()
        try:
            return {metric.name: [metric.measure(snapshot, task) for task in tasks] for metric in self.metrics}
        finally:
            self.learner.train(training)

    def summary(self, matrices: Mapping[str, Matrix], snapshot: Snapshot | None = None) -> dict[str, float]:
        """The figures that are defined; with a snapshot those too that are taken once, at the end."""
        found: dict[str, float | None] = {}
        for metric in self.metrics:
            found.update(metric.summary(matrices[metric.name]))
            if snapshot is not None:
                found.update(metric.final_summary(snapshot, list(self.scenario.tasks)))
        return {name: value for name, value in found.items() if value is not None}

    def features(self) -> dict[str, Any] | None:
        """What scores in features depend on; None when no extractor is used.

        ``added`` names tasks that came later (`gencl.extend`): they are measured in the features that were chosen for
        those before them, so that one matrix has one measure.
        """
        if self.extractor is None:
            return None
        snapshot = self.snapshot()
        references = sorted({snapshot.reference_split(task) for task in self.scenario.tasks})
        added = [task.name for task in self.scenario.tasks[len(self.scenario.planned) :]]
        accuracy = getattr(self.extractor, "accuracy", None)
        return {
            "name": str(self.extractor.name),
            "version": self.extractor_version,
            **({} if accuracy is None else {"accuracy": accuracy}),
            "n": min(len(snapshot.classes_of(task)) for task in self.scenario.tasks),
            "reference": "+".join(references),
            **({"added": added} if added else {}),
        }
