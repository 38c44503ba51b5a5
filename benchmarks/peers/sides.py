"""The peer's environment, and the processes that both sides run in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from typing import Any

PEER = "avalanche-lib==0.6.0"


def is_installed(folder: Path) -> bool:
    """Whether the environment is there, of this version."""
    return (folder / PEER).exists()


def installed(folder: Path) -> Path:
    """The Python of an environment that has the peer, made where it is absent. A folder of other files is refused."""
    python = folder / "bin" / "python"
    if not is_installed(folder):
        if folder.exists() and any(folder.iterdir()) and not (folder / "pyvenv.cfg").exists():
            raise SystemExit(f"--environment {folder}: holds other files than an environment; name another folder")
        venv.create(folder, with_pip=True, clear=True)
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        packages = folder / "lib" / version / "site-packages"
        (packages / "shared.pth").write_text(sysconfig.get_path("purelib") + "\n")
        subprocess.run([python, "-m", "pip", "install", "-q", PEER], check=True)
        (folder / PEER).touch()
    return python


class Side:
    """A process that runs one job after another."""

    def __init__(self, *command: str | Path) -> None:
        environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
        self._process = subprocess.Popen(
            list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def run(self, job: dict[str, Any]) -> dict[str, float]:
        assert self._process.stdin is not None and self._process.stdout is not None
        print(json.dumps(job), file=self._process.stdin, flush=True)
        answer: dict[str, float] | None = json.loads(self._process.stdout.readline())
        if answer is None:
            raise SystemExit(f"{job['method']} failed, see above")
        return answer

    def close(self) -> None:
        self._process.communicate()
