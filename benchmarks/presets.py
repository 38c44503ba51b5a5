"""How long a run of each preset takes on two cores: a rehearsal of each, and ``time:`` written into its file.

    python -m benchmarks.presets --data-root DIR [PRESET ...]

A rehearsal is ``gencl train --preset PRESET --dry-run`` with two threads. A preset whose data are not at hand keeps the
time that it has. Nothing else should run meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path

from gencl import presets
from gencl.core import files

LINE = re.compile(r"^time: .*\n", re.MULTILINE)


def seconds_of(preset: str, data_root: Path) -> float | str:
    """Return the estimate of a whole run, or the line that says why there is none."""
    command = [sys.executable, "-m", "gencl", "train", "--preset", preset, "--data-root", str(data_root)]
    command += ["--dry-run", "--json", "--threads", "2"]
    environment = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    ended = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    if ended.returncode:
        return (ended.stderr.strip().splitlines() or ["no message"])[-1]
    estimate: dict[str, float] = json.loads(ended.stdout)["estimate"]
    return estimate["seconds"]


def rounded(seconds: float) -> float:
    """Return minutes with one digit that counts below ten minutes, and two above: more would not be true elsewhere."""
    return float(f"{seconds / 60:.1g}" if seconds < 600 else f"{seconds / 60:.2g}")


def write(preset: str, minutes: float) -> None:
    """Put the time below the preset's ``about``, in place of one that is there."""
    path = presets.path_of(preset)
    text = LINE.sub("", path.read_text(encoding="utf-8"))
    files.write(path, re.sub(r"^about: .*\n", rf"\g<0>time: {minutes:g}\n", text, count=1, flags=re.MULTILINE))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("presets", nargs="*", metavar="PRESET", default=presets.names())
    parser.add_argument("--data-root", type=Path, required=True)
    given = parser.parse_args()
    for preset in given.presets:
        seconds = seconds_of(preset, given.data_root)
        if isinstance(seconds, str):
            print(f"{preset:<24}{seconds}", flush=True)
        else:
            write(preset, rounded(seconds))
            print(f"{preset:<24}{seconds / 60:8.2f} minutes", flush=True)


if __name__ == "__main__":
    main()
