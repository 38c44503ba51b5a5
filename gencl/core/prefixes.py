"""States made of the states of parts: a prefix before the names says whose a tensor is."""

from __future__ import annotations

from torch import Tensor


def under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors with ``prefix.`` before their names."""
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def within(prefix: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names start with ``prefix.``, without it: the inverse of `under`."""
    return {name.removeprefix(f"{prefix}."): t for name, t in state.items() if name.startswith(f"{prefix}.")}
