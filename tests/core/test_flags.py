"""When processes hear that one of them wants to stop."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest
import torch
from accelerate import Accelerator
from torch import Tensor

from gencl.core.processes import PATIENCE, Processes


def processes(device: str) -> Processes:
    """The first of two that do the same; its tensors are on the CPU all the same."""

    def reduce(tensor: Tensor, reduction: str) -> Tensor:
        return 2 * tensor

    two = SimpleNamespace(process_index=0, num_processes=2, device=torch.device(device), reduce=reduce)
    return Processes(cast(Accelerator, two))


@pytest.mark.parametrize(("device", "calls"), [("cpu", 1), ("cuda", PATIENCE)])
def test_a_flag_is_read_at_once_on_a_cpu_and_now_and_then_on_a_gpu(device: str, calls: int) -> None:
    some, parameter = processes(device), torch.zeros(3)
    for raised in (0, calls // 2):  # in the first call, and later
        heard = []
        for call in range(2 * calls):
            parameter.grad = torch.ones(3)
            heard.append(some.average_gradients([parameter], call == raised))
            assert torch.equal(parameter.grad, torch.ones(3))
        assert [call for call, flag in enumerate(heard) if flag] == [calls - 1]
