"""Frames of samples, stored and restored, and the names beside them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import gencl
from gencl.drawing import grids
from gencl.drawing.grids import Frames, draw_grid
from tests.conftest import grown, tiny


def test_frames_come_back_whatever_the_tasks_are_called(tmp_path: Path) -> None:
    learner, scenario = grown(gencl.resolve("digits-cgan", assignments=tiny("digits-cgan")))
    frames, restored = Frames(scenario.class_names), Frames(scenario.class_names)
    for name in ("a.classes.b", "my.images.of 1.5"):
        frames.take(learner, 0, name, tmp_path / "grid.png")
    restored.restore(frames.tensors())
    stored, again = frames.tensors(), restored.tensors()
    assert list(stored) == list(again) and all(torch.equal(stored[key], again[key]) for key in stored)


def test_names_of_other_alphabets_are_no_boxes() -> None:
    cells = [[torch.zeros(1, 28, 28, dtype=torch.uint8)]]
    drawn = {name: draw_grid(cells, [name]).tobytes() for name in ("кошки", "собак", "Äpfel", "Öpfel")}
    assert len(set(drawn.values())) == len(drawn)


def test_more_classes_than_a_gif_is_wide_leave_no_animation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    learner, scenario = grown(gencl.resolve("digits-cgan", assignments=tiny("digits-cgan")))
    frames = Frames(scenario.class_names)
    for name in ("one", "two"):
        frames.take(learner, 0, name, tmp_path / "grid.png")
    frames.animation(tmp_path / "a.gif")
    monkeypatch.setattr(grids, "WIDEST_GIF", 100)
    frames.animation(tmp_path / "b.gif")
    assert (tmp_path / "a.gif").is_file() and not (tmp_path / "b.gif").exists()


def test_long_sequences_are_drawn_ever_more_rarely_and_at_their_end(tmp_path: Path) -> None:
    learner, scenario = grown(gencl.resolve("digits-cgan", assignments=tiny("digits-cgan")))
    frames, drawn = Frames(scenario.class_names), []
    for number in range(1, 42):
        frames.take(learner, 0, f"after {number}", tmp_path / "grid.png")
        frames.draw(tmp_path, last=number == 41)
        if (strip := tmp_path / "evolution.png").exists():
            drawn.append(number)
            strip.unlink()
    assert drawn == [*range(1, 16), 16, 18, 20, 22, 24, 27, 30, 32, 36, 40, 41]
    assert (tmp_path / "evolution.gif").is_file()
