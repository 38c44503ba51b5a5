"""Frozen copies of a classifier, made when a task begins, and the previous solver that answers for the old classes."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor

from gencl.core.prefixes import under, within
from gencl.learners.capabilities import CLASSIFIER
from gencl.learners.classifier import Classifier
from gencl.learners.learner import Learner


def frozen_copy(learner: Learner) -> Classifier:
    """Return a classifier as it is now, in evaluation mode and without gradients; without the generator beside it, of
    which replay has a copy of its own, and without gates that a method is learning."""
    classifier = CLASSIFIER(learner)
    generator, classifier.generator = classifier.generator, None
    copy = deepcopy(classifier).eval().requires_grad_(False)
    classifier.generator, copy.gates.live = generator, None
    return copy


class Solver:
    """Labels replayed images as the classifier did before the present task (Shin et al. 2017, section 3.1)."""

    def __init__(self) -> None:
        self._copy: Classifier | None = None
        self._tasks = 0
        self._classes = torch.zeros(0, dtype=torch.long)
        """The copy's classes in the order learned, on its device: made in a step they would wait for it."""

    def begin(self, learner: Learner, tasks: int) -> None:
        """Copies a classifier that has learned so many tasks; called before each task."""
        if tasks:
            self._copy, self._tasks = frozen_copy(learner), tasks
            self._classes = torch.tensor(self._copy.classes, device=learner.position.device)

    @torch.no_grad()
    def beliefs(self, images: Tensor, classes: Tensor) -> Tensor:
        """Return the probabilities of the old columns, (n, columns); ``classes`` (n,) says the task where heads are a
        task's own. With one head per task, another task's columns get 0."""
        return self._scores(images, classes)[0].softmax(1)

    @torch.no_grad()
    def labels(self, images: Tensor, classes: Tensor) -> Tensor:
        """Return the most probable old class of each image, (n,)."""
        assert self._copy is not None
        scores, right = self._scores(images, classes)
        return self._classes[scores.argmax(1) - right + self._copy.position[classes]]

    def _scores(self, images: Tensor, classes: Tensor) -> tuple[Tensor, Tensor]:
        """The scores of the old columns, and the right ones: the copy has grown for the new task, too."""
        assert self._copy is not None
        scores, right = self._copy.logits(images, self._copy.position[classes], range(self._tasks))
        old = sum(len(self._copy.groups[group]) for group in self._copy.groups_of(range(self._tasks)))
        return scores[:, :old], right

    def state_dict(self) -> dict[str, Tensor]:
        """By name; empty where no task was learned yet."""
        if self._copy is None:
            return {}
        return {"solved": torch.tensor(self._tasks), **under("solver", self._copy.state_dict())}

    def load_state_dict(self, state: dict[str, Tensor], learner: Learner) -> None:
        """Restores `state_dict`."""
        if "solved" in state:
            self.begin(learner, int(state["solved"]))
            assert self._copy is not None
            self._copy.load_state_dict(within("solver", state))
