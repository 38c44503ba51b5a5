"""gencl's own training, with the clock of the benchmark and without what measures and draws."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from gencl import presets
from gencl.core.processes import Processes
from gencl.core.settings import Settings
from gencl.methods import building
from gencl.methods.base import Context
from gencl.metrics.evaluator import Evaluator
from gencl.runs.build import make_accelerator, make_learner
from gencl.runs.recorder import Recorder
from gencl.scenarios.task import Scenario
from gencl.training.measuring import Files, Measuring, Timed
from gencl.training.session import Session
from gencl.training.trainer import Trainer

NO_EXTRAS = ("evaluate.features=none", "train.checkpoint_every=1000000")


def settings_for(preset: str, method: str, assignments: Sequence[str]) -> Settings:
    return presets.resolve(preset, method=method, assignments=[*NO_EXTRAS, *assignments])


def places(labels: Tensor, classes: Sequence[int]) -> Tensor:
    """The place of each label among the classes, of the labels' shape."""
    return (labels.unsqueeze(-1) == torch.tensor(classes)).long().argmax(-1)


class OnlyAtTheEnd(Measuring):
    """Measures what was learned after the last task only."""

    def after_task(self, ctx: Context) -> None:
        if ctx.task is self.session.episodes[-1]:
            super().after_task(ctx)


def trained(settings: Settings, scenario: Scenario, clock: Callable[[], float], evaluate: bool = True) -> Session:
    """The session when all is learned; ``state.cost`` has the seconds of training and of importance by ``clock``."""
    with tempfile.TemporaryDirectory() as folder:
        trainer = fresh(settings, scenario, Path(folder), clock, evaluate)
        trainer.fit("silent")
        trainer.session.recorder.close()
    return trainer.session


def fresh(
    settings: Settings,
    scenario: Scenario,
    folder: Path,
    clock: Callable[[], float],
    evaluate: bool = True,
    device: str = "cpu",
) -> Trainer:
    """A trainer of a run in a folder, nothing learned yet; the scenario is on the ``device``."""
    accelerator = make_accelerator(device)
    learner = make_learner(settings.model, scenario.image_shape, settings.seed, accelerator.device)
    evaluator = Evaluator(learner, scenario, settings.evaluate, 0)
    recorder = Recorder(folder, settings, scenario, Processes(accelerator))
    recorder.create(resume=False)
    method = building.build(settings.method)
    session = Session(settings, scenario, learner, method, evaluator, recorder, accelerator)
    session.stopwatch.clock = clock
    trainer = Trainer(session)
    trainer.observers = [*([Timed(session, OnlyAtTheEnd(session))] if evaluate else []), Files(session)]
    return trainer
