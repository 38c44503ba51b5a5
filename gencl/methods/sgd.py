"""Plain training, one task after another."""

from gencl.methods.base import Method


class SGD(Method):
    """Nothing is protected: the lower end of every comparison."""

    entrywise = True
    moves_old = True
