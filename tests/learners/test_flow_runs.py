"""Runs of flow matching: what its teacher draws, and what is done with a trained model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

import gencl as library
from gencl import Run
from gencl.core.errors import UsageError
from gencl.core.randomness import RandomSource
from gencl.methods.teacher import Teacher
from tests.conftest import context, gencl, killed_at, tiny
from tests.scenarios.test_domains import folder

FEW = [*tiny("digits-flow"), "model.steps=2"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    sets = [*FEW, "scenario.classes_per_task=2"]
    return library.train(
        "digits-flow", "anpyc", out=tmp_path_factory.mktemp("flow") / "run", set=sets, progress="silent"
    )


@pytest.mark.numeric
def test_a_teacher_draws_its_pool_once_and_for_its_task_alone() -> None:
    ctx = context("digits-flow", 3, model__width=4, model__pool=5, model__steps=2)
    teacher, again = Teacher(), Teacher()
    teacher.begin(ctx)
    again.begin(ctx)
    state = teacher.state_dict()
    assert state["pool.images"].shape == (10, 1, 28, 28) and state["pool.images"].dtype == torch.uint8
    assert state["pool.classes"].tolist() == [0] * 5 + [1] * 5
    assert torch.equal(state["pool.images"], again.state_dict()["pool.images"])
    before = ctx.learner.passes.forward
    images, classes = teacher.images(64, ctx.learner, RandomSource(0))
    old = teacher.draw(64, ctx.learner, RandomSource(0))
    assert ctx.learner.passes.forward == before  # nothing is integrated in a step
    assert torch.equal(images, old.inputs) and torch.equal(classes, old.classes)
    assert set(classes.tolist()) == {0, 1} and {"latents", "times", "dropped"} <= old.extra.keys()
    restored = Teacher()
    restored.load_state_dict(state, ctx.learner)
    assert all(torch.equal(tensor, state[name]) for name, tensor in restored.state_dict().items())
    restored.begin(replace(ctx, task=replace(ctx.task, whole=(0, 1))))  # both are there again as a whole
    assert not restored and restored.state_dict() == {}


@pytest.mark.parametrize("method", ["dgr", "anpyc+align"])
def test_a_run_with_a_pool_resumes_bit_for_bit(method: str, tmp_path: Path) -> None:
    sets = [*FEW, "train.checkpoint_every=1"]
    whole = library.train("digits-flow", method, out=tmp_path / "whole", set=sets, progress="silent")
    with killed_at(6 + 3):  # in the second task
        library.train("digits-flow", method, out=tmp_path / "cut", set=sets, progress="silent")
    library.train(out=tmp_path / "cut", resume=True, progress="silent")
    one, other = ((path / "model.safetensors").read_bytes() for path in (whole.path, tmp_path / "cut"))
    assert one == other


def test_guided_samples_are_others_and_only_of_what_can_be_guided(run: Run, tmp_path: Path) -> None:
    pictures = {}
    for guidance in ("none", "1", "3"):
        path = tmp_path / f"{guidance}.png"
        options = [] if guidance == "none" else ["--guidance", guidance]
        assert gencl("sample", run.path, "--n", "8", "--out", path, *options).returncode == 0
        pictures[guidance] = Image.open(path).tobytes()
    assert pictures["none"] == pictures["1"] != pictures["3"]
    plain, guided = (run.generate(n=4, guidance=guidance) for guidance in (None, 3.0))
    assert plain.shape == guided.shape and not torch.equal(plain, guided)
    assert gencl("sample", run.path, "--n", "4", "--to", tmp_path / "to", "--guidance", "3").returncode == 0
    refused = gencl("sample", run.path, "--n", "4", "--to", tmp_path / "to", "--guidance", "2")
    assert refused.returncode == 2 and "guidance: 3.0, not 2.0" in refused.stderr
    for wrong in ("nan", "inf", "-1", "101"):
        shown = gencl("sample", run.path, "--n", "4", "--to", tmp_path / "wrong", "--guidance", wrong)
        assert shown.returncode == 2 and "'--guidance'" in shown.stderr and not (tmp_path / "wrong").exists()
        with pytest.raises(UsageError, match="it must be from 0 to 100"):
            run.generate(n=4, guidance=float(wrong))
    cgan = library.train("digits-cgan", "sgd", out=tmp_path / "cgan", set=tiny("digits-cgan"), progress="silent")
    refused = gencl("sample", cgan.path, "--guidance", "2", "--out", tmp_path / "no.png")
    assert refused.returncode == 2 and "--guidance: a generator of this kind draws" in refused.stderr


def test_what_is_done_with_a_model(run: Run, tmp_path: Path) -> None:
    assert run.interpolate(steps=3).size and run.interpolate(classes=[0, 3], steps=3).size
    scores = run.evaluate(metrics=["fid", "drift"], n=10)
    assert len(scores["tasks"]) == 3
    assert run.analyze("importance") and run.write_report().is_file()
    again = library.train(config=run.path / "config.yaml", out=tmp_path / "again", progress="silent")
    extended = library.extend(again.path, [folder(tmp_path / "letters", "a")], set=["train.steps=2"], progress="silent")
    assert len(extended.learner().tasks) == 4 and extended.sample(n=8).size


def test_a_size_that_does_not_suit_is_told_before_anything_is_written(tmp_path: Path) -> None:
    done = gencl("train", "--preset", "digits-flow", "--set", "data.size=26", "--out", tmp_path / "run")
    assert done.returncode == 2 and "model.patch: 4" in done.stderr and not (tmp_path / "run").exists()


def test_it_replays_for_a_classifier(tmp_path: Path) -> None:
    sets = [*tiny("digits-mlp"), "model.generator={name: flow, patch: 4, width: 4, steps: 2, pool: 4}"]
    assert library.train("digits-mlp", "dgr", out=tmp_path / "run", set=sets, progress="silent").finished
