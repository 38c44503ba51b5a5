"""What torchrun and accelerate launch set, and what is said where it makes no sense."""

from __future__ import annotations

from pathlib import Path

import pytest

import gencl
from gencl.core.errors import UsageError
from gencl.core.launcher import Launch, launch, main_process, unlaunched
from gencl.experiments.workers import Workers
from tests.conftest import gencl as command

TWO = {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "MASTER_ADDR": "localhost", "MASTER_PORT": "29500"}


def test_it_is_read() -> None:
    assert launch({}) == launch({"RANK": "0"}) == launch({"WORLD_SIZE": "1"}) == Launch(0, 1, 1)
    assert launch(TWO) == Launch(1, 2, 2)
    assert launch({**TWO, "LOCAL_WORLD_SIZE": "1"}).prefix == [
        "torchrun",
        "--nnodes",
        "2",
        "--nproc_per_node",
        "1",
        "-m",
    ]


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"RANK": "x"}, r"\$RANK is 'x', which is no number"),
        ({"RANK": "-1"}, r"\$RANK is '-1'"),
        ({"RANK": ""}, r"\$RANK is ''"),
        ({"RANK": "1"}, r"\$RANK is 1 of \$WORLD_SIZE=unset"),
        ({**TWO, "RANK": "2"}, r"\$RANK is 2 of \$WORLD_SIZE=2"),
        ({"WORLD_SIZE": "2"}, r"\$WORLD_SIZE is 2, and \$RANK is not set"),
        ({"WORLD_SIZE": "0"}, r"\$RANK is 0 of \$WORLD_SIZE=0"),
        ({**TWO, "LOCAL_WORLD_SIZE": "two"}, r"\$LOCAL_WORLD_SIZE is 'two'"),
        ({**TWO, "LOCAL_WORLD_SIZE": "0"}, r"\$LOCAL_WORLD_SIZE is 0"),
        ({name: value for name, value in TWO.items() if name != "MASTER_PORT"}, r"\$MASTER_PORT is not set"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(environment: dict[str, str], told: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"{told}.*start gencl by torchrun or accelerate launch"):
        launch(environment)
    ended = command("train", "--out", tmp_path / "run", environment=environment)
    assert ended.returncode == 2 and ended.stderr.count("\n") == 1 and ended.stderr.startswith("gencl: $")
    assert not (tmp_path / "run").exists()


def test_wrong_variables_do_not_silence_anybody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "x")
    assert main_process()


@pytest.mark.parametrize("name", ["compare", "tune", "export", "report", "train-seeds"])
def test_commands_for_one_process_refuse_several(name: str) -> None:
    ended = command(name, "--methods", "sgd", environment={**TWO, "RANK": "0"})
    assert ended.returncode == 2 and f"{name} is for one process, and a launcher has started 2" in ended.stderr


def test_the_python_forms_do_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable, value in TWO.items():
        monkeypatch.setenv(variable, value)
    for start in (gencl.compare, gencl.tune):
        with pytest.raises(UsageError, match=r"is for one process.*\(--jobs N\)"):
            start("sgd", out=tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_cells_are_not_those_that_a_launcher_has_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """As torchrun with one process would have them all meet at its port."""
    for variable, value in {**TWO, "RANK": "0", "WORLD_SIZE": "1", "TORCHELASTIC_RUN_ID": "none"}.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setenv("MINE", "stays")
    environment = Workers("cpu")._environment
    assert not {*TWO, "TORCHELASTIC_RUN_ID"} & set(environment) and environment["MINE"] == "stays"
    assert unlaunched({"RANK": "0", "PATH": "/bin"}) == {"PATH": "/bin"}
