"""Combine state dictionaries of several parts into one, with a prefix per part."""

from __future__ import annotations

from torch import Tensor


def under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors with ``prefix.`` added to their names."""
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def within(prefix: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors whose names start with ``prefix.``, and remove it from the names: the inverse of `under`."""
    return {name.removeprefix(f"{prefix}."): t for name, t in state.items() if name.startswith(f"{prefix}.")}
