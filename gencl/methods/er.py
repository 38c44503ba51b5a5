"""Experience replay: a small memory of real images, for reference (Chaudhry et al., 2019)."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from gencl.methods.base import Context, Method, importance_random
from gencl.methods.replay import mixed, number_replayed
from gencl.models.learner import Batch, Learner
from gencl.settings import Part


class ER(Method):
    """Part of each batch is drawn from a memory of earlier tasks' images, equally many of each class (all that it has
    where a class has fewer; at least one, so that the memory is larger where there are more classes than places).

    It **stores data**, which the other methods do without: what a few stored images are worth.
    """

    class Settings(Part):
        """The size of the memory, and the share of replay."""

        memory: int = Field(500, ge=1, description="images kept, over all classes")
        share: float = Field(0.5, gt=0, lt=1, description="share of each batch that is replayed")

    grid = {"share": (0.25, 0.5, 0.75)}
    settings: Settings

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._images: Tensor | None = None
        self._classes: Tensor | None = None

    def extend_batch(self, ctx: Context, batch: Batch) -> Batch:
        if self._images is None or self._classes is None or len(batch) < 2:
            return batch
        replayed = number_replayed(self.settings.share, len(batch))
        rows = ctx.random.choice(torch.arange(len(self._classes), device=self._classes.device), replayed)
        return mixed(batch, self._images[rows].float() / 255, self._classes[rows])

    def after_task(self, ctx: Context) -> None:
        """Makes room for the task's classes: each keeps memory // classes images, at least one."""
        each = max(1, self.settings.memory // len(ctx.learner.classes))
        train, random = ctx.task.train, importance_random(ctx, "memory")
        order = random.uniform(len(train)).argsort(stable=True)
        images, classes = [], []
        for label in ctx.task.classes:
            rows = order[train.labels[order] == label][:each]
            images.append(train.take(rows))
            classes.append(train.labels[rows])
        if self._images is not None and self._classes is not None:
            for label in self._classes.unique(sorted=True).tolist():
                old = (self._classes == label).nonzero().squeeze(1)[:each]
                images.append(self._images[old])
                classes.append(self._classes[old])
        self._images, self._classes = torch.cat(images), torch.cat(classes)

    def state_dict(self) -> dict[str, Tensor]:
        if self._images is None or self._classes is None:
            return {}
        return {"images": self._images, "classes": self._classes}

    def load_state_dict(self, state: dict[str, Tensor], learner: Learner) -> None:
        self._images, self._classes = state.get("images"), state.get("classes")
