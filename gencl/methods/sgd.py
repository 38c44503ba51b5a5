"""Plain training, one task after another."""

from gencl.methods.base import Method


class SGD(Method):
    """Nothing is protected: the lower bound of every comparison."""

    baseline = True
    entrywise = True
    moves_old = True
