"""Frozen copies of a classifier, made when a task begins, and the previous solver that labels replayed images."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor

from gencl.core.prefixes import under, within
from gencl.learners.capabilities import CLASSIFIER
from gencl.learners.classifier import Classifier
from gencl.learners.learner import Learner


def frozen_copy(learner: Learner) -> Classifier:
    """Return a copy of the classifier as it is now, in evaluation mode and without gradients.

    It has no generator, since replay keeps its own copy of that, and no gates that a method is still learning.
    """
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
        """The copy's classes in the order learned, on its device. Made here, since a step would wait for the GPU."""

    def begin(self, learner: Learner, tasks: int) -> None:
        """Copy a classifier that has learned ``tasks`` tasks, if any. Called before each task."""
        if tasks:
            self._copy, self._tasks = frozen_copy(learner), tasks
            self._classes = torch.tensor(self._copy.classes, device=learner.position.device)

    @torch.no_grad()
    def beliefs(self, images: Tensor, classes: Tensor) -> Tensor:
        """Return the probabilities of the old columns, (n, columns).

        With one head per task, ``classes`` (n,) gives the task, and the columns of other tasks get 0.
        """
        return self._scores(images, classes)[0].softmax(1)

    @torch.no_grad()
    def labels(self, images: Tensor, classes: Tensor) -> Tensor:
        """Return the most probable old class of each image, (n,)."""
        assert self._copy is not None
        scores, right = self._scores(images, classes)
        return self._classes[scores.argmax(1) - right + self._copy.position[classes]]

    def _scores(self, images: Tensor, classes: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scores of the old columns (the copy also has new ones), and the right columns (n,)."""
        assert self._copy is not None
        scores, right = self._copy.logits(images, self._copy.position[classes], range(self._tasks))
        old = sum(len(self._copy.groups[group]) for group in self._copy.groups_of(range(self._tasks)))
        return scores[:, :old], right

    def state_dict(self) -> dict[str, Tensor]:
        """Return the tensors by name; empty if no task was learned yet."""
        if self._copy is None:
            return {}
        return {"solved": torch.tensor(self._tasks), **under("solver", self._copy.state_dict())}

    def load_state_dict(self, state: dict[str, Tensor], learner: Learner) -> None:
        """Restore `state_dict`."""
        if "solved" in state:
            self.begin(learner, int(state["solved"]))
            assert self._copy is not None
            self._copy.load_state_dict(within("solver", state))
