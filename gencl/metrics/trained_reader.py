"""A classifier of any labelled images: a small network trained once on the data sets' training images, then cached.

The bundled digit classifier suits digits only; for Fashion-MNIST, CIFAR-10 or a user's folders of classes this one
takes its place. Runs that differ in the order, grouping or number of tasks, in ``data.limit`` or method share one
classifier, so their scores can be compared. It never sees the real images that scores compare with.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from pydantic import BaseModel, Field
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from gencl.core import cache, documents, files
from gencl.core.errors import GenclError, UsageError
from gencl.core.folders import cache_root
from gencl.core.progress import Mode, Reporter
from gencl.core.randomness import deterministic, permutation, seeded
from gencl.core.threads import alone
from gencl.datasets.dataset import Split
from gencl.metrics.lessons import Lessons, TrainingPlan, unsuited
from gencl.metrics.reader import FEATURES, LOGITS, Reader
from gencl.scenarios.task import Scenario

TRAINING_PLAN = TrainingPlan()


class Card(BaseModel):
    """The JSON file beside the weights of a cached classifier."""

    schema_: Literal[1] = Field(1, alias="schema")
    accuracy: Annotated[float, Field(ge=0, le=1)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


def build_network(shape: Sequence[int]) -> nn.Sequential:
    """Return four convolutions, then a linear layer to 128 features; input (n, channels, height, width) in [0, 1].

    The stride of the first convolution brings images of any size to about 16x16, so that all cost about the same.
    """
    channels, *sides = shape
    stride = 2 * max(1, round(max(sides) / 32))
    convolutions = nn.Sequential(
        nn.Conv2d(channels, 24, stride + 1, stride, stride // 2), nn.ReLU(),
        nn.Conv2d(24, 48, 3, 2, 1), nn.GroupNorm(8, 48), nn.ReLU(),
        nn.Conv2d(48, 64, 3, 1, 1), nn.GroupNorm(8, 64), nn.ReLU(),
        nn.Conv2d(64, 96, 3, 2, 1), nn.GroupNorm(8, 96), nn.ReLU(),
        nn.Flatten(),
    )  # fmt: skip
    for divisor in (stride, 2, 2):
        sides = [-(-side // divisor) for side in sides]
    return convolutions.append(nn.Linear(96 * sides[0] * sides[1], 128))


class TrainedReader(Reader):
    """A classifier of the classes that it was trained on; ``accuracy`` is measured on held-out real images."""

    def __init__(self, name: str = "reader", *, shape: Sequence[int], classes: int) -> None:
        super().__init__(name, (FEATURES, LOGITS), build_network(shape), shape, classes)
        self.version, self.accuracy = "", 0.0

    @classmethod
    def for_scenario(
        cls,
        scenario: Scenario,
        split: str = "test",
        progress: Mode = "auto",
        recipe: TrainingPlan | None = None,
        **_: object,
    ) -> TrainedReader:
        """Return the classifier of a scenario's classes, logit k for class k, from the cache or trained in a minute.

        It does not know classes that were added later (`gencl.extend`): features stay those of the planned tasks.
        ``split`` names the real images that scores compare with. For "validation", it is trained on the data sets'
        training images without the validation images, else on all of them. Raises UsageError if no classifier can be
        trained for the classes.
        """
        if why := unsuited(scenario):
            raise UsageError(f"evaluate.features: reader: {why}; use auto or none")
        plan = recipe or TRAINING_PLAN
        lessons = Lessons(scenario, split, plan)
        path = cache_root() / "readers" / f"{lessons.key}.safetensors"
        with seeded("reader", plan.version):
            reader = cls(shape=scenario.image_shape, classes=len(lessons.outputs))
        reporter = Reporter(plan.steps_for(len(lessons.train)), 0, progress)
        if not reader._load(path, reporter):
            with reporter:
                reader._learn(lessons, plan, path, reporter)
        reader.outputs = lessons.outputs
        for tensor in (reader.head.weight, reader.head.bias):
            tensor.data = tensor.data[lessons.outputs]
        reader.eval().requires_grad_(False)
        return reader

    def _load(self, path: Path, reporter: Reporter) -> bool:
        """Load a classifier from ``path`` and return whether there was one. Warns if the file is damaged."""
        card = path.with_suffix(".json")
        if not path.exists() and not card.exists():
            return False
        try:
            about, _ = documents.read(card, Card)
            if files.sha256(path) != about.sha256:
                raise ValueError(f"its checksum is not the one in {card.name}")
            self.load_state_dict(load_file(path))
            cache.used(path)
        except (GenclError, OSError, ValueError, RuntimeError, SafetensorError) as error:
            reporter.say(f"the cached reader {path} is damaged and trained again: {str(error).splitlines()[0]}")
            return False
        self.version, self.accuracy = about.sha256[:12], about.accuracy
        return True

    def _learn(self, lessons: Lessons, plan: TrainingPlan, path: Path, reporter: Reporter) -> None:
        """Train, measure and cache the classifier."""
        reporter.doing("training a reader")
        reporter.say(f"training a reader of {lessons.about} for distances; it is kept for further runs")
        cache.limit()  # report a wrong size before the expensive part
        start = time.perf_counter()
        with alone(), deterministic(torch.device("cpu")):
            torch.set_num_threads(1)  # the order of additions depends on it, and all runs must get the same classifier
            fit(self, lessons.train, plan, reporter)
            with torch.no_grad():
                some = torch.arange(len(lessons.test)).split(500)
                answers = torch.cat([self(lessons.test.take(rows))[1].argmax(1) for rows in some])
        self.accuracy = float((answers == lessons.test.labels).double().mean())
        card = {
            "schema": 1,
            "recipe": asdict(plan),
            "data": lessons.about,
            "training_images": len(lessons.train),
            "held_out_images": len(lessons.test),
            "accuracy": self.accuracy,
        }
        where = f"kept in {path.parent}"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            digest = files.save_tensors(path, self.state_dict())
            files.write_json(path.with_suffix(".json"), {**card, "sha256": digest})
            cache.trim()
        except (OSError, GenclError) as error:  # the next run only has to train it again
            digest = files.checksum(self.state_dict())
            where = f"not kept: {error}"
        self.version = digest[:12]
        reporter.say(
            f"the reader reads {self.accuracy:.2%} of {len(lessons.test)} held-out images right "
            f"({time.perf_counter() - start:.0f} s); {where}"
        )


def fit(reader: Reader, split: Split, recipe: TrainingPlan, reporter: Reporter) -> None:
    """Train a classifier with AdamW. The rate rises for a tenth of the steps, then falls to 0, both linearly."""
    steps = recipe.steps_for(len(split))
    optimizer = torch.optim.AdamW(reader.parameters(), lr=recipe.lr, weight_decay=1e-2)
    for step, rows in enumerate(_batches(len(split), recipe.batch_size, steps)):
        optimizer.param_groups[0]["lr"] = recipe.lr * min((step + 1) / max(1, steps // 10), 1 - step / steps)
        loss = F.cross_entropy(reader(split.take(rows))[1], split.labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        reporter.advance(1, {"loss": loss.item()})


def _batches(n: int, size: int, steps: int) -> Iterator[Tensor]:
    """Yield the rows of ``steps`` batches, from one permutation of n per epoch."""
    epoch = done = 0
    while True:
        for rows in permutation(n, "reader", epoch).split(size):
            if done == steps:
                return
            yield rows
            done += 1
        epoch += 1
