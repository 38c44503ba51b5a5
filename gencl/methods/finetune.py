"""Fine-tuning: plain training with one head per task."""

from gencl.learners.capabilities import HEADS
from gencl.methods.base import Method


class Finetune(Method):
    """Protects nothing, but each task has its own head, so that only the trunk's features are forgotten."""

    needs = (HEADS,)
    baseline = True
    entrywise = True
    moves_old = True
