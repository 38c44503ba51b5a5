"""One data set again and again, with its pixels in another fixed order each time (permuted MNIST: Goodfellow et al.
2013, Kirkpatrick et al. 2017)."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from gencl.core.errors import UsageError
from gencl.core.randomness import permutation
from gencl.core.settings import DataSettings
from gencl.datasets.dataset import Split
from gencl.scenarios.recipe import Load, Ordered, Recipe, hold_out
from gencl.scenarios.task import Scenario, Task


class PermutedSettings(Ordered):
    """``scenario.*`` of permuted tasks."""

    name: Literal["permuted"] = "permuted"
    tasks: int = Field(10, ge=1, le=10_000, description="number of tasks; the first shows the images unchanged")
    size: int | None = Field(
        None,
        ge=2,
        le=1024,
        description="side, in pixels, of the central square that is permuted; null: the whole image",
    )
    later = ("order", "size")


class Permuted(Recipe):
    """Task t shows all classes of ``data.name`` through the t-th permutation; the first task shows them unchanged.

    With ``size``, only a central square is permuted: the smaller it is, the more similar the tasks are (Kirkpatrick et
    al., Fisher overlap: 8 and 26 of 28 pixels).

    Permutations and validation images are the same in all runs; with ``order: seed``, the run's seed draws them. The
    tasks share the images in memory. Class c of the data set is class c + t * classes in task t.
    """

    Settings = PermutedSettings
    settings: PermutedSettings

    def build(self, data: DataSettings, load: Load) -> Scenario:
        if data.flip == "yes":
            raise UsageError("data.flip: permuted images have no left and right to be mirrored; use data.flip=no")
        dataset = load(data.name)
        train, validation = hold_out(dataset.train, data, dataset.key, 0, *self.drawn)
        n = len(dataset.classes)
        tasks = []
        for t in range(self.settings.tasks):
            shown = [self._shown(part, t, n) for part in (train, validation, dataset.test)]
            classes = tuple(range(t * n, (t + 1) * n))
            tasks.append(Task(t, f"permutation {t + 1}", classes, train=shown[0], validation=shown[1], test=shown[2]))
        return Scenario("permuted", tuple(tasks), dataset.classes * self.settings.tasks, reader=None)

    def _shown(self, part: Split, t: int, classes: int) -> Split:
        part = part.relabelled(part.labels + t * classes)
        _, height, width = part.shape
        return part if t == 0 else part.permuted(self._pixels(height, width, t))

    def _pixels(self, height: int, width: int, t: int) -> Tensor:
        """Return which pixel each position shows, (height * width,).

        Raises UsageError if ``size`` is larger than the images.
        """
        size = self.settings.size
        if size is None:
            return permutation(height * width, "permuted", t, *self.drawn)
        if size > min(height, width):
            raise UsageError(f"scenario.size: {size} is larger than the images, which are {height}x{width}")
        pixels = torch.arange(height * width)
        top, left = (height - size) // 2, (width - size) // 2
        square = pixels.view(height, width)[top : top + size, left : left + size].flatten()
        pixels[square] = square[permutation(size * size, "permuted", t, *self.drawn)]
        return pixels
