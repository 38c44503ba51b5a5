"""Measure the floor of a preset or run, without training: the scores of real images in place of generated ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gencl import presets
from gencl.core.assignments import Assignments
from gencl.core.errors import UsageError
from gencl.core.files import optional_place
from gencl.core.part import check
from gencl.core.processes import Processes
from gencl.core.progress import Mode
from gencl.core.settings import EvaluateSettings
from gencl.core.threads import alone
from gencl.metrics.evaluator import Evaluator
from gencl.runs.build import make_accelerator, make_learner, make_scenario
from gencl.runs.folder import open_run
from gencl.runs.same_images import scenario_of


@alone()
def floor(
    name: str | Path,
    n: int | None = None,
    features: str | None = None,
    set: Assignments = (),
    data_root: str | Path | None = None,
    device: str = "auto",
    progress: Mode = "auto",
    weights: Sequence[str | Path] = (),
    batch_size: int = 500,
) -> dict[str, Any]:
    """Return ``{"features": ..., "floor": {"n": ..., "fid": ..., ...}}`` for the tasks of a preset or finished run.

    The keys are those of a run's metrics.json; ``schema`` and ``preset`` are included too.

    Args:
        name: the name of a preset, or a run's directory.
        n: images per task; default: that of the preset or run.
        features: name of a feature extractor; default: that of the preset or run.
        set: settings of the preset to change, as ``["scenario.tasks=4"]``.

    Raises UsageError if there is no such preset or run, or if no score in features applies: to classifiers, and
    without a feature extractor.
    """
    if str(name) in presets.names():
        run, settings = None, presets.resolve(str(name), assignments=set)
    elif set:
        raise UsageError(f"--set changes a preset, and {name} is none")
    else:
        run = open_run(name)
        settings = run.settings
    changes = {key: value for key, value in {"samples": n, "features": features}.items() if value is not None}
    evaluate = check(EvaluateSettings, {**settings.evaluate.model_dump(), **changes}, "evaluate", "evaluate.")
    accelerator = make_accelerator(device)
    processes, root = Processes(accelerator), optional_place(data_root)
    with processes.main_first():
        scenario = make_scenario(settings, root) if run is None else scenario_of(run, root)
        scenario = scenario.to(accelerator.device)
        learner = make_learner(settings.model, scenario.image_shape, settings.seed, accelerator.device)
        evaluator = Evaluator(learner, scenario, evaluate, 0, None, batch_size, progress, processes, weights=weights)
    scores = evaluator.floor(scenario.tasks)
    if not scores:
        raise UsageError(f"{settings.preset}: no score in features is measured on it, so that there is no floor")
    return {"schema": 1, "preset": settings.preset, "features": evaluator.features(), "floor": scores}
