"""Files and folders that are wrong, absent or damaged: one line that names them, and nothing half-written."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import gencl
from gencl.core.errors import GenclError, UsageError
from tests.commands.refusals import wrong
from tests.conftest import tiny

FILES = {
    "train: {steps: many}": "train.steps",
    "train: {stepz: 3}": "did you mean train.steps",
    "train: {hazard: 0.1}": "hazard: 0.1 is read only where boundaries is inferred",
    "train: {drop: 0.5}": "drop: 0.5 is read only where drops names points",
    "train: 3": "train",
    "- 1": "block of settings",
    "a: [": "not valid YAML",
    "model: {name: cgan, width: 5}": "model.width",
    "model: 8": "model",
    "method: {name: ewc, lambda: x}": "method.lambda",
    "method: 3": "method",
    "methods: {ewc: 3}": "methods",
    "methods: {ewc: {lamda: 3}}": "did you mean",
    "methods: {ecw: {lambda: 3}}": "did you mean ewc",
    "train: {steps: 3}\ntrain: {steps: 4}": "stands twice",
    "method: {lambda: -1}": "method.lambda",
    "!!python/object/apply:os.system [true]": "not valid YAML",
}


@pytest.mark.parametrize("content", FILES)
def test_wrong_settings_files_are_named_with_the_key(
    content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(content)
    for arguments in (
        ["preset", "validate", str(file)],
        ["train", "--config", str(file), "--out", str(tmp_path / "run")],
    ):
        status, shown = wrong(capsys, monkeypatch, *arguments)
        assert status == 2 and "mine.yaml" in shown and FILES[content] in shown
    assert [path.name for path in tmp_path.iterdir()] == ["mine.yaml"]


def test_out_that_is_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "a.txt").write_text("dear")
    status, shown = wrong(capsys, monkeypatch, "train", "--out", str(tmp_path / "letters"))
    assert status == 2 and "is not a run" in shown
    (tmp_path / "file").write_text("x")
    status, shown = wrong(capsys, monkeypatch, "train", "--out", str(tmp_path / "file"))
    assert status == 2 and "is not a run" in shown
    run = gencl.train("digits-mlp", "sgd", out=tmp_path / "run", set=tiny("digits-mlp"), progress="silent")
    status, shown = wrong(capsys, monkeypatch, "train", "--out", str(run.path))
    assert status == 2 and "--resume" in shown
    status, shown = wrong(capsys, monkeypatch, "train", "--out", str(run.path), "--resume", "--method", "ewc")
    assert status == 2 and "method.name is sgd there, ewc here" in shown


def test_absent_data_say_what_is_expected_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gencl.datasets.mnist.MNIST.mirrors", ["http://127.0.0.1:9/"])  # nothing listens there
    out = tmp_path / "run"
    status, shown = wrong(
        capsys, monkeypatch, "train", "--preset", "mnist-cgan", "--data-root", str(tmp_path), "--out", str(out)
    )
    assert status == 1 and "train-images-idx3-ubyte.gz" in shown and str(tmp_path) in shown
    assert not any(tmp_path.iterdir())


def test_a_damaged_model_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = gencl.train("digits-cgan", "sgd", out=tmp_path / "run", set=tiny("digits-cgan"), progress="silent")
    monkeypatch.chdir(tmp_path)
    status, shown = wrong(capsys, monkeypatch, "sample", "run", "--classes", "7")
    assert status == 2 and "7 was not learned" in shown
    weights = run.path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0\0")
    status, shown = wrong(capsys, monkeypatch, "sample", "run")
    assert status == 1 and "model.safetensors" in shown and "checksum" in shown
    (run.path / "model.json").write_text("{")
    status, shown = wrong(capsys, monkeypatch, "sample", "run")
    assert status == 1 and "model.json" in shown
    assert not (tmp_path / "samples.png").exists()


def test_a_full_disk_is_one_line_and_the_last_good_state_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    from gencl.core import files

    real, calls = files.os.fsync, 0

    def full(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls > 12:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(GenclError, match=r"cannot write .*: No space left on device"):
        gencl.train("digits-cgan", "anpyc", out=tmp_path / "run", set=tiny("digits-cgan"), progress="silent")
    assert not list((tmp_path / "run").rglob(".*"))  # no half-written files beside
    monkeypatch.undo()
    assert gencl.train(out=tmp_path / "run", resume=True, progress="silent").finished


def test_errors_of_a_file_are_not_blamed_on_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("train: {steps: many}")
    _, shown = wrong(capsys, monkeypatch, "train", "--config", str(file), "--set", "seed=1")
    assert "mine.yaml" in shown and "--set" not in shown


CARDS = [
    ("sha256", None),
    ("tasks", [[-1], [0]]),
    ("tasks", [[0], [0]]),
    ("tasks", [[5]]),
    ("class_names", ["a"]),
    ("class_names", [1, 2, 3]),
    ("image_shape", [1, 10**9, 10**9]),
    ("image_shape", [1, 32, 32]),
    ("model", {"name": "cgan", "width": 10**9}),
    ("model", {"name": "cgan", "latent": 64}),
    ("model", {"name": "nothing"}),
    ("seed", -1),
]


@pytest.fixture(scope="module")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("small") / "run"
    return gencl.train("digits-cgan", "sgd", out=out, set=tiny("digits-cgan"), progress="silent").path


@pytest.mark.parametrize(("key", "value"), CARDS)
def test_altered_model_cards_are_refused_in_one_line(
    key: str,
    value: object,
    small_run: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(small_run, copy)
    card = json.loads((copy / "model.json").read_text())
    card[key] = value
    (copy / "model.json").write_text(json.dumps({k: v for k, v in card.items() if v is not None}))
    status, shown = wrong(capsys, monkeypatch, "sample", str(copy), "--out", str(tmp_path / "x.png"))
    assert status == 1 and "model.json" in shown and "unexpected" not in shown and len(shown.strip().splitlines()) == 1
    assert not (tmp_path / "x.png").exists()


@pytest.mark.parametrize("content", ["{}", "[]", "{", "[" * 100_000, '{"preset": 3}', "\udcff"])
def test_damaged_metrics_are_refused_in_one_line(
    content: str, small_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(small_run, copy)
    (copy / "metrics.json").write_bytes(content.encode(errors="surrogateescape"))
    status, shown = wrong(capsys, monkeypatch, "report", str(copy))
    assert status == 1 and "metrics.json" in shown and "unexpected" not in shown


def test_the_model_alone_can_be_sampled(small_run: Path, tmp_path: Path) -> None:
    alone = tmp_path / "model"
    alone.mkdir()
    for name in ("model.json", "model.safetensors"):
        shutil.copy(small_run / name, alone)
    assert gencl.sample(alone, [0, 1], n=4).width > 56
    with pytest.raises(UsageError, match=r"holds a model alone: put its run's config\.yaml there"):
        gencl.evaluate(alone)


def test_a_comparison_keeps_to_its_experiment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "results.json").write_text('{"preset": "digits-mlp"}')
    status, shown = wrong(capsys, monkeypatch, "compare", "--out", str(tmp_path / "c"))
    assert status == 2 and "holds a comparison on digits-mlp, not digits-cgan" in shown
