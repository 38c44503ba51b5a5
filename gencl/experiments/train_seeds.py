"""Train one settings file with several seeds as one (`gencl.experiments.ensemble`)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch

from gencl.core import files
from gencl.core.errors import UsageError
from gencl.core.part import check, read_yaml
from gencl.core.progress import Mode
from gencl.core.settings import Settings
from gencl.core.threads import alone
from gencl.core.waiting import say
from gencl.experiments.ensemble import Ensemble, why_not
from gencl.methods import building
from gencl.reports import html
from gencl.runs.build import make_accelerator, make_learner, make_scenario, tasks_key
from gencl.runs.folder import RunFolder
from gencl.runs.state import forget_peak
from gencl.training import run_threads
from gencl.training.announcing import say_what_is_learned
from gencl.training.folders import check_run_folder, resume_command
from gencl.training.footprint import expected_memory
from gencl.training.train import make_session
from gencl.training.trainer import Trainer


def apart(settings: Settings, image_shape: Sequence[int]) -> str | None:
    """Return why runs of these settings cannot be trained as one, or None if they can."""
    learner = make_learner(settings.model, image_shape, 0, "cpu")
    return why_not(learner, building.build(settings.method), settings)


@alone()
def train_seeds(
    config: str | Path,
    seeds: Sequence[int],
    out: str | Path,
    *,
    data_root: str | Path | None = None,
    device: str = "auto",
    threads: int | None = None,
    progress: Mode = "auto",
) -> list[RunFolder]:
    """Train the settings file ``config`` with each seed as one, and return the run folders ``out/seed-N``.

    Raises UsageError if the runs cannot be trained as one, or if one of them exists already. Raises GenclError if
    training fails, and Interrupted if a signal stops it: each run can then continue alone.
    """
    folders = [Path(out) / f"seed-{seed}" for seed in seeds]
    settings = check(Settings, read_yaml(Path(config)), str(config))
    for folder in folders:
        check_run_folder(folder, settings, resume=False)
    files.check_folder(Path(out))
    if threads is not None:
        torch.set_num_threads(threads)
    accelerator = make_accelerator(device)
    if accelerator.num_processes > 1:
        raise UsageError("several seeds are trained as one in one process; start it without torchrun or accelerate")
    forget_peak(accelerator.device)
    root = files.optional_place(data_root)
    each = [settings.model_copy(update={"seed": seed}) for seed in seeds]
    scenarios = {
        key: make_scenario(one, root).to(accelerator.device, one.data.place)
        for key, one in {tasks_key(s): s for s in each}.items()
    }
    # raises UsageError if there is too little memory
    expected_memory(settings, next(iter(scenarios.values())), accelerator.device, runs=len(seeds))
    again = partial(resume_command, data_root=data_root, device=device, threads=threads)
    sessions = [
        make_session(one, scenarios[tasks_key(one)], accelerator, folder, again(folder), "silent")
        for one, folder in zip(each, folders, strict=True)
    ]
    ensemble = Ensemble([Trainer(session) for session in sessions])
    run_threads.settle(sessions, threads, 1)
    say(f"seeds {', '.join(map(str, seeds))}, trained as one", progress)
    say_what_is_learned(sessions[0].settings, sessions[0].learner, sessions[0].scenario, progress)
    try:
        for session in sessions:
            session.learner.load_pretrained()
            session.recorder.create(resume=False)
        ensemble.fit(progress)
        for session, folder in zip(sessions, folders, strict=True):
            session.write_results()
            html.write(RunFolder(folder))
    except BaseException:
        for session in sessions:
            if not session.state.cost.steps:
                session.recorder.discard()
        raise
    finally:
        for session in sessions:
            session.recorder.close()
    return [RunFolder(folder) for folder in folders]
