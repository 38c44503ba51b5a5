"""Everything a user can get wrong: one line that names it, the right exit status, and nothing half-written."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

import gencl.commands
from gencl.core.errors import GenclError, UsageError
from tests.conftest import gencl_process, tiny


def wrong(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, str]:
    """Exit status and message of a command that must fail, run within this process."""
    monkeypatch.setattr("sys.argv", ["gencl", *arguments])
    with pytest.raises(SystemExit) as leave:
        gencl.commands.main()
    shown = capsys.readouterr()
    assert shown.out == ""
    lines = shown.err.strip().splitlines()
    assert 1 <= len(lines) <= 3 and "Traceback" not in shown.err, shown.err
    return int(str(leave.value.code)), shown.err


MLP = ["--preset", "digits-mlp"]
WRONG_USE = [
    (["trian"], "did you mean train"),
    (["train", "--methd", "ewc"], "--method"),
    (["train", "--method", "anpcy"], "did you mean anpyc"),
    (["train", "--method", "ewc+ewc"], "twice"),
    (["train", "--preset", "digit-cgan"], "did you mean digits-cgan"),
    (["train", "--set", "train.stepz=3"], "did you mean train.steps"),
    (["train", "--set", "method.lamda=3"], "did you mean method.lambda"),
    (["train", "--set", "model.widht=8"], "did you mean model.width"),
    (["train", "--set", "trian.steps=3"], "trian"),
    (["train", "--set", "train.steps"], "KEY=VALUE"),
    (["train", "--set", "train.steps=many"], "train.steps"),
    (["train", "--set", "train.steps=0"], "train.steps"),
    (["train", "--set", "train.steps=1.5"], "train.steps"),
    (["train", "--set", "train.lr=-1"], "train.lr"),
    (["train", "--set", "train.lr=.nan"], "train.lr"),
    (["train", "--set", "train.betas=[0.5]"], "train.betas"),
    (["train", "--set", "train.optimizer=sdg"], "'adam' or 'sgd'"),
    (["train", "--set", "method.lambda=-3"], "method.lambda"),
    (["train", "--set", "method.prune=100"], "method.prune: input should be less than 100"),
    (["train", "--set", "data.name=minst"], "did you mean mnist"),
    (["train", "--set", "scenario.name=spilt"], "did you mean split"),
    (["train", "--set", "scenario.order=[1,1]"], "scenario.order"),
    (["train", "--set", "scenario.tasks=11"], "scenario.tasks"),
    (["train", "--set", "model.name=gan"], "no learner is called 'gan'"),
    (["train", "--set", "evaluate.split=validation"], "data.validation"),
    (["train", "--set", "evaluate.features=inceptoin"], "feature extractor"),
    (["train", "--set", "train.steps=true"], "train.steps"),
    (["train", "--set", "scenario.order=[true,false]"], "scenario.order"),
    (["train", "--set", "scenario.order=[]"], "scenario.order"),
    (["train", "--set", "train.steps=1:30"], "train.steps"),
    (["train", "--set", "train.epochs=0"], "train.epochs"),
    (["train", "--set", "method.prune=[50,100]"], "method.prune.1: input should be less than 100"),
    (["train", "--set", "method.prune=[]"], "method.prune: list should have at least 1 item"),
    (["train", "--method", "lwf"], "it serves classifiers"),
    (["train", "--method", "si", "--set", "method.damping=0"], "method.damping"),
    (["train", *MLP, "--method", "hat", "--set", "model.heads=class"], "told the task"),
    (["train", *MLP, "--method", "finetune", "--set", "model.heads=domain"], "a head a task"),
    (["train", *MLP, "--method", "sgd-f", "--set", "model.heads=domain"], "each task's own"),
    (["train", *MLP, "--method", "clnp", "--set", "data.validation=0"], "data.validation=0.1"),
    (["train", *MLP, "--method", "clnp", "--set", "method.l1=[0.1]"], "method.l1"),
    (["train", *MLP, "--method", "packnet", "--set", "method.prune=0"], "method.prune"),
    (["train", *MLP, "--set", "train.batch_size=1", "--set", "model.name=vgg9"], "train.batch_size"),
    (["train", *MLP, "--set", "scenario.classes_per_task=20"], "scenario.classes_per_task"),
    (["train", *MLP, "--set", "model.heads=each"], "model.heads"),
    (["train", "--set", "train.steps={a: 1, a: 2}"], "not a value"),
    (["train", "--set", "preset=../evil"], "preset"),
    (["train", "--set", "preset='[/x]'"], "preset"),
    (["train", "--set", "evaluate.samples=1000000000000"], "evaluate.samples"),
    (["train", "--preset", "digits-mlp", "--set", "model.hidden=[0]"], "model.hidden"),
    (["data", "check", "mnist", "--data-root", "no"], "no folder no"),
    (["train", "--seed", "-1"], "--seed"),
    (["train", "--seed", "x"], "--seed"),
    (["train", "--device", "tpu"], "--device"),
    (["train", "--device", "cuda"], "no GPU"),
    (["train", "--config", "nowhere.yaml"], "nowhere.yaml"),
    (["train", "--resume"], "no run in"),
    (["train", "--resume", "--out", "nowhere"], "nowhere"),
    (["train", "--preset", "digits-mlp", "--method", "dgr", "--set", "model.generator=null"], "model.generator"),
    (["sample", "nowhere"], "nowhere does not exist"),
    (["sample", ".", "--out", "x.png"], "not a run"),
    (["sample", ".", "--out", "x.jpg"], ".png"),
    (["sample", ".", "--classes", "a"], "--classes"),
    (["evaluate", "nowhere"], "nowhere"),
    (["report", "nowhere"], "nowhere"),
    (["extend", "nowhere"], "TASK_DATA"),
    (["extend", "nowhere", "digits"], "there is no run in nowhere"),
    (["extend", ".", "digits"], "no config.yaml"),
    (["extend", ".", "digits", "--steps", "3"], "--steps"),
    (["compare", "--methods", "anpcy"], "did you mean anpyc"),
    (["compare", "--methods", "anpyc:lambda"], "KEY=VALUE"),
    (["compare", "--methods", "sgd,sgd"], "twice"),
    (["compare", "--seeds", "a"], "--seeds"),
    (["compare", "--seeds", "0,0"], "a number twice"),
    (["compare", "--device", "cuda"], "no GPU"),
    (["compare", "--set", "scenario.tasks=99"], "scenario.tasks"),
    (["preset", "show", "digits"], "digits-cgan"),
    (["preset", "validate", "nowhere.yaml"], "nowhere.yaml"),
    (["data", "check", "minst"], "did you mean mnist"),
    (["list", "method"], "methods"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG_USE, ids=[" ".join(arguments) for arguments, _ in WRONG_USE])
def test_wrong_use(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    status, shown = wrong(capsys, monkeypatch, *arguments)
    assert status == 2
    assert message in shown
    assert not any(tmp_path.iterdir())


FILES = {
    "train: {steps: many}": "train.steps",
    "train: {stepz: 3}": "did you mean train.steps",
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
    assert status == 2 and "7 not learned" in shown
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


def test_messages_come_from_the_real_command_too(tmp_path: Path) -> None:
    done = gencl_process("train", "--method", "anpcy", cwd=tmp_path)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("gencl: no method is called 'anpcy'; did you mean anpyc")


def test_help_has_examples() -> None:
    for name in gencl.commands.COMMANDS:
        shown = CliRunner().invoke(gencl.commands.cli, [name, "--help"]).output
        assert "Example" in shown and f"gencl {name}" in shown


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
