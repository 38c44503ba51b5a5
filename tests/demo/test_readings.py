"""What encoders and classifiers make of uploaded and of held-out pictures, and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image

import gencl
from gencl.core.errors import GenclError
from gencl.demo import readings
from gencl.demo.subject import open_subject
from tests.demo.conftest import trained


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> gencl.Run:
    return trained(tmp_path_factory.mktemp("demo") / "mlp", "digits-mlp", "scenario.order=given", "keep=tasks")


def test_uploads_become_what_the_model_takes(classifier: gencl.Run, tmp_path: Path) -> None:
    Image.new("RGB", (300, 200), "white").save(tmp_path / "x.jpg")
    picture = readings.uploaded(open_subject(classifier.path), tmp_path / "x.jpg")
    assert picture.shape == (1, *classifier.card.image_shape) and picture.dtype == torch.uint8 and picture.min() > 250


@pytest.mark.parametrize(
    "content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + b"x" * 99], ids=["empty", "text", "cut"]
)
def test_what_is_no_picture(content: bytes, classifier: gencl.Run, tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(GenclError, match="cannot be read as a picture: "):
        readings.uploaded(open_subject(classifier.path), tmp_path / "x.png")


def test_too_many_pixels(classifier: gencl.Run, tmp_path: Path) -> None:
    Image.new("1", (20_000, 20_000)).save(tmp_path / "x.png")
    with pytest.raises(GenclError, match="not safe to decode"):
        readings.uploaded(open_subject(classifier.path), tmp_path / "x.png")


def test_models_of_other_than_square_pictures_take_their_size_alone(classifier: gencl.Run, tmp_path: Path) -> None:
    folder = shutil.copytree(classifier.path, tmp_path / "wide")
    card = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(card | {"image_shape": [1, 14, 56]}))
    subject = open_subject(folder)
    Image.new("RGB", (56, 14), "white").save(tmp_path / "x.png")
    assert readings.uploaded(subject, tmp_path / "x.png").shape == (1, 1, 14, 56)
    Image.new("RGB", (28, 28), "white").save(tmp_path / "x.png")
    with pytest.raises(GenclError, match="The models take pictures of 56x14 pixels, and this one has 28x28"):
        readings.uploaded(subject, tmp_path / "x.png")


def test_a_classifier_that_knows_the_task(classifier: gencl.Run) -> None:
    subject = open_subject(classifier.path)
    picture = readings.held_out_picture(subject, 0, task=2)
    assert readings.told_task(subject)
    (answers,) = readings.answers(subject, picture, of_task=2)
    assert {name for name, _ in answers.shares} == {"2", "3"}
    assert sum(share for _, share in answers.shares) == pytest.approx(1)
    assert answers.shares[0][1] >= answers.shares[1][1]
    assert readings.answers(subject, picture, of_task=2, task=1) == []  # not learned yet


def test_a_classifier_over_all_classes(tmp_path: Path) -> None:
    run = trained(tmp_path / "mlp", "digits-mlp", "scenario.order=given", "model.heads=class")
    subject = open_subject(run.path)
    (answers,) = readings.answers(subject, readings.held_out_picture(subject, 0), of_task=1)
    assert not readings.told_task(subject)
    assert {name for name, _ in answers.shares} == set("012345")
    assert sum(share for _, share in answers.shares) == pytest.approx(1)


def test_held_out_pictures_go_from_task_to_task(classifier: gencl.Run) -> None:
    subject = open_subject(classifier.path)
    assert readings.held_out_picture(subject, 4).equal(readings.held_out_picture(subject, 1, task=2))
    assert not readings.held_out_picture(subject, 1).equal(readings.held_out_picture(subject, 4))


def test_reconstruction(vae: gencl.Run) -> None:
    subject = open_subject(vae.path)
    picture = readings.held_out_picture(subject, 0)
    (sheet,) = readings.reconstruction(subject, picture)
    given, back = sheet.rows
    assert given.cells[0].picture is not None and given.cells[0].picture.tobytes() == bytes(picture.flatten().tolist())
    assert back.name in {f"decoded as {name}" for name in "012"} and back.cells[0].picture is not None
    (first,) = readings.reconstruction(subject, picture, task=1)
    assert first.rows[1].name == "decoded as 0"
