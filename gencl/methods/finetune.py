"""Fine-tuning: plain training with a head per task."""

from gencl.learners.capabilities import HEADS
from gencl.methods.base import Method


class Finetune(Method):
    """Protects nothing, but each task has a head of its own: what is forgotten is the trunk's features only."""

    needs = (HEADS,)
    baseline = True
    entrywise = True
    moves_old = True
