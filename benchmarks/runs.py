"""gencl's own training, with the clock of the benchmark and without what measures and draws."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from gencl import methods, presets
from gencl.metrics.evaluator import Evaluator
from gencl.processes import Processes
from gencl.scenarios.task import Scenario
from gencl.settings import Settings
from gencl.training.build import make_accelerator, make_learner
from gencl.training.recorder import Recorder
from gencl.training.trainer import Trainer

NO_EXTRAS = ("evaluate.features=none", "train.checkpoint_every=1000000")


def settings_for(preset: str, method: str, assignments: Sequence[str]) -> Settings:
    return presets.resolve(preset, method=method, assignments=[*NO_EXTRAS, *assignments])


def trained(settings: Settings, scenario: Scenario, clock: Callable[[], float]) -> Trainer:
    """The trainer when all is learned; ``state.cost`` has the seconds of training and of importance by ``clock``."""
    accelerator = make_accelerator("cpu")
    learner = make_learner(settings.model, scenario.image_shape, settings.seed, "cpu")
    evaluator = Evaluator(learner, scenario, settings.evaluate, 0)
    with tempfile.TemporaryDirectory() as folder:
        recorder = Recorder(Path(folder), settings, scenario, Processes(accelerator))
        recorder.create(resume=False)
        trainer = Trainer(settings, scenario, learner, methods.build(settings.method), evaluator, recorder, accelerator)
        trainer.clock = clock
        trainer.fit("silent")
        recorder.close()
    return trainer
