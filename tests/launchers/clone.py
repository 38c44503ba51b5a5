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
    exec "$REAL_PYTHON" -I -S -c "import sys; sys._base_executable = sys.executable = '''$0'''; ${FAKE_PRELUDE:-}
$code" "$@"
    ;;
esac
printf '%s|%s\n' "$*" "$PWD" >>"$FAKE_LOG"
case $2 in
  venv)
    [ -z "${FAKE_VENV_FAILS:-}" ] || { echo "$FAKE_VENV_FAILS" >&2; exit 1; }
    mkdir -p "$3/bin"
    cp "$0" "$3/bin/python"
    cp "$0" "$3/bin/pip"
    ;;
  pip)
    sleep 600 9>&- &
    echo "$!" >"$TMPDIR/download"
    while [ -n "${FAKE_PIP_AWAITS:-}" ] && [ ! -e "$FAKE_PIP_AWAITS" ]; do sleep 0.02; done
    [ -z "${FAKE_PIP_FAILS:-}" ] || { kill "$!"; echo noise; printf '%b\n' "$FAKE_PIP_FAILS" >&2; exit 1; }
    kill "$!"
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
# Stands for uv: `venv` and `pip install` as above.
FAKE_UV = r"""#!/bin/sh
printf -- '-m uv %s|%s\n' "$*" "$PWD" >>"$FAKE_LOG"
[ -z "${FAKE_UV_FAILS:-}" ] || { printf '%b\n' "$FAKE_UV_FAILS" >&2; exit 2; }
case $1 in
  venv) mkdir -p "$5/bin" && cp "$FAKE_PYTHON" "$5/bin/python" ;;
  pip) cp "$FAKE_GENCL" "${5%/*}/gencl" ;;
esac
"""
FAKE_GENCL = r"""#!/bin/sh
echo "in $PWD"
for argument; do printf '<%s>\n' "$argument"; done
[ -z "${FAKE_WAIT:-}" ] || exec sleep "$FAKE_WAIT"
exit "${FAKE_STATUS:-0}"
"""
TOOLS = (
    *("sh", "dash", "bash", "busybox", "cat", "cksum", "cp", "cut", "dirname", "find", "flock", "grep", "ls"),
    *("mkdir", "readlink", "rm", "sleep", "tail", "touch"),
)
"""All that the launchers (and these fakes) may call, besides Python and uv."""


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
        self.tools = folder / "tools"
        self.tools.mkdir()
        for tool in filter(shutil.which, TOOLS):
            (self.tools / tool).symlink_to(shutil.which(tool) or tool)
        self.put(self.python, FAKE_PYTHON)
        self.put(folder / "the gencl", FAKE_GENCL)
        foreign = ("GENCL_", "PIP_", "PYTHON", "FAKE_")
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(foreign)} | {
            "GENCL_PYTHON": str(self.python),
            "REAL_PYTHON": sys.executable,
            "FAKE_LOG": str(self.calls_file),
            "FAKE_GENCL": str(folder / "the gencl"),
            "FAKE_PYTHON": str(self.python),
            "PATH": str(self.tools),
        }

    @property
    def download(self) -> Path:
        """The temporary file of a pip at work: the number of a process that it has started."""
        return self.root / ".venv/tmp/download"

    @property
    def downloading(self) -> bool:
        return self.download.exists() and self.download.read_text() != ""

    def put(self, path: Path, text: str) -> None:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

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
