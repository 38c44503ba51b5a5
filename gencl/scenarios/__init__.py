"""Sequences of tasks."""

from gencl.registry import Registry

SCENARIOS = Registry(
    "scenario",
    {
        "split": ("gencl.scenarios.split:ClassSplit", "the classes of one data set, a few at a time"),
        "permuted": ("gencl.scenarios.permuted:Permuted", "one data set again and again, its pixels permuted"),
    },
    group="gencl.scenarios",
)
