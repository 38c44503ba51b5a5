"""Measures a learner on tasks, with every metric that applies."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from gencl.core.processes import Processes
from gencl.core.progress import Mode
from gencl.core.settings import EvaluateSettings
from gencl.learners.capabilities import GENERATOR
from gencl.learners.learner import Learner, predicting
from gencl.metrics.beside import Beside, further_extractors
from gencl.metrics.by_class import by_class
from gencl.metrics.choosing import check_kept_apart, chosen_metrics, pool_size
from gencl.metrics.conditions import Conditions
from gencl.metrics.extractors import make_extractor, make_reader, named
from gencl.metrics.figures import DISTANCES
from gencl.metrics.floor import RealSnapshot
from gencl.metrics.metric import Metric
from gencl.metrics.notes import describe, warnings_of
from gencl.metrics.perceptual import Backbone, Perceptual
from gencl.metrics.returned import figures, number
from gencl.metrics.snapshot import Snapshot
from gencl.metrics.transfer import Matrix
from gencl.metrics.weight_files import check_used
from gencl.scenarios.task import Scenario, Task

MOST_VALUES = 500 * 3 * 64 * 64
"""Most pixel values in a batch of images: a network's layers take many times as much memory."""


class Evaluator:
    """Measures a learner with the metrics that suit it and its images.

    Args:
        learner: the learner to measure.
        scenario: the tasks; their images decide the extractor if ``evaluate.features`` is ``auto``.
        settings: samples per task, split and extractors.
        seed: seed of the latents.
        only: the metrics or groups to measure; default all that apply, except those measured on request only.
            Raises UsageError for one that does not apply.
        batch_size: images that are generated and read at a time; fewer if they exceed 64x64 pixels (`MOST_VALUES`).
        progress: how the training of a classifier, and messages, are shown.
        processes: the processes that measure together.
        weights, backbone: files of weights for the extractors and LPIPS; LPIPS's network.
        features: the `features_name` with which a run that is resumed or extended began.
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
        processes: Processes | None = None,
        weights: Sequence[str | Path] = (),
        backbone: Backbone = "alex",
        features: str = "",
    ) -> None:
        self.learner, self.scenario, self.settings = learner, scenario, settings
        self._progress: Mode = progress
        if settings.split == "validation":
            check_kept_apart(scenario)
        extractor, self.features_name = None, "none"
        if GENERATOR.of(learner):
            self.features_name = features or named(scenario, settings, progress, weights)
            chosen = settings.model_copy(update={"features": self.features_name})
            extractor = make_extractor(scenario, chosen, progress, weights)
        reader = make_reader(scenario, settings, extractor, progress)
        for network in (extractor, reader):
            if network is not None:
                network.to(learner.position.device)
        pool = 0 if extractor is None else pool_size(scenario, settings)
        self.metrics, self.final_metrics = chosen_metrics(
            learner, scenario, extractor, reader, only, bool(pool), progress
        )
        distances = [metric for metric in (*self.metrics, *self.final_metrics) if metric.name in DISTANCES]
        also = settings.also if distances else ()
        self.further = further_extractors(also, scenario, settings, extractor, progress, weights)
        for other in self.further:
            other.to(learner.position.device)
            self.final_metrics += [Beside(distance, other) for distance in distances]
        wanted = any(metric.perceptual for metric in (*self.metrics, *self.final_metrics))
        self.conditions = Conditions(
            samples=settings.samples,
            seed=seed,
            split=settings.split,
            pool=pool,
            batch_size=max(1, min(batch_size, MOST_VALUES // math.prod(scenario.image_shape))),
            extractor=extractor,
            reader=reader,
            perceptual=Perceptual.of(weights, backbone) if wanted else None,
            processes=processes or Processes(),
        )
        check_used(weights, [extractor, self.conditions.perceptual, *self.further])

    @property
    def extractor(self) -> nn.Module | None:
        return self.conditions.extractor

    def remembers(self, learned: Callable[[Task], Tensor | None]) -> None:
        """Set the function that returns a task's images as they were right after learning it."""
        self.conditions = replace(self.conditions, learned=learned)

    def snapshot(self, tasks: Sequence[Task], final: bool = False, keep: bool = False) -> Snapshot:
        """Return a snapshot of the learner after these tasks. ``final``: the metrics of the end use it too. ``keep``:
        features are kept even if no metric needs them."""
        measured = (*self.metrics, *(self.final_metrics if final else ()))
        keep |= bool(self.conditions.pool) or any(metric.keeps_features for metric in measured)
        return Snapshot(self.learner, self.conditions, tasks, keep)

    def measure(self, snapshot: Snapshot) -> dict[str, list[float | None]]:
        """Return the values, one per task of the snapshot, of each metric that is measured after each task."""
        return self._measured(self.metrics, snapshot)

    def evaluation(self, snapshot: Snapshot) -> dict[str, Any]:
        """Return the content of ``evaluation.json``: values of all metrics on the snapshot's tasks, means and floor."""
        metrics = [*self.metrics, *self.final_metrics]
        measured = self._measured(metrics, snapshot)
        measured = {name: values for name, values in measured.items() if any(value is not None for value in values)}
        floor = self.floor(snapshot.tasks)
        return {
            "schema": 1,
            "features": self.features() or {},
            **({"lpips": lpips.about(self.scenario.image_shape)} if (lpips := self.conditions.perceptual) else {}),
            "n": min(len(snapshot.measured_on(task)) for task in snapshot.tasks),
            "tasks": [
                {"task": task.name, **{name: values[i] for name, values in measured.items() if values[i] is not None}}
                for i, task in enumerate(snapshot.tasks)
            ],
            "mean": self._overall([metric for metric in metrics if metric.name in measured], measured),
            "summary": self._together(metrics, snapshot),
            **({"floor": floor} if floor else {}),
            **({"classes": classes} if (classes := self._by_class()) else {}),
        }

    def ahead(self, task: Task, untrained: Callable[[], Learner]) -> dict[str, tuple[float, float]]:
        """Return the scores of the learner and of an ``untrained`` one on a task that is about to be learned. The keys
        are the figures of zero-shot transfer that follow from them (`Metric.ahead`)."""
        metrics = [metric for metric in self.metrics if metric.ahead]
        if not metrics:
            return {}
        sides = [self.snapshot([task]), Snapshot(untrained().eval(), self.conditions, [task])]
        now, first = (self._measured(metrics, side) for side in sides)
        pairs = {metric.ahead: (now[metric.name][0], first[metric.name][0]) for metric in metrics}
        return {name: (one, other) for name, (one, other) in pairs.items() if one is not None and other is not None}

    def floor(self, tasks: Sequence[Task]) -> dict[str, float]:
        """Return the scores of real training images, in place of generated ones, against the held-out images.

        ``n`` is their number in the task with the fewest. Empty if no metric looks at images alone.
        """
        metrics = [metric for metric in (*self.metrics, *self.final_metrics) if metric.of_images]
        if not metrics:
            return {}
        snapshot = RealSnapshot(self.learner, self.conditions, tasks, keep=True)
        measured = self._measured(metrics, snapshot)
        n = min(len(snapshot.classes_of(task)) for task in tasks)
        return {"n": n, **self._overall(metrics, measured), **self._together(metrics, snapshot)}

    def _overall(self, metrics: Sequence[Metric], measured: Mapping[str, list[float | None]]) -> dict[str, float]:
        """Return one value of each metric for all tasks, without undefined ones."""
        return self._figures((m, {m.name: m.overall(measured[m.name])}) for m in metrics)

    def _together(self, metrics: Sequence[Metric], snapshot: Snapshot) -> dict[str, float]:
        """Return the figures over the images of several tasks together."""
        return self._figures((metric, metric.final_summary(snapshot, snapshot.tasks)) for metric in metrics)

    def _figures(self, summaries: Iterable[tuple[Metric, Mapping[str, float | None]]]) -> dict[str, float]:
        """Return the defined figures of the metrics' summaries."""
        found: dict[str, float] = {}
        for metric, values in summaries:
            found |= figures(values, metric.name, self._progress)
        return found

    def _by_class(self) -> dict[str, dict[str, float]]:
        """Return the values per class if a class comes in several tasks or the settings ask for them; else empty."""
        if not self.scenario.recurs and self.settings.by_class == "no":
            return {}
        return by_class(self.learner, self.scenario, self.conditions, self.metrics, self._measured)

    def notes(self, snapshot: Snapshot) -> list[str]:
        """Return warnings about the scores; see `gencl.metrics.notes.warnings_of`."""
        distances = any(metric.of_features for metric in [*self.metrics, *self.final_metrics])
        return warnings_of(snapshot, distances and self.extractor is not None)

    def _measured(self, metrics: Sequence[Metric], snapshot: Snapshot) -> dict[str, list[float | None]]:
        with predicting(self.learner):
            return {metric.name: [self._once(metric, snapshot, task) for task in snapshot.tasks] for metric in metrics}

    def summary(self, matrices: Mapping[str, Matrix], snapshot: Snapshot | None = None) -> dict[str, float]:
        """Return the defined figures of the matrices; with a snapshot also those computed once, at the end."""
        found: dict[str, float] = {}
        for metric in self.metrics:
            found |= self._figures([(metric, metric.summary(matrices[metric.name]))])
            if snapshot is not None:
                found |= self._figures([(metric, metric.final_summary(snapshot, list(self.scenario.tasks)))])
        return found

    def features(self) -> dict[str, Any] | None:
        """Return what scores in features depend on, or None if no extractor is used. Scores compare if all is equal.

        ``classes`` describes the classifier of the images' classes if it is not the extractor. ``added`` names tasks
        that came later (`gencl.extend`). They are measured in the features that were chosen for the planned tasks, so
        that one matrix has one measure.
        """
        if self.extractor is None:
            return None
        snapshot = self.snapshot(self.scenario.tasks)
        metrics = [metric for metric in (*self.metrics, *self.final_metrics) if not isinstance(metric, Beside)]
        pooled = [metric.name for metric in metrics if metric.pooled]
        beside = None if self.conditions.reader is self.extractor else self.conditions.reader
        added = [task.name for task in self.scenario.tasks[len(self.scenario.planned) :]]
        return {
            **describe(self.extractor),
            "n": min(len(snapshot.classes_of(task)) for task in self.scenario.tasks),
            "reference": self.settings.split,
            **({} if beside is None else {"classes": describe(beside)}),
            **({"also": [describe(other) for other in self.further]} if self.further else {}),
            **({"pooled": pooled} if pooled else {}),
            **({"pool": self.conditions.pool} if pooled and not self.scenario.tasks[0].mixture else {}),
            **({"added": added} if added else {}),
        }

    def _once(self, metric: Metric, snapshot: Snapshot, task: Task) -> float | None:
        def measured() -> float | None:
            return number(metric.measure(snapshot, task), metric.name, f"on task {task.name}", self._progress)

        return snapshot.once(("metric", metric.name, task.index), measured)
