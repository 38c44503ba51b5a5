"""Evaluate a trained learner again, with other metrics, more images or another feature extractor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gencl.core import files, several
from gencl.core.errors import NotWritten, UsageError
from gencl.core.part import check
from gencl.core.processes import Processes
from gencl.core.settings import EvaluateSettings
from gencl.core.several import Files, Names
from gencl.core.threads import alone
from gencl.core.waiting import say
from gencl.metrics.evaluator import Evaluator
from gencl.metrics.perceptual import Backbone
from gencl.plugins.needed import require
from gencl.runs import learned_images
from gencl.runs.build import make_accelerator
from gencl.runs.folder import RunFolder
from gencl.runs.same_images import learned_tasks, scenario_of


@alone()
def evaluate(
    run: RunFolder,
    metrics: Names | None = None,
    n: int | None = None,
    features: str | None = None,
    data_root: str | Path | None = None,
    device: str = "auto",
    batch_size: int = 500,
    weights: Files = (),
    backbone: Backbone = "alex",
) -> dict[str, Any]:
    """Evaluate a run and write ``evaluation.json``; see `gencl.Run.evaluate`."""
    if not (run.path / "config.yaml").is_file():
        raise UsageError(
            f"{run.path} holds a model alone: put its run's config.yaml there, which says what data to measure on"
        )
    settings = run.settings
    require(settings.plugins, run.path, ("datasets", "scenarios", "learners", "metrics", "extractors"))
    changes: dict[str, Any] = {"samples": n, "features": features}
    changes = {key: value for key, value in changes.items() if value is not None}
    wanted = check(EvaluateSettings, {**settings.evaluate.model_dump(), **changes}, "evaluate", "evaluate.")
    accelerator = make_accelerator(device)
    processes = Processes(accelerator)
    root = files.optional_place(data_root)
    with processes.main_first():
        scenario = scenario_of(run, root).to(accelerator.device)
    learner = run.learner(str(accelerator.device))
    tasks = learned_tasks(run, scenario, learner)
    with processes.main_first():
        evaluator = Evaluator(
            learner,
            scenario,
            wanted,
            settings.seed,
            None if metrics is None else several.names(metrics),
            batch_size,
            "auto" if processes.main else "silent",
            processes,
            several.files(weights),
            backbone,
        )
    if not evaluator.metrics and not evaluator.final_metrics:
        raise UsageError("nothing can be measured: no metric applies (--features none leaves a generator unread)")
    evaluator.remembers(learned_images.of_run(run.path))
    snapshot = evaluator.snapshot(tasks, final=True)
    result = evaluator.evaluation(snapshot)
    for note in evaluator.notes(snapshot) if processes.main else ():
        say(note)
    if processes.main and not run.ready:
        try:
            files.write_json(run.path / "evaluation.json", result)
        except NotWritten as error:  # the run may belong to another user; the result is returned all the same
            say(f"{error}: the figures are shown, and kept nowhere")
    processes.wait()
    return result
