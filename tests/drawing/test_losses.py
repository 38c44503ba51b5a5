"""The steps that a chart of losses counts."""

from __future__ import annotations

import json
from pathlib import Path

from gencl.drawing.losses import LEFT, WIDTH, loss_charts


def test_a_chart_counts_the_steps_of_its_own_stage(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    entries = [
        {"task": task, "stage": "train" if step <= 24 else "retrain", "step": step, "loss": {"one": 1.0}}
        for task in "abcd"
        for step in range(1, 41)
    ]
    log.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    train, retrain = loss_charts(log)
    assert (train.steps, retrain.steps) == (96, 64)
    ((_, points, _),) = retrain.lines
    x = [float(point.partition(",")[0]) for point in points.split()]
    unit = (WIDTH - LEFT - 4) / 64
    assert all(abs(place - LEFT - unit * (i + 1)) < 0.1 for i, place in enumerate(x)) and len(x) == 64
    assert [round((left - LEFT) / unit) for _, left, _ in retrain.bands] == [0, 16, 32, 48]


def test_a_stage_that_comes_again_goes_on_within_its_task(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    stages = ["train"] * 3 + ["rest"] * 2 + ["train"] * 3
    entries = [
        {"task": "a", "stage": stage, "step": 10 * (i + 1), "loss": {"one": 1.0}} for i, stage in enumerate(stages)
    ]
    log.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    assert [(chart.stage, chart.steps) for chart in loss_charts(log)] == [("train", 60), ("rest", 20)]
