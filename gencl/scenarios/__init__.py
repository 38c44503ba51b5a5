"""Sequences of tasks."""

from gencl.registry import Registry

SCENARIOS = Registry(
    "scenario",
    {"split": ("gencl.scenarios.split:split", "the classes of one data set, a few at a time")},
    group="gencl.scenarios",
)
