"""Functions of the Python interface that train and extend runs. The work is done in `gencl.training`."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from gencl.run import Run
from gencl.runs.folder import RunFolder
from gencl.training import extend as _extend
from gencl.training import train as _train

P = ParamSpec("P")


def _of_user(function: Callable[P, RunFolder]) -> Callable[P, Run]:
    """Wrap a function that returns a `RunFolder` so that it returns a `Run`."""

    @wraps(function)
    def call(*args: P.args, **options: P.kwargs) -> Run:
        done = function(*args, **options)
        run = Run(done.path)
        run.estimate = done.estimate
        return run

    return call


train = _of_user(_train.train)
extend = _of_user(_extend.extend)
