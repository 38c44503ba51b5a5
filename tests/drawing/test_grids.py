"""Frames of samples, stored and restored."""

from __future__ import annotations

from pathlib import Path

import torch

import gencl
from gencl.drawing.grids import Frames
from tests.conftest import grown, tiny


def test_frames_come_back_whatever_the_tasks_are_called(tmp_path: Path) -> None:
    learner, scenario = grown(gencl.resolve("digits-cgan", assignments=tiny("digits-cgan")))
    frames, restored = Frames(scenario.class_names), Frames(scenario.class_names)
    for name in ("a.classes.b", "my.images.of 1.5"):
        frames.take(learner, 0, name, tmp_path / "grid.png")
    restored.restore(frames.tensors())
    stored, again = frames.tensors(), restored.tensors()
    assert list(stored) == list(again) and all(torch.equal(stored[key], again[key]) for key in stored)
