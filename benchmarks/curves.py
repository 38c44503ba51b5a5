"""How good a GAN's images are after so many CPU seconds: networks, widths and losses, with and without the average.

    python -m benchmarks.curves faces|emoji|cifar10|mnist [--data-root DIR] [--seconds 300] [--variants ...]

Everything is learned at once, at a flat rate, in one thread; the seconds are those of training. Each point is measured
twice: with the moving average of the weights and as they are. Writes results/curves/SUBJECT.json, a variant after the
other; those that it holds are not run again.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import measure
from benchmarks.runs import fresh
from gencl import presets
from gencl.core import files
from gencl.core.settings import Settings
from gencl.methods.base import Context
from gencl.metrics.evaluator import Evaluator
from gencl.runs.build import make_scenario
from gencl.scenarios.task import Scenario
from gencl.training.observers import Moment, Observer
from gencl.training.session import Session

FOLDER = Path(__file__).parents[1] / "results" / "curves"
SUBJECTS = {
    "faces": ("celeba-anime-cgan", ["scenario.domains=[celeba]"]),
    "emoji": ("emoji-cgan", []),
    "cifar10": ("cifar10-cgan", []),
    "mnist": ("mnist-cgan", ["evaluate.also=[]"]),
}
"""Preset, and what differs from it."""
PLAIN, RESIDUAL = ["model.network=plain"], ["model.network=residual"]
VARIANTS = {
    "plain, transposed": [*PLAIN, "model.upsampling=transposed"],
    "plain, bilinear": [*PLAIN, "model.upsampling=bilinear"],
    "plain, bilinear, twice as wide": [*PLAIN, "model.upsampling=bilinear", "model.width=32"],
    "plain, bilinear, twice as wide, half the rate": [
        *PLAIN, "model.upsampling=bilinear", "model.width=32", "train.lr=0.0005",
    ],
    "plain, bilinear, twice as wide, 0.7 of the rate": [
        *PLAIN, "model.upsampling=bilinear", "model.width=32", "train.lr=0.0007",
    ],
    "residual": RESIDUAL,
    "residual, half the rate": [*RESIDUAL, "train.lr=0.0005"],
    "residual, a scale and shift a class": [*RESIDUAL, "model.modulation=class"],
    "residual, relativistic": [*RESIDUAL, "model.loss=relativistic"],
    "plain, bilinear, relativistic": [*PLAIN, "model.upsampling=bilinear", "model.loss=relativistic"],
    "plain, bilinear, augmented": [*PLAIN, "model.upsampling=bilinear", "model.augment=[translation,cutout]"],
}  # fmt: skip


@dataclass(frozen=True)
class Point:
    """Fréchet distances of all classes together, of the averaged weights and of those as they are."""

    seconds: float
    steps: int
    averaged: float
    live: float


class Enough(Exception):
    """All points are measured."""


class AtTimes(Observer):
    """Measures at certain CPU seconds of training."""

    def __init__(self, session: Session, marks: list[float]) -> None:
        super().__init__(session)
        self._marks, self._spent = marks, time.process_time()
        self.points: list[Point] = []

    def after_step(self, moment: Moment) -> None:
        seconds = time.process_time() - self._spent
        if seconds < self._marks[len(self.points)]:
            return
        live = self._distance(moment.ctx)
        weights = {name: value.clone() for name, value in self.session.learner.state_dict().items()}
        self.session.average.take()
        averaged = self._distance(moment.ctx)
        self.session.learner.load_state_dict(weights)
        self.points.append(Point(round(seconds, 1), self.session.state.step, averaged, live))
        print(self.points[-1], flush=True)
        if len(self.points) == len(self._marks):
            raise Enough
        self._spent = time.process_time() - seconds

    def _distance(self, ctx: Context) -> float:
        evaluator = self.session.evaluator
        snapshot = evaluator.snapshot(ctx.task.parts, final=True)
        distance: float = evaluator.evaluation(snapshot)["summary"]["fid_all"]
        return round(distance, 1)


def settings_of(subject: str, variant: str) -> Settings:
    preset, differs = SUBJECTS[subject]
    flat = ["train.lr=0.001", "train.lr_end=1", "train.half_life=10000", "train.steps=1000000", "model.augment=[]"]
    return presets.resolve(preset, method="joint", assignments=[*differs, *flat, *VARIANTS[variant]])


def curve(settings: Settings, scenario: Scenario, marks: list[float]) -> dict[str, Any]:
    """Trains until the last mark."""
    with tempfile.TemporaryDirectory() as folder:
        trainer = fresh(settings, scenario, Path(folder), time.process_time, evaluate=False)
        session = trainer.session
        session.evaluator = Evaluator(session.learner, scenario, settings.evaluate, settings.seed, only=["fid"])
        watch = AtTimes(session, marks)
        trainer.observers = [watch]
        with contextlib.suppress(Enough):
            trainer.fit("silent")
        features, floor = session.evaluator.features(), session.evaluator.floor(scenario.tasks)
        session.recorder.close()
    assert features is not None
    return {
        "parameters": sum(parameter.numel() for parameter in session.learner.parameters()),
        "features": features["name"],
        "real": round(floor["fid_all"], 1),
        "points": [vars(point) for point in watch.points],
    }


def main() -> None:
    parser = measure.options(__doc__, rounds=1)
    parser.add_argument("subject", choices=SUBJECTS)
    parser.add_argument("--data-root", type=Path)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--points", type=int, default=4)
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    given = measure.parsed(parser)
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{given.subject}.json"
    curves: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    marks = [given.seconds * (number + 1) / given.points for number in range(given.points)]
    scenario = make_scenario(settings_of(given.subject, given.variants[0]), given.data_root)
    for variant in given.variants:
        if variant not in curves:
            print(variant, flush=True)
            curves[variant] = {"set": VARIANTS[variant], **curve(settings_of(given.subject, variant), scenario, marks)}
            files.write_json(path, curves)


if __name__ == "__main__":
    main()
