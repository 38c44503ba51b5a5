"""Which parameters tasks share: all but those in lists called ``tasks``, which have an entry for a group of classes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from torch.nn import Parameter

Named = Iterable[tuple[str, Parameter]]


def shared_in(named: Named) -> dict[str, Parameter]:
    """Return the parameters, by name, that no group has to itself."""
    return {name: parameter for name, parameter in named if ".tasks." not in name}


def own_in(named: Named, groups: Sequence[int]) -> dict[str, Parameter]:
    """Return the parameters, by name, that these groups of classes have to themselves."""
    marks = [f".tasks.{group}." for group in groups]
    return {name: parameter for name, parameter in named if any(mark in name for mark in marks)}
