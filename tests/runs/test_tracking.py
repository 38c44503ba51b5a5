"""A tracker is told what the log and the metrics hold, and changes nothing."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

import pytest
from accelerate.tracking import LOGGER_TYPE_TO_CLASS
from PIL import Image

import gencl
from gencl.core.errors import UsageError
from gencl.core.extras import TRACKERS
from gencl.runs import trackers
from gencl.runs.tracking import check_tracker
from tests.conftest import gencl as command
from tests.conftest import gencl_process, tiny


def test_tensorboard_holds_losses_summary_and_grids_and_training_stays_as_it_is(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    sets = [*tiny("digits-cgan"), "scenario.tasks=2"]
    plain = gencl.train("digits-cgan", "sgd", 0, tmp_path / "plain", set=sets, progress="silent")
    run = gencl.train("digits-cgan", "sgd", 0, tmp_path / "run", set=sets, log_with="tensorboard", progress="silent")
    weights = "model.safetensors"
    assert (run.path / weights).read_bytes() == (plain.path / weights).read_bytes()
    events = accumulator.EventAccumulator(str(run.path / "tensorboard"))
    events.Reload()
    log = [json.loads(line) for line in (run.path / "log.jsonl").read_text().splitlines()]
    told = events.Scalars("loss/generator")
    assert [event.step for event in told] == [2, 4, 6, 8, 10, 12]
    assert [event.value for event in told] == pytest.approx([line["loss"]["generator"] for line in log], rel=1e-5)
    fid = run.metrics["matrices"]["fid"]
    assert [e.value for e in events.Scalars("fid/task 1")] == pytest.approx([fid[0][0], fid[1][0]], rel=1e-5)
    means = [event.value for event in events.Scalars("fid/mean")]  # pooled: the last is of all tasks together
    assert means == pytest.approx([fid[0][0], fid[1][1]], rel=1e-5)
    assert events.Scalars("summary/fid")[-1].value == pytest.approx(run.metrics["summary"]["fid"], rel=1e-5)
    assert [event.step for event in events.Images("samples")] == [6, 12]

    max((run.path / "checkpoint").glob("*.json")).unlink()  # as if it had been killed within the second task
    run.report.unlink()
    gencl.train(out=run.path, resume=True, log_with="tensorboard", progress="silent")
    assert (run.path / weights).read_bytes() == (plain.path / weights).read_bytes()
    events.Reload()
    assert [event.step for event in events.Scalars("loss/generator")] == [2, 4, 6, 8, 10, 12]


Told = tuple[dict[int, float], list[tuple[int, int, int]]]
"""The generator's loss by step, and the shapes of the pictures."""


def of_mlflow(run: Path) -> Told:
    import mlflow

    client = mlflow.MlflowClient()
    (experiment,) = client.search_experiments(filter_string="name = 'gencl'")
    (told,) = client.search_runs([experiment.experiment_id])
    assert told.info.run_name == "digits-cgan-sgd-seed0" and told.data.params["train.steps"] == "6"
    losses = client.get_metric_history(told.info.run_id, "loss/generator")
    images = Path(told.info.artifact_uri.removeprefix("file://")) / "images"
    pictures = [file for file in sorted(images.iterdir()) if file.suffix == ".png" and "compressed" not in file.name]
    return {each.step: each.value for each in losses}, [shape(file) for file in pictures]


def of_dvclive(run: Path) -> Told:
    assert "train.steps: 6" in (run / "dvclive" / "params.yaml").read_text()
    lines = (run / "dvclive" / "plots" / "metrics" / "loss" / "generator.tsv").read_text().splitlines()[1:]
    losses = {int(line.split()[0]): float(line.split()[1]) for line in lines}
    return losses, [shape(run / "dvclive" / "plots" / "images" / "samples" / f"{step}.png") for step in (6, 12)]


def of_aim(run: Path) -> Told:
    import aim
    from aim.storage.context import Context

    (name,) = aim.Repo(str(run / "aim")).list_all_runs()
    told = aim.Run(name, repo=str(run / "aim"), system_tracking_interval=None, capture_terminal_logs=False)
    assert told["hparams"]["train.steps"] == 6
    losses = {step: values[0] for step, values in told.get_metric("loss/generator", Context({})).data.items()}
    pictures = [values[0] for _, values in told.get_image_sequence("samples", Context({})).data.items()]
    return losses, [(*picture.to_pil_image().size, 3) for picture in pictures]


def of_trackio(run: Path) -> Told:
    import trackio

    (told,) = trackio.Api().runs("gencl")
    assert told.name == "digits-cgan-sgd-seed0" and told.config["train.steps"] == 6
    place = Path(os.environ["TRACKIO_DIR"])
    with closing(sqlite3.connect(place / "gencl.db")) as database:
        rows = [(step, json.loads(values)) for step, values in database.execute("SELECT step, metrics FROM metrics")]
    losses = {step: values["loss/generator"] for step, values in rows if "loss/generator" in values}
    return losses, [shape(file) for file in sorted((place / "media").rglob("*.png"))]


def shape(file: Path) -> tuple[int, int, int]:
    with Image.open(file) as picture:
        return (*picture.size, 3)


READERS = {"mlflow": of_mlflow, "dvclive": of_dvclive, "aim": of_aim, "trackio": of_trackio}


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where trackers write that have a place for all runs; nothing is sent anywhere."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    if "trackio" in sys.modules:  # it reads its place when it is imported
        monkeypatch.setattr("trackio.sqlite_storage.TRACKIO_DIR", tmp_path / "trackio")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", READERS)
def test_a_tracker_that_writes_here_holds_losses_and_grids_and_training_stays_as_it_is(
    name: str, tmp_path: Path, places: None
) -> None:
    """In a process of its own: trackers leave threads and handlers behind."""
    if find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    sets = [f"--set={each}" for each in (*tiny("digits-cgan"), "scenario.tasks=2")]
    made = ("train", "--preset", "digits-cgan", "--method", "sgd", *sets, "--json")
    done = gencl_process(*made, "--log-with", name, "--out", tmp_path / "run", cwd=tmp_path)
    assert done.returncode == 0 and json.loads(done.stdout)["summary"], done.stderr  # and nothing else
    plain = gencl.train("digits-cgan", "sgd", 0, tmp_path / "plain", set=[*tiny("digits-cgan"), "scenario.tasks=2"])
    weights = "model.safetensors"
    assert (tmp_path / "run" / weights).read_bytes() == (plain.path / weights).read_bytes()
    losses, pictures = READERS[name](tmp_path / "run")
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert losses == pytest.approx({2 * n: line["loss"]["generator"] for n, line in enumerate(log, 1)}, rel=1e-5)
    grids = [shape(tmp_path / "run" / "samples" / f"task-{row:02d}.png") for row in (1, 2)]
    assert sorted(pictures) == sorted(grids)


@pytest.mark.parametrize("name", TRACKERS)
def test_every_tracker_of_accelerate_can_be_made(name: str, tmp_path: Path) -> None:
    assert {*LOGGER_TYPE_TO_CLASS} <= {*TRACKERS}
    if name not in LOGGER_TYPE_TO_CLASS:
        pytest.skip(f"this version of accelerate has no tracker {name}")
    try:
        made = trackers.make(name, trackers.Followed(tmp_path, "title", 0))
    except ImportError as missing:  # TensorBoard's package is imported at once
        pytest.skip(str(missing))
    assert made.name == name


def test_a_tracker_that_fails_on_the_way_does_not_end_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a service that goes away: its files cannot be written any more."""
    pytest.importorskip("tensorboard")

    def away(*_: object, **__: object) -> None:
        raise ConnectionError("the service is away")

    monkeypatch.setattr(LOGGER_TYPE_TO_CLASS["tensorboard"], "log", away)
    run = gencl.train("digits-mlp", "sgd", out=tmp_path / "run", set=tiny("digits-mlp"), log_with="tensorboard")
    assert run.finished
    said = capsys.readouterr().err
    assert said.count("--log-with tensorboard fails, and the run goes on: ConnectionError: the service is away") == 1


def test_trackers_without_an_extra_are_installed_by_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "clearml", None)  # as if it were not installed
    with pytest.raises(UsageError, match="package clearml is not installed; pip install clearml"):
        check_tracker("clearml")
    with pytest.raises(UsageError, match="did you mean mlflow"):
        check_tracker("mlfow")


def test_a_tracker_that_is_not_installed_is_said_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)  # as if it were not installed
    done = command("train", "--log-with", "wandb", "--out", tmp_path / "run")
    assert done.returncode == 2 and '[wandb]"' in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_tracker_that_cannot_start_leaves_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights & Biases without a key, or at all."""
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "nowhere")
    done = command("train", "--preset", "digits-mlp", "--log-with", "wandb", "--out", tmp_path / "run")
    assert done.returncode == 1 and "gencl: --log-with wandb cannot start" in done.stderr
    assert not (tmp_path / "run").exists()
