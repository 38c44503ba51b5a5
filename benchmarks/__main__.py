"""All benchmarks one after another, each in a process of its own; tables go to benchmarks/RESULTS.md.

    python -m benchmarks --data-root DIR [--threads 1] [--clock cpu] [--rounds N]

The options are passed on to each that knows them.
"""

from __future__ import annotations

import subprocess
import sys

NEEDS_DATA = ("steps", "peers", "importance", "tasks", "batches")
OTHERS = (
    "consolidation",
    "ensemble",
    "memory",
    "options",
    "startup",
    "evaluation",
    "drawing",
    "to_images",
    "large_data",
)
ALONE = ("to_images", "large_data")
"""Those that know no clock."""


def passed(name: str, arguments: list[str]) -> list[str]:
    """The options that this one knows: all have a name and a value."""
    pairs = list(zip(arguments[::2], arguments[1::2], strict=True))
    unknown = [*["--data-root"] * (name not in NEEDS_DATA), *["--clock"] * (name in ALONE)]
    return [word for pair in pairs if pair[0] not in unknown for word in pair]


def main() -> None:
    arguments = sys.argv[1:]
    if "--data-root" not in arguments or len(arguments) % 2:
        sys.exit(__doc__)
    for name in (*NEEDS_DATA, *OTHERS):
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *passed(name, arguments)], check=True)


if __name__ == "__main__":
    main()
