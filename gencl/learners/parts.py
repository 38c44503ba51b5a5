"""Split parameters by name: lists called ``tasks`` have one entry per group of classes, all others are shared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from torch.nn import Parameter

Named = Iterable[tuple[str, Parameter]]


def shared_in(named: Named) -> dict[str, Parameter]:
    """Return the parameters, by name, that belong to no single group."""
    return {name: parameter for name, parameter in named if ".tasks." not in name}


def own_in(named: Named, groups: Sequence[int]) -> dict[str, Parameter]:
    """Return the parameters, by name, that belong to these groups of classes only."""
    marks = [f".tasks.{group}." for group in groups]
    return {name: parameter for name, parameter in named if any(mark in name for mark in marks)}
