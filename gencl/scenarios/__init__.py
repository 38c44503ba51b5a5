"""Scenarios: ordered sequences of tasks, and their registry."""

from gencl.core.registry import Registry

SCENARIOS = Registry(
    "scenario",
    {
        "split": ("gencl.scenarios.split:ClassSplit", "the classes of one data set, a few at a time"),
        "permuted": ("gencl.scenarios.permuted:Permuted", "one data set again and again, its pixels permuted"),
        "domains": ("gencl.scenarios.domains:Domains", "data sets or folders, one after another"),
        "dirichlet": ("gencl.scenarios.dirichlet:Dirichlet", "each class spread over all tasks by a Dirichlet draw"),
        "repeat": ("gencl.scenarios.repeat:Repeat", "the tasks of another scenario, which come back"),
        "patterns": ("gencl.scenarios.patterns:Patterns", "random binary patterns to be remembered; no data set"),
        "games": ("gencl.scenarios.games:Games", "games that are played one after another (extra: gencl[games])"),
    },
    group="gencl.scenarios",
    check="gencl.scenarios.check:problem",
)
