"""Every wrong use of a command: one line that names it, exit status 2, and nothing written."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

import gencl.commands
from tests.commands.refusals import wrong
from tests.conftest import gencl_process

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
    (["train", "--set", "train.steps=many"], "train.steps: must be a whole number"),
    (["train", "--set", "train.steps=0"], "train.steps"),
    (["train", "--set", "train.steps=1.5"], "train.steps: must be a whole number"),
    (["train", "--set", "train.lr=-1"], "train.lr"),
    (["train", "--set", "train.lr=.nan"], "train.lr"),
    (["train", "--set", "train.betas=[0.5]"], "train.betas: has too few values"),
    (["train", "--set", "train.optimizer=sdg"], "'adam', 'sgd' or 'rmsprop'"),
    (["train", "--set", "method.lambda=-3"], "method.lambda"),
    (["train", "--set", "method.prune=100"], "method.prune: must be less than 100"),
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
    (["train", "--set", "method.prune=[50,100]"], "method.prune.1: must be less than 100"),
    (["train", "--set", "method.prune=[]"], "method.prune: has too few values"),
    (["train", "--method", "lwf"], "it serves classifiers"),
    (["train", "--method", "si", "--set", "method.damping=0"], "method.damping"),
    (["train", *MLP, "--method", "hat", "--set", "model.heads=class"], "know the task"),
    (["train", *MLP, "--method", "finetune", "--set", "model.heads=domain"], "one head per task"),
    (["train", *MLP, "--method", "sgd-f", "--set", "model.heads=domain"], "parameters per task"),
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
    (["train", "--seed", "x"], "'--seed': 'x' is not a valid whole number"),
    (["train", "--method", "mine"], "xdg (--plugin FILE adds your own)"),
    (["train", "--method", "joint+ewc"], "nothing for ewc to protect"),
    (["analyze", ".", "drfit"], "no analysis is called 'drfit'; did you mean drift?\n"),
    (["train", "--device", "tpu"], "--device"),
    (["train", "--device", "cuda"], "no GPU"),
    (["train", "--config", "nowhere.yaml"], "nowhere.yaml"),
    (["train", "--resume"], "no run in"),
    (["train", "--resume", "--out", "nowhere"], "nowhere"),
    (["train", "--preset", "digits-mlp", "--method", "dgr", "--set", "model.generator=null"], "model.generator"),
    (["sample", "nowhere"], "nowhere does not exist"),
    (["sample", ".", "--out", "x.png"], "not a run"),
    (["sample", ".", "--out", "x.jpg"], "--out x.jpg: give a name that ends in .png"),
    (["interpolate", ".", "--out", "no/x.png"], "--out no/x.png: there is no folder no"),
    (["sample", ".", "--classes", "a,,b"], "--classes"),
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
    (["compare", "--seeds", "4-0,7"], "write numbers and ranges"),
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


@pytest.mark.parametrize("command", ["sample", "interpolate", "reconstruct"])
def test_a_picture_cannot_become_a_folder(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x.png").mkdir()
    monkeypatch.chdir(tmp_path)
    assert wrong(capsys, monkeypatch, command, "nowhere", "--out", "x.png") == (
        2,
        "gencl: --out x.png is a folder; name a file\n",
    )


def test_messages_come_from_the_real_command_too(tmp_path: Path) -> None:
    done = gencl_process("train", "--method", "anpcy", cwd=tmp_path)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("gencl: no method is called 'anpcy'; did you mean anpyc")


def test_help_has_examples() -> None:
    for name in gencl.commands.COMMANDS:
        shown = CliRunner().invoke(gencl.commands.cli, [name, "--help"]).output
        assert "Example" in shown and f"gencl {name}" in shown
