"""Read the environment that torchrun or accelerate launch sets for each process that it starts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from gencl.core.errors import UsageError

_NUMBERS = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
_RENDEZVOUS = ("LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
_ADVICE = "start gencl by torchrun or accelerate launch, which set all of it, or unset it for one process"


@dataclass(frozen=True)
class Launch:
    """This process's ``rank`` among ``world`` processes started together, ``local_world`` of them on this machine."""

    rank: int = 0
    world: int = 1
    local_world: int = 1

    @property
    def prefix(self) -> list[str]:
        """The words before ``gencl`` in a command that starts the same number of processes; empty for one process."""
        if self.world == 1:
            return []
        nodes = self.world // self.local_world
        several = ["--nnodes", str(nodes)] if nodes > 1 else []
        return ["torchrun", *several, "--nproc_per_node", str(self.local_world), "-m"]


def launch(environment: Mapping[str, str] = os.environ) -> Launch:
    """Return what the launcher set, or a single process if there is no launcher.

    Raises UsageError naming a variable that is wrong or missing.
    """
    numbers: dict[str, int] = {}
    for name in _NUMBERS:
        text = environment.get(name)
        if text is None:
            continue
        if not (text.isascii() and text.isdigit()):
            raise UsageError(f"${name} is {text!r}, which is no number of a process; {_ADVICE}")
        numbers[name] = int(text)
    if numbers.get("LOCAL_WORLD_SIZE") == 0:
        raise UsageError(f"$LOCAL_WORLD_SIZE is 0; {_ADVICE}")
    rank, world = numbers.get("RANK", 0), numbers.get("WORLD_SIZE", 1)
    if rank >= world:
        raise UsageError(f"$RANK is {rank} of $WORLD_SIZE={environment.get('WORLD_SIZE', 'unset')}; {_ADVICE}")
    absent = [name for name in ("RANK", *_RENDEZVOUS) if name not in environment]
    if world > 1 and absent:
        raise UsageError(f"$WORLD_SIZE is {world}, and ${absent[0]} is not set; {_ADVICE}")
    return Launch(rank, world, numbers.get("LOCAL_WORLD_SIZE", 1 if world == 1 else world))


def check_alone(command: str) -> None:
    """Raise UsageError if a launcher started several processes of a command that runs in one."""
    if (world := launch().world) > 1:
        raise UsageError(
            f"{command} is for one process, and a launcher has started {world}; start it without torchrun or "
            "accelerate launch" + (": it starts processes itself (--jobs N)" if command in ("compare", "tune") else "")
        )


def main_process() -> bool:
    """Return whether this process is the one that prints. True for an invalid environment, which `launch` reports."""
    try:
        return launch().rank == 0
    except UsageError:
        return True


def unlaunched(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without a launcher's variables, for subprocesses that gencl starts itself."""
    names = (*_NUMBERS, *_RENDEZVOUS, "GROUP_RANK", "ROLE_RANK", "ROLE_WORLD_SIZE")
    launchers = ("TORCHELASTIC_", "ACCELERATE_")
    return {name: value for name, value in environment.items() if name not in names and not name.startswith(launchers)}
