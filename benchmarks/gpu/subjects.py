"""The learners that are measured, and images of noise for them: what a step takes does not depend on what it sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from benchmarks.runs import settings_for
from gencl.core.settings import Settings
from gencl.datasets.dataset import Split
from gencl.scenarios.task import Scenario, Task

IMAGES = 2048
"""Training images of a task; a tiny one has `TINY_IMAGES`."""
TINY_IMAGES = 32
FOREVER = ("train.steps=1000000", "train.log_every=1000000", "data.flip=no")
"""Steps between which nothing is read."""


@dataclass(frozen=True)
class Subject:
    """A learner as a preset has it, or ``tiny``, for images of a shape."""

    preset: str
    shape: tuple[int, int, int]
    classes: int
    """Of each task."""
    sets: tuple[str, ...] = ()
    tiny: tuple[str, ...] = ()
    small: bool = False
    """Whether to use the settings that make it tiny."""

    @property
    def classifies(self) -> bool:
        return self.preset == "split-mnist"

    def methods(self) -> list[str]:
        """Those that are measured; alignment is for generators."""
        return ["sgd", "ewc", "anpyc", *([] if self.classifies else ["anpyc+align"])]

    def settings(self, method: str, *more: str) -> Settings:
        """A run's settings with a method."""
        samples = f"method.{'anpyc.' * ('+' in method)}samples={TINY_IMAGES if self.small else 256}"
        measured = [samples] if method != "sgd" else []
        tiny = self.tiny if self.small else ()
        return settings_for(self.preset, method, [*FOREVER, *self.sets, *tiny, *measured, *more])

    def scenario(self, device: str, tasks: int = 2) -> Scenario:
        """Tasks of noise, on the device."""
        return Scenario(
            "noise",
            tuple(self._task(index, device) for index in range(tasks)),
            tuple(map(str, range(tasks * self.classes))),
            reader=None,
        )

    def _task(self, index: int, device: str) -> Task:
        n = TINY_IMAGES if self.small else IMAGES
        random = torch.Generator().manual_seed(index)
        images = torch.randint(256, (n, *self.shape), generator=random).to(torch.uint8).to(device)
        classes = tuple(range(index * self.classes, (index + 1) * self.classes))
        labels = (torch.arange(n) % self.classes + classes[0]).to(device)
        part = Split(images, labels)
        few = part.select(torch.arange(TINY_IMAGES))
        return Task(index, str(index), classes, train=part, validation=few, test=few)


_TINY_GAN = ("model.width=4", "model.features=8", "model.adapter=0", "train.batch_size=4")
_FACES = ("scenario.domains=[celeba]",)
SUBJECTS: dict[str, Subject] = {
    "MLP 28": Subject(
        "split-mnist", (1, 28, 28), 2, ("model.heads=task",), ("model.hidden=[16,8]", "train.batch_size=8")
    ),
    "GAN 28": Subject("mnist-cgan", (1, 28, 28), 1, (), _TINY_GAN),
    "GAN 64": Subject("celeba-anime-cgan", (3, 64, 64), 1, _FACES, _TINY_GAN),
    "GAN 128": Subject("celeba-anime-cgan", (3, 128, 128), 1, (*_FACES, "data.size=128"), _TINY_GAN),
    "VAE 64": Subject(
        "celeba-anime-vae", (3, 64, 64), 1, _FACES, ("model.width=2", "model.features=8", "train.batch_size=4")
    ),
    "flow 64": Subject(
        "celeba-anime-flow",
        (3, 64, 64),
        1,
        _FACES,
        (
            "model.width=4", "model.widest=8", "model.depth=1", "model.embedding=8", "model.attention=none",
            "model.steps=2", "model.pool=4", "train.batch_size=4",
        ),
    ),
}  # fmt: skip


def chosen(names: Sequence[str], small: bool) -> dict[str, Subject]:
    """Subjects by name."""
    return {name: replace(SUBJECTS[name], small=small) for name in names}
