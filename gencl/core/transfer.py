"""Move tensors between the host and a device."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # torch takes seconds to import
    import torch
    from torch import Tensor


def exact(tensor: Tensor) -> Tensor:
    """Return the tensor in float64; on the host if its device has no float64 (Apple's MPS)."""
    return (tensor.cpu() if tensor.device.type == "mps" else tensor).double()


def sent(tensor: Tensor, device: torch.device) -> Tensor:
    """Return the tensor on ``device``, copied to a GPU through pinned memory. Such a copy joins the GPU's queue; a
    plain copy would wait until all queued work is done."""
    if device.type == "cuda" and tensor.device.type == "cpu":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)
