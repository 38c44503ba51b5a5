"""gencl trains image generators and classifiers on one task after another without forgetting the earlier ones.

import gencl
run = gencl.train(method="anpyc")        # the same as `gencl train --method anpyc`
run.sample([3, 7], n=8).save("x.png")
run.metrics["summary"]["fid"]
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "train": "gencl.api",
    "extend": "gencl.api",
    "compare": "gencl.experiments.compare",
    "tune": "gencl.experiments.tune",
    "load_run": "gencl.run",
    "Run": "gencl.run",
    "sample": "gencl.shortcuts",
    "reconstruct": "gencl.shortcuts",
    "interpolate": "gencl.shortcuts",
    "evaluate": "gencl.shortcuts",
    "fid": "gencl.uses.fid",
    "analyze": "gencl.analysis",
    "resolve": "gencl.presets.resolving",
    "load_plugin": "gencl.plugins",
    "Method": "gencl.methods.base",
    "Stage": "gencl.methods.base",
    "Context": "gencl.methods.base",
    "StepContext": "gencl.methods.base",
    "Learner": "gencl.learners.learner",
    "Metric": "gencl.metrics.metric",
    "Figure": "gencl.metrics.figures",
    "Part": "gencl.core.part",
    "Recipe": "gencl.scenarios.recipe",
    "Batch": "gencl.scenarios.batch",
    "Phase": "gencl.learners.learner",
    "Task": "gencl.scenarios.task",
    "Scenario": "gencl.scenarios.task",
    "Dataset": "gencl.datasets.dataset",
    "Split": "gencl.datasets.dataset",
    "GenclError": "gencl.core.errors",
    "UsageError": "gencl.core.errors",
}

__all__ = ["__version__", *_PUBLIC]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `import gencl` stays fast."""
    if name not in _PUBLIC:
        raise AttributeError(f"module 'gencl' has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
