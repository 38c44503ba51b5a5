"""A small clone whose Python, pip and gencl are a shell script: nothing is installed."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

CLI = Path(__file__).resolve().parents[2] / "cli"

# Stands for python3, and in .venv/bin for the environment's python. `-c` is the real Python, after $FAKE_PRELUDE.
FAKE_PYTHON = r"""#!/bin/sh
[ "$1" != -I ] || shift
case $1 in
  -c)
    code=$2
    shift 2
    exec "$REAL_PYTHON" -I -S -c "$FAKE_PRELUDE
$code" "$@"
    ;;
esac
printf '%s|%s\n' "$*" "$PWD" >>"$FAKE_LOG"
case $2 in
  venv)
    [ -z "${FAKE_VENV_FAILS:-}" ] || { echo "$FAKE_VENV_FAILS" >&2; exit 1; }
    mkdir -p "$3/bin" "$3/lib/python3.11/site-packages"
    cp "$0" "$3/bin/python"
    echo fake >"$3/pyvenv.cfg"
    ;;
  pip)
    [ -n "$TMPDIR" ] && touch "$TMPDIR/download"
    while [ -n "${FAKE_PIP_AWAITS:-}" ] && [ ! -e "$FAKE_PIP_AWAITS" ]; do sleep 0.02; done
    sleep "${FAKE_PIP_SECONDS:-0}"
    [ -z "${FAKE_PIP_FAILS:-}" ] || { echo noise; printf '%b\n' "$FAKE_PIP_FAILS" >&2; exit 1; }
    echo 'noise on stdout'
    echo 'noise on stderr' >&2
    cp "$FAKE_GENCL" "${0%/*}/gencl"
    ;;
  ruff | mypy | pytest)
    echo "$2 says GENCL_DATA=${GENCL_DATA-unset}"
    case " ${FAKE_FAILURES:-} " in *" $2 "*) exit 3 ;; esac
    ;;
esac
"""
FAKE_GENCL = r"""#!/bin/sh
echo "in $PWD"
for argument; do printf '<%s>\n' "$argument"; done
[ -z "${FAKE_WAIT:-}" ] || exec sleep "$FAKE_WAIT"
exit "${FAKE_STATUS:-0}"
"""
USABLE = "import sys, types; sys.modules['pip'] = types.ModuleType('pip')"


def heed_signals() -> None:
    """A shell cannot trap what was ignored before it (under nohup, say); a user's launcher starts with the defaults."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


class Clone:
    """A copy of cli/ with a project beside it, in a folder whose name needs quoting."""

    def __init__(self, folder: Path):
        self.outside = folder / "outside"
        self.go = folder / "go"
        self.root = folder / "a clone's $place"
        self.calls_file = folder / "calls"
        self.python = folder / "the python"
        for directory in (self.outside, self.root):
            directory.mkdir()
        shutil.copytree(CLI, self.root / "cli")
        self.project = self.root / "pyproject.toml"
        self.project.write_text('[project]\nname = "gencl"\n')
        for path, text in ((self.python, FAKE_PYTHON), (folder / "the gencl", FAKE_GENCL)):
            path.write_text(text)
            path.chmod(0o755)
        foreign = ("GENCL_", "PIP_", "PYTHON", "FAKE_")
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(foreign)} | {
            "GENCL_PYTHON": str(self.python),
            "REAL_PYTHON": sys.executable,
            "FAKE_LOG": str(self.calls_file),
            "FAKE_GENCL": str(folder / "the gencl"),
            "FAKE_PRELUDE": USABLE,
        }

    @property
    def stamp(self) -> Path:
        return self.root / ".venv" / "install.stamp"

    def calls(self, module: str = "pip") -> list[str]:
        text = self.calls_file.read_text() if self.calls_file.exists() else ""
        return [line for line in text.splitlines() if line.startswith(f"-m {module} ")]

    def start(self, *command: str, **variables: str) -> "subprocess.Popen[str]":
        launcher = self.root / "cli" / "gencl"
        return subprocess.Popen(
            command or (str(launcher),),
            cwd=self.outside,
            env=self.environment | variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=heed_signals,  # noqa: PLW1509  # no threads here
        )

    def run(self, *command: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        process = self.start(*command, **variables)
        out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    def gencl(self, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        return self.run(str(self.root / "cli" / "gencl"), *arguments, **variables)

    def test(self, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        return self.run(str(self.root / "cli" / "test"), *arguments, **variables)

    def one_line(self, result: "subprocess.CompletedProcess[str]") -> str:
        """What a failed set-up printed: nothing on stdout, status 1, one line besides the one that announces it."""
        assert (result.returncode, result.stdout) == (1, "")
        lines = [line for line in result.stderr.splitlines() if not line.endswith("…")]
        assert len(lines) == 1, result.stderr
        assert lines[0].startswith("gencl: ")
        return lines[0]


def wait_until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)
