"""Which device, and which messages, a run gets from Accelerate."""

from __future__ import annotations

import pytest
import torch
from accelerate import PartialState

from gencl.core.errors import UsageError
from gencl.runs import build
from gencl.runs.build import make_accelerator


def test_a_run_gets_the_device_that_it_names_whatever_the_last_one_had() -> None:
    """Accelerate alone keeps a process's first device: a run on the GPU after one on the CPU would be on the CPU."""
    make_accelerator("cpu")
    PartialState._shared_state["device"] = torch.device("cuda", 0)  # as after a run on a GPU
    assert make_accelerator("cpu").device == torch.device("cpu")


@pytest.mark.parametrize(("processes", "gpus", "backend"), [(2, 1, ["gloo"]), (2, 2, []), (1, 1, []), (2, 0, [])])
def test_processes_that_share_a_gpu_send_through_the_host(
    processes: int, gpus: int, backend: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {"RANK": "0", "LOCAL_RANK": "0", "MASTER_ADDR": "localhost", "MASTER_PORT": "1"}
    for name, value in {**environment, "WORLD_SIZE": str(processes), "LOCAL_WORLD_SIZE": str(processes)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    assert [handler.backend for handler in build._messages(on_cpu=False)] == backend
    assert not build._messages(on_cpu=True)


@pytest.mark.parametrize("word", ["cuda:1", "gpu", "CPU"])
def test_no_other_word_is_taken_for_a_device(word: str) -> None:
    with pytest.raises(UsageError, match=f"--device {word}: it must be auto, cpu, cuda or mps"):
        make_accelerator(word)
