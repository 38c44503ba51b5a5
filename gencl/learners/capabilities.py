"""Optional capabilities of learners, which some methods and metrics need: an object, or None."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from gencl.learners.classifier import Classifier
from gencl.learners.generative import GenerativeLearner
from gencl.learners.learner import Learner
from gencl.learners.networks.trunk import Ownership
from gencl.learners.units import Units
from gencl.scenarios.player import Player

T = TypeVar("T")


@dataclass(frozen=True)
class Capability(Generic[T]):
    """A capability. Called with a learner, it returns the learner's object, or raises TypeError if there is none.

    Args:
        word: its short name, in lists.
        of: returns the object of a learner, or None if the learner lacks the capability.
    """

    word: str
    of: Callable[[Learner], T | None]

    def __call__(self, learner: Learner) -> T:
        capability = self.of(learner)
        if capability is None:
            raise TypeError(f"{type(learner).__name__} has no {self.word}: check it before it is asked")
        return capability


def _with_own(learner: Learner) -> Learner | None:
    return learner if learner.has_own else None


def _with_heads(learner: Learner) -> Classifier | None:
    classifier = learner.classifier()
    return classifier if classifier is not None and classifier.heads == "task" else None


OWN = Capability[Learner]("own", _with_own)
CLASSIFIER = Capability[Classifier]("classify", lambda learner: learner.classifier())
HEADS = Capability[Classifier]("heads", _with_heads)
OWNERSHIP = Capability[Ownership]("task", lambda learner: learner.task_weights())
UNITS = Capability[Units]("units", lambda learner: learner.task_units())
GENERATOR = Capability[GenerativeLearner]("generator", lambda learner: learner.generator_itself())
IMAGES = Capability[GenerativeLearner]("images", lambda learner: learner.generative())
PLAYER = Capability[Player]("play", lambda learner: learner.player())
ENCODER = Capability[GenerativeLearner]("encode", lambda learner: learner.encoder())
