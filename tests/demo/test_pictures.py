"""What the page shows, without a page: the same integers give the same pictures, at every time and of every method."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import gencl
from gencl.core.errors import UsageError
from gencl.demo.pictures import STEPS, Choice, caption, interpolation, samples
from gencl.demo.sheet import Row
from gencl.demo.subject import open_subject
from gencl.learners.capabilities import GENERATOR
from gencl.metrics.snapshot import to_uint8
from gencl.uses.latent_space import ROWS
from tests.demo.conftest import trained


def bytes_of(row: Row) -> list[bytes]:
    return [cell.picture.tobytes() for cell in row.cells if cell.picture is not None]


def test_a_run(digits: gencl.Run) -> None:
    subject = open_subject(digits.path)
    assert subject.title == "digits: sgd, 3 tasks" and list(subject.times()) == [1, 2, 3]
    (sheet,) = samples(subject, Choice(seed=5), [0, 2], 8)
    assert [row.name for row in sheet.rows] == ["0", "2"] and sheet.width == 28
    assert [cell.words for cell in sheet.rows[1].cells[:2]] == ["2, latent 1", "2, latent 2"]
    (again,) = samples(subject, Choice(seed=5), [2], 5)
    assert bytes_of(again.rows[0]) == bytes_of(samples(subject, Choice(seed=5), [2], 5)[0].rows[0])
    (other,) = samples(subject, Choice(seed=6), [2], 5)
    assert bytes_of(other.rows[0]) != bytes_of(again.rows[0])
    assert samples(subject, Choice(), [], 5) == []


def test_latents_are_those_of_sample_and_stay_with_more_pictures(digits: gencl.Run) -> None:
    learner = GENERATOR(digits.learner())
    assert Choice(seed=5).latents(learner, 8, "samples").equal(learner.latents(64, 5, "samples")[:8])
    (sheet,) = samples(open_subject(digits.path), Choice(truncation=0), [1], 4)
    assert len(set(bytes_of(sheet.rows[0]))) == 1  # all latents are the same, and so are the pictures


def test_earlier_tasks(digits: gencl.Run) -> None:
    subject = open_subject(digits.path)
    first, last = (samples(subject, Choice(task=task), [0, 2], 4)[0] for task in (1, 3))
    assert len(bytes_of(first.rows[0])) == 4 and bytes_of(first.rows[0]) != bytes_of(last.rows[0])
    assert [cell.words for cell in first.rows[1].cells] == ["2: not learned yet"] * 4 and not bytes_of(first.rows[1])
    assert caption(subject, Choice(task=1)) == "After task 1 of 3 (class 0)"
    assert samples(subject, Choice(), [0], 4) == samples(subject, Choice(task=3), [0], 4)


def test_a_comparison(comparison: Path) -> None:
    subject = open_subject(comparison)
    assert subject.title == "methods: sgd, anpyc, joint; 3 tasks" and list(subject.times()) == [1, 2, 3]
    sheets = samples(subject, Choice(task=1), [0, 1], 4)
    assert [sheet.title for sheet in sheets] == ["0", "1"]
    assert [row.name for row in sheets[0].rows] == ["sgd", "anpyc", "joint"]
    assert [len(bytes_of(row)) for row in sheets[0].rows] == [4, 4, 0]
    assert [sheet.rows[2].cells[0].words for sheet in sheets] == ["0: not kept", "1: not kept"]
    rows = samples(subject, Choice(), [2], 4)[0].rows
    assert all(len(bytes_of(row)) == 4 for row in rows) and rows[1].cells[0].words == "2, anpyc, latent 1"
    assert [sheet.title for sheet in interpolation(subject, Choice(), 0, 1)] == ["sgd", "anpyc", "joint"]


@pytest.mark.parametrize("last", [0, 2])
def test_between(digits: gencl.Run, last: int) -> None:
    (sheet,) = interpolation(open_subject(digits.path), Choice(seed=3), 0, last)
    assert len(sheet.rows) == ROWS and all(len(bytes_of(row)) == STEPS for row in sheet.rows)
    learner = GENERATOR(digits.learner())
    starts, others = Choice(seed=3).latents(learner, 2 * ROWS, "interpolation").chunk(2)
    for step, label, latents in ((0, 0, starts), (STEPS - 1, last, starts if last else others)):
        with torch.no_grad():
            images = to_uint8(learner.generate(torch.full((ROWS,), label), latents))
        shown = torch.tensor([list(bytes_of(row)[step]) for row in sheet.rows])
        assert (shown - images.flatten(1).int()).abs().max() <= 1


def test_between_classes_of_later_tasks(digits: gencl.Run) -> None:
    (sheet,) = interpolation(open_subject(digits.path), Choice(task=1), 0, 2)
    assert {cell.words for cell in sheet.rows[0].cells} == {"0 to 2: not learned yet"}


def test_a_ready_model_has_no_earlier_tasks() -> None:
    subject = open_subject("digits-cgan-sgd")
    assert subject.title == "digits-cgan-sgd: sgd, 10 tasks" and list(subject.times()) == [10]


def test_a_model_without_its_settings(digits: gencl.Run, tmp_path: Path) -> None:
    for name in ("model.json", "model.safetensors"):
        (tmp_path / name).write_bytes((digits.path / name).read_bytes())
    subject = open_subject(tmp_path)
    assert subject.about == "3 tasks" and not subject.has_data and len(samples(subject, Choice(), [0], 2)) == 1


def test_guidance(tmp_path: Path) -> None:
    subject = open_subject(trained(tmp_path / "flow", "digits-flow", "scenario.tasks=1").path)
    one, two = (samples(subject, Choice(guidance=guidance), [0], 2)[0] for guidance in (1, 3))
    assert bytes_of(one.rows[0]) != bytes_of(two.rows[0])


def test_nothing_to_show(tmp_path: Path, comparison: Path) -> None:
    with pytest.raises(UsageError, match="nowhere does not exist"):
        open_subject(tmp_path / "nowhere")
    (tmp_path / "results.json").write_bytes((comparison / "results.json").read_bytes())
    with pytest.raises(UsageError, match="no finished run"):
        open_subject(tmp_path)
