"""Which methods can serve a learner, and the words for why one cannot."""

from __future__ import annotations

from typing import Any

from gencl.core.registry import parts_of
from gencl.learners.capabilities import Capability
from gencl.learners.learner import Learner
from gencl.methods import METHODS, SERVES


def refusal(method: object, missing: Capability[Any], learner: Learner) -> str:
    """Why a method cannot serve a learner that lacks what it needs, and which ones can."""
    name = next((key for key in METHODS if METHODS.get(key) is type(method)), type(method).__name__.lower())
    able = [key for key in METHODS if all(need.of(learner) is not None for need in METHODS.get(key).needs)]
    kind = type(learner).__name__
    return f"method {name} cannot serve {kind}: it serves {SERVES[missing.word]}; these can: {', '.join(able)}"


def is_reference(name: str) -> bool:
    """Whether any of the methods that a name joins by ``+`` is a bound, with which none competes."""
    return any(part in METHODS and METHODS.get(part).reference for part in parts_of(name))
