"""Training images that are mirrored at random: which, when, and what stays as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

import gencl
from gencl.core.errors import UsageError
from gencl.presets import resolve
from gencl.runs.build import make_scenario
from gencl.scenarios.batch import Batch
from gencl.scenarios.task import Task
from tests.conftest import gencl as command
from tests.conftest import killed_at, tiny
from tests.datasets.test_folder import fill

FLIP = "data.flip=yes"


def task(*more: str) -> Task:
    return make_scenario(resolve("digits-mlp", assignments=[*more]), None).tasks[0]


def mirrored(batch: Batch, images: Tensor) -> Tensor:
    """Which of the samples are mirrored, all being what they should be or mirrored, (n,)."""
    same = (batch.inputs == images).flatten(1).all(1)
    assert (same | (batch.inputs == images.flip(3)).flatten(1).all(1)).all()
    return ~same


def test_each_image_is_mirrored_in_half_of_the_epochs_as_seed_and_epoch_say() -> None:
    plain, flipped = task("scenario.order=given"), task(FLIP, "scenario.order=given")
    n, size = len(plain.train), 32
    one, other, again = plain.source(size, 5), flipped.source(size, 5), flipped.source(size, 5)
    seen = torch.zeros(20, n, dtype=torch.long)
    for step in range(20 * n // size):
        unchanged, batch = one.batch(step), other.batch(step)
        assert unchanged.index is not None and batch.index is None and torch.equal(unchanged.classes, batch.classes)
        epochs = (step * size + torch.arange(size)) // n
        seen[epochs, unchanged.index] = 1 + mirrored(batch, unchanged.inputs).long()
        if step % 50 == 7:
            assert torch.equal(again.batch(step).inputs, batch.inputs)  # whatever came before
    assert (seen[:-1] > 0).all() and 0.48 < (seen[:-1] == 2).float().mean() < 0.52
    assert len(seen[:-1].unique(dim=0)) == 19
    elsewhere = flipped.source(size, 6).batch(0)
    assert elsewhere.classes.shape == (size,) and not torch.equal(elsewhere.inputs, other.batch(0).inputs)


def test_processes_share_the_batch_of_one() -> None:
    source = task(FLIP).source(32, 5)
    for step in (0, 11):  # the second goes on into the next epoch
        shares = [source.batch(step, rank, 2).inputs for rank in range(2)]
        assert torch.equal(torch.cat(shares), source.batch(step).inputs)


def test_what_is_measured_and_remembered_is_not_mirrored() -> None:
    plain, flipped = task("data.validation=0.1"), task(FLIP, "data.validation=0.1")
    for part in ("train", "validation", "test"):
        one, other = getattr(plain, part), getattr(flipped, part)
        assert torch.equal(one.images, other.images) and one.fingerprint() == other.fingerprint()


@pytest.mark.parametrize(("preset", "method"), [("digits-mlp", "lwf"), ("digits-mlp", "der++"), ("digits-vae", "er")])
def test_a_run_that_mirrors_resumes_bit_for_bit(preset: str, method: str, tmp_path: Path) -> None:
    sets = [*tiny(preset), FLIP, "train.checkpoint_every=4"]
    whole = gencl.train(preset, method, 0, tmp_path / "whole", set=sets, progress="silent")
    with killed_at(10):
        gencl.train(preset, method, 0, tmp_path / "cut", set=sets, progress="silent")
    cut = gencl.train(out=tmp_path / "cut", resume=True, progress="silent")
    plain = gencl.train(preset, method, 0, tmp_path / "plain", set=sets[:-2], progress="silent")
    model = [(run.path / "model.safetensors").read_bytes() for run in (whole, cut, plain)]
    assert model[0] == model[1] != model[2]


def test_digits_and_letters_are_warned_of_in_one_line_and_pictures_are_not(tmp_path: Path) -> None:
    for name in ("cats", "dogs", "2", "A"):
        fill(tmp_path / ("pets" if len(name) > 1 else "signs") / name, range(ord(name[0]), ord(name[0]) + 5))
    said = {}
    for name in ("digits", str(tmp_path / "pets"), str(tmp_path / "signs")):
        chosen = [*tiny("digits-mlp"), f"data.name={name}", "scenario.tasks=1", "train.steps=2"]
        for flip in ("yes", "no"):
            sets = [word for pair in [*chosen, f"data.flip={flip}"] for word in ("--set", pair)]
            found = command("train", "--preset", "digits-mlp", "--method", "sgd", "--out", tmp_path / "run", *sets)
            assert found.returncode == 0, found.stderr
            said[Path(name).name, flip] = [line for line in found.stderr.splitlines() if "a mirrored 2" in line]
            (tmp_path / "run").rename(tmp_path / f"run-{len(said)}")
    assert {key: len(lines) for key, lines in said.items() if lines} == {("digits", "yes"): 1, ("signs", "yes"): 1}
    assert said["digits", "yes"] == [
        "data.flip mirrors the training images of digits too, whose classes are 0, 1, 2, ...: a mirrored 2 is no 2"
    ]


def test_permuted_images_cannot_be_mirrored() -> None:
    settings = resolve("permuted-mnist", assignments=["data.name=digits", FLIP])
    with pytest.raises(UsageError, match=r"data\.flip: permuted images have no left and right"):
        make_scenario(settings, None)


def test_a_preset_without_flips_has_the_settings_it_always_had() -> None:
    assert {"flip", "place"}.isdisjoint(resolve("digits-cgan").tree()["data"])
    assert resolve("digits-cgan", assignments=[FLIP]).tree()["data"]["flip"] == "yes"
