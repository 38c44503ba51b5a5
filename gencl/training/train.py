"""Trains a run from its settings to a finished directory."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import torch
from accelerate import Accelerator

from gencl.core import files
from gencl.core.arguments import Positive, checked
from gencl.core.assignments import Assignments
from gencl.core.errors import GenclError, UsageError
from gencl.core.launcher import launch, main_process
from gencl.core.processes import Processes
from gencl.core.progress import Mode
from gencl.core.settings import Settings
from gencl.core.threads import alone
from gencl.core.waiting import say
from gencl.learners import suiting
from gencl.methods import building
from gencl.metrics.evaluator import Evaluator
from gencl.reports import html
from gencl.runs import checkpoint
from gencl.runs.build import make_accelerator, make_learner, make_scenario
from gencl.runs.folder import RunFolder
from gencl.runs.recorder import Recorder
from gencl.runs.state import State, forget_peak
from gencl.scenarios.task import Scenario
from gencl.training import acceleration, patience, run_threads
from gencl.training.announcing import say_what_is_learned
from gencl.training.folders import (
    begins,
    choose,
    claimed,
    resume_command,
    take_places,
    unnumbered_folder,
)
from gencl.training.footprint import expected_memory
from gencl.training.origin import check_origin
from gencl.training.session import Session
from gencl.training.trainer import Trainer


@checked
def train(
    preset: str | None = None,
    method: str | None = None,
    seed: int | None = None,
    out: str | Path | None = None,
    *,
    config: str | Path | None = None,
    set: Assignments = (),
    resume: bool = False,
    data_root: str | Path | None = None,
    device: str = "auto",
    threads: Positive | None = None,
    log_with: str | None = None,
    progress: Mode = "auto",
) -> RunFolder:
    """Train a learner on a sequence of tasks and return the run; the Python form of ``gencl train``.

    Args:
        preset: name of a preset (default ``digits-cgan``).
        method: name of a method, or several joined by ``+``.
        seed: replaces the preset's seed.
        out: the run directory; default ``runs/PRESET-METHOD-seedN``, numbered if that exists.
        config: a settings file, instead of a preset.
        set: settings to change, as ``{"train.steps": 300}`` or ``["train.steps=300"]``.
        resume: go on with the run in ``out``.
        data_root: the folder that holds data sets.
        device: auto, cpu, cuda or mps.
        threads: PyTorch's CPU threads during training. By default one for small networks and all cores for large ones
            (`gencl.core.threads`); a resumed run keeps its number.
        log_with: a tracker in which the run can be followed live, such as ``tensorboard`` or ``mlflow``.
        progress: ``auto`` (a bar on a terminal, lines elsewhere), ``lines`` or ``silent``.

    Raises UsageError for wrong use, GenclError if something fails while running, Interrupted if stopped by a signal.
    """
    settings, folder = choose(preset, method, seed, out, config, set, resume)
    unnamed = out is None and not resume and launch().world == 1  # processes that share a run must agree
    first = unnumbered_folder(settings)
    with claimed(first) if unnamed else nullcontext(folder) as place:
        note = ""
        if unnamed and place != first:
            there = "is finished" if RunFolder(first).finished else "exists already (--resume goes on with it)"
            note = f"{first} {there}: this run goes into {place}"
        return run_settings(settings, place, resume, data_root, device, threads, progress, None, log_with, note)


@alone()
def run_settings(
    settings: Settings,
    folder: Path,
    resume: bool,
    data_root: str | Path | None,
    device: str,
    threads: int | None,
    progress: Mode,
    extends: Settings | None = None,
    log_with: str | None = None,
    note: str = "",
) -> RunFolder:
    """Train a run of these settings into ``folder`` and return it.

    With ``resume`` the folder holds a run of ``settings``, or of ``extends``: the same settings before tasks were
    added. ``note`` is a line to print once settings and data have been found right.
    """
    if not begins(settings, folder, resume, progress, extends, log_with):
        if main_process():
            take_places(folder, settings, files.optional_place(data_root), progress)
        return RunFolder(folder)
    newest = checkpoint.newest(folder / "checkpoint")
    session, last = prepare(settings, folder, resume, data_root, device, threads, progress, extends, log_with)
    recorder, processes = session.recorder, session.processes
    processes.wait()  # no process writes before all have read
    try:
        if processes.main:
            if note:
                say(note, progress)
            recorder.create(resume, extends)
            if checkpoint.newest(folder / "checkpoint") != newest:
                raise GenclError(f"{folder}: another process went on with this run meanwhile; give the command again")
            if log_with is not None:
                recorder.follow(log_with, session.state.cost.steps)
            say_what_is_learned(settings, session.learner, session.scenario, progress, last)
        processes.wait()
        Trainer(session).fit(progress)
        if processes.main:
            session.write_results()
            html.write(RunFolder(folder))
        processes.wait()
    except BaseException:
        if processes.main and not resume and not session.state.cost.steps:
            recorder.discard()
        raise
    finally:
        recorder.close()
    run = RunFolder(folder)
    run.estimate = session.estimate
    return run


def prepare(
    settings: Settings,
    folder: Path,
    resume: bool,
    data_root: str | Path | None,
    device: str,
    threads: int | None,
    progress: Mode,
    extends: Settings | None = None,
    log_with: str | None = None,
) -> tuple[Session, checkpoint.Checkpoint | None]:
    """Return a session that is ready to train into ``folder``, and with ``resume`` its checkpoint, if there is one.

    Writes nothing there yet. Raises UsageError if these settings cannot be trained here.
    """
    files.check_folder(folder)
    if threads is not None:
        torch.set_num_threads(threads)
    accelerator = make_accelerator(device)
    forget_peak(accelerator.device)
    processes = Processes(accelerator)
    for size in {train.batch_size for train in settings.train_of(1 + len(settings.extend))}:
        if size % processes.world:
            raise UsageError(f"train.batch_size: {size} cannot be shared by {processes.world} processes")
    root = files.optional_place(data_root)
    with processes.main_first():
        scenario = make_scenario(settings, root).to(accelerator.device, settings.data.place)
    expected = expected_memory(settings, scenario, accelerator.device, processes.world, refuse=not resume)
    again = resume_command(folder, data_root, device, threads, log_with)
    where = accelerator.device  # with several processes on the CPU, Accelerate's is cpu:0
    last = checkpoint.load(folder / "checkpoint", "cpu" if where.type == "cpu" else str(where)) if resume else None
    features = "" if last is None else str(last.state["features"])
    session = make_session(settings, scenario, accelerator, folder, again, progress, features)
    session.expected_bytes = expected
    learner, recorder = session.learner, session.recorder
    if extends is not None and len(session.episodes) < len(scenario.tasks):
        raise UsageError(
            f"method {settings.method['name']} learns all tasks at once and needs the images of all, so that {folder} "
            "cannot be extended; train a new run with the new images beside the old ones"
        )
    if last is not None:
        check_origin(last, recorder, len(settings.extend))
        if processes.main and last.state["origin"].get("plugins") not in (None, recorder.origin().get("plugins")):
            say(f"the plug-ins {', '.join(settings.plugins)} were changed since the checkpoint", progress)
        if processes.main and not session.random.fits(last.tensors["random"]):
            say("the checkpoint is of another kind of device: the run goes on with other random numbers", progress)
        session.restore(State.from_tree(last.state), last.tensors)
        last.tensors.clear()  # the session has copied them
    else:
        with processes.main_first():
            learner.load_pretrained()
    if (line := run_threads.settle([session], threads, processes.world)) and processes.main:
        say(line, progress)
    return session, last


def make_session(
    settings: Settings,
    scenario: Scenario,
    accelerator: Accelerator,
    folder: Path,
    again: str,
    progress: Mode,
    features: str = "",
) -> Session:
    """Return the session of a fresh run in ``folder``, where nothing is written yet.

    ``again`` is the command that resumes the run. ``features`` names the feature extractor to measure with; empty: the
    settings choose it. Raises UsageError if settings, learner, method and tasks do not fit together.
    """
    processes = Processes(accelerator)
    learner = make_learner(settings.model, scenario.image_shape, settings.seed, accelerator.device)
    method = building.build(settings.method)
    share = min(train.batch_size for train in settings.train_of(len(scenario.tasks))) // processes.world
    needs = {"batch normalisation": learner.smallest_batch, f"method {settings.method['name']}": method.smallest_batch}
    for what, least in needs.items():
        if share < least:
            raise UsageError(f"train.batch_size: {share} in each process is too little for {what}; at least {least}")
    suiting.check(learner, scenario.tasks)
    method.check(learner, scenario.tasks)
    acceleration.check(settings, learner)
    patience.check(settings, learner, len(scenario.tasks))
    if scenario.added:
        method.check_extension()
    with processes.main_first():
        shown = progress if processes.main else "silent"
        evaluator = Evaluator(
            learner,
            scenario,
            settings.evaluate,
            settings.seed,
            progress=shown,
            processes=processes,
            features=features,
        )
    recorder = Recorder(folder, settings, scenario, processes, again)
    return Session(settings, scenario, learner, method, evaluator, recorder, accelerator)
