"""Deep generative replay (Shin et al., NeurIPS 2017)."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from gencl.methods.base import Context, Method, under, within
from gencl.methods.replay import mixed, number_replayed
from gencl.models.learner import Batch, Generator, Learner
from gencl.settings import Part


class DGR(Method):
    """Part of each batch is drawn from a frozen copy of the generator, made when the task began.

    Classes are drawn uniformly over all past ones. Half of the batch by default: the paper's share t / (t + 1)
    starves the new class at small batches (design notes). Stores no images, but one more generator while training.

    A classifier needs a generator beside it (``model.generator``), and both learn from the mixed batches, which makes
    them a scholar (section 3). There the previous solver labels what is replayed; here the class that the generator
    was asked for is the label: it also says the task where heads are per task, and keeps the labels balanced. A
    convolutional generator has little to hold on to in permuted pixels, where replay is that much weaker.
    """

    class Settings(Part):
        """The share of replay."""

        share: float = Field(0.5, gt=0, lt=1, description="share of each batch that is replayed")

    needs = frozenset({"generate"})
    grid = {"share": (0.25, 0.5, 0.75)}
    settings: Settings

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._teacher: Generator | None = None
        self._past: Tensor | None = None

    def before_task(self, ctx: Context) -> None:
        now = set(ctx.task.classes)
        self._teach(ctx.learner, [c for c in ctx.learner.classes if c not in now])

    def _teach(self, learner: Learner, past: list[int]) -> None:
        if past:
            generative = learner.generative()
            assert generative is not None  # `needs` was checked when the run was built
            self._teacher = generative.frozen_generator()
            self._past = torch.tensor(past, device=learner.position.device)

    def extend_batch(self, ctx: Context, batch: Batch) -> Batch:
        if self._teacher is None or self._past is None:
            return batch
        replayed = number_replayed(self.settings.share, len(batch))
        classes = ctx.random.choice(self._past, replayed)
        with torch.no_grad():
            latents = self._teacher.draw_latents(replayed, ctx.random)
            images = self._teacher(latents, ctx.learner.position[classes])
        return mixed(batch, images, classes)

    def state_dict(self) -> dict[str, Tensor]:
        if self._teacher is None or self._past is None:
            return {}
        return {"past": self._past, **under("teacher", self._teacher.state_dict())}

    def load_state_dict(self, state: dict[str, Tensor], learner: Learner) -> None:
        if state:
            self._teach(learner, state["past"].tolist())
            assert self._teacher is not None
            self._teacher.load_state_dict(within("teacher", state))
