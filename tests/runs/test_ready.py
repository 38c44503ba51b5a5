"""Ready models draw from anywhere, by name, and are small, described and never written to."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

import gencl
from gencl.core.errors import UsageError
from gencl.runs import ready
from tests.conftest import gencl as command

MODELS = Path(__file__).parents[2] / "models"


def test_every_model_has_a_card_and_all_are_small() -> None:
    assert {"mnist-cgan-anpyc", "mnist-cgan-anpyc+align", "mnist-cgan-sgd"} <= set(ready.names())
    assert sum(path.stat().st_size for path in MODELS.rglob("*") if path.is_file()) < 10_000_000
    for name in ready.names():
        card = (MODELS / name / "README.md").read_text()
        assert ready.about(name) in card
        for word in ("gencl train --preset", "licence", "| seed |", "measured after the last task", f"sample {name}"):
            assert word in card, (name, word)


@pytest.mark.parametrize("name", ready.names())
def test_models_draw_by_name(name: str, tmp_path: Path) -> None:
    two = ",".join(str(classes[0]) for classes in gencl.load_run(name).card.tasks[-2:])
    done = command("sample", name, "--classes", two, "--n", "4", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert Image.open(tmp_path / "samples.png").height > 56
    assert name in command("list", "models").stdout


def test_a_path_comes_before_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert gencl.load_run("mnist-cgan-sgd").ready
    (tmp_path / "mnist-cgan-sgd").mkdir()
    with pytest.raises(UsageError, match="is not a run"):
        gencl.load_run("mnist-cgan-sgd")


def test_unknown_names_are_told_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"mnist-cgan-anpcy does not exist; .* ready model: .*mnist-cgan-anpyc, "):
        gencl.sample("mnist-cgan-anpcy")


@pytest.mark.parametrize("path", ["mnist-cgan-sgd", MODELS / "mnist-cgan-sgd"])
def test_nothing_is_written_beside_a_ready_model(path: str | Path) -> None:
    run = gencl.load_run(path)
    before = sorted(run.path.iterdir())
    with pytest.raises(UsageError, match="--out"):
        run.write_report()
    assert sorted(run.path.iterdir()) == before
