"""Exported networks give what gencl gives, in onnxruntime and through torch.export, and say what they cannot do."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

import gencl
from gencl.core.errors import GenclError, UsageError
from gencl.learners.capabilities import CLASSIFIER, GENERATOR
from gencl.uses.export import Exported
from tests.conftest import gencl as command
from tests.conftest import tiny

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

EXACT = 1e-5
VGG = [*tiny("digits-mlp")[:2], "data.size=16", "data.limit=40", "model={name: vgg9, width: 0.1}", "train.batch_size=8"]


def trained(folder: Path, preset: str, method: str = "sgd", *changes: str, sets: list[str] | None = None) -> gencl.Run:
    return gencl.train(
        preset, method, 0, folder, set=[*(sets or tiny(preset)), "train.steps=4", *changes], progress="silent"
    )


def in_onnxruntime(path: Path, **inputs: Tensor) -> Tensor:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert [given.name for given in session.get_inputs()] == list(inputs)
    (result,) = session.run(None, {name: value.numpy() for name, value in inputs.items()})
    return torch.from_numpy(result)


def in_torch(path: Path, **inputs: Tensor) -> Tensor:
    with torch.no_grad():
        result: Tensor = torch.export.load(path).module()(*inputs.values())
    return result


@pytest.mark.parametrize("preset", ["digits-cgan", "digits-vae"])
def test_a_generator_gives_the_same_images(preset: str, tmp_path: Path) -> None:
    run = trained(tmp_path / "run", preset)
    files = tmp_path / "x.onnx", tmp_path / "x.pt2"
    done = command("export", run.path, "--onnx", files[0], "--torch", files[1])
    learner = GENERATOR(run.learner())
    latent = learner.latents(1, 0).shape[1]
    shapes = f"latents (n, {latent}), classes (n) -> images (n, 1, 28, 28)"
    assert done.returncode == 0 and done.stderr.startswith("tracing the network")
    assert done.stdout.splitlines() == [f"{file}: {shapes}" for file in files]
    for n in (1, 5):
        classes, latents = torch.arange(n) % 3, learner.latents(n, "test")
        with torch.no_grad():
            images = learner.generate(classes, latents)
        for give, file in zip((in_onnxruntime, in_torch), files, strict=True):
            assert (give(file, latents=latents, classes=classes) - images).abs().max() < EXACT
    model = onnx.load(files[0])
    assert json.loads({entry.key: entry.value for entry in model.metadata_props}["class_names"]) == ["0", "1", "2"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "x.onnx", "x.pt2"]


@pytest.mark.parametrize(
    ("method", "changes", "sets"),
    [
        ("packnet", [], None),  # weights of a task's own
        ("hat", [], None),  # units of a task's own
        ("sgd", ["model.heads=domain"], None),
        ("sgd", ["model.heads=class"], None),
        ("sgd", [], VGG),  # running statistics of a task's own
    ],
)
def test_a_classifier_gives_the_same_logits(
    method: str, changes: list[str], sets: list[str] | None, tmp_path: Path
) -> None:
    run = trained(tmp_path / "run", "digits-mlp", method, *changes, sets=sets)
    run.export(onnx=tmp_path / "x.onnx", torch=tmp_path / "x.pt2")
    classifier = CLASSIFIER(run.learner())
    images = torch.rand(5, *run.card.image_shape)
    logits = in_onnxruntime(tmp_path / "x.onnx", images=images)
    assert logits.shape == (5, len(classifier.classes))
    assert (in_torch(tmp_path / "x.pt2", images=images) - logits).abs().max() < EXACT * (1 + logits.abs().max())
    start = 0
    for task in classifier.tasks:
        positions = torch.full((5,), start)
        with torch.no_grad():
            wanted, right = classifier.logits(images, positions)
        first = start - int(right[0])  # of a head over all classes there are columns before those of the task
        found = logits[:, first : first + wanted.shape[1]] if classifier.heads == "class" else logits[:, start:]
        found = found[:, : wanted.shape[1]]
        assert (found - wanted).abs().max() < EXACT * (1 + wanted.abs().max())
        start += len(task)


def test_a_generator_beside_a_classifier_is_left_out_and_said(tmp_path: Path) -> None:
    run = trained(tmp_path / "run", "digits-mlp", "dgr", "model.generator={name: cgan, width: 4}", "scenario.tasks=1")
    said = run.export(torch=tmp_path / "x.pt2")
    assert said.endswith("logits (n, 2); the generator beside the classifier is not in the file")
    assert in_torch(tmp_path / "x.pt2", images=torch.rand(5, *run.card.image_shape)).shape == (5, 2)


def test_operators_of_another_version(tmp_path: Path) -> None:
    gencl.load_run("digits-cgan-sgd").export(onnx=tmp_path / "x.onnx", opset=23)
    assert onnx.load(tmp_path / "x.onnx").opset_import[0].version == 23


WRONG = [
    ([], "name a file to write: --onnx FILE.onnx, --torch FILE.pt2, or both"),
    (["--onnx", "x.pb"], "--onnx x.pb: give a name that ends in .onnx"),
    (["--torch", "x.onnx"], "--torch x.onnx: give a name that ends in .pt2"),
    (["--onnx", "no/x.onnx"], "there is no folder no"),
    (["--onnx", "x.onnx", "--opset", "11"], "--opset 11 is too old; give one from 18 to 25"),
    (["--onnx", "x.onnx", "--opset", "99"], "--opset 99 is too new"),
    (["--onnx", "x.onnx", "--opset", "new"], "--opset"),
    (["--torch", "x.pt2", "--opset", "18"], "--opset 18: it is for ONNX alone; add --onnx FILE.onnx, or leave out"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG)
def test_wrong_use(arguments: list[str], message: str, tmp_path: Path) -> None:
    done = command("export", "digits-cgan-sgd", *arguments, cwd=tmp_path)
    assert done.returncode == 2 and message in done.stderr and len(done.stderr.splitlines()) == 1
    assert not any(tmp_path.iterdir())


class Branching(torch.nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images if images.sum() > 0 else -images


def test_a_network_that_cannot_be_traced() -> None:
    with pytest.raises(GenclError, match=r"torch.export cannot follow this network: .+"):
        Exported(Branching(), {"images": torch.rand(2, 3)}, "images").program()


def test_packages_that_are_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)  # as if it were not installed
    run = gencl.load_run("digits-cgan-sgd")
    with pytest.raises(UsageError, match=r'the package onnxscript is not installed; pip install -e ".*\[onnx\]"'):
        run.export(onnx=tmp_path / "x.onnx")
    run.export(torch=tmp_path / "x.pt2")
    assert [path.name for path in tmp_path.iterdir()] == ["x.pt2"]
