"""Check the installation and suggest fixes: versions, devices, folders, weights, disk, several processes."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from packaging.requirements import Requirement

from gencl.core.command import python
from gencl.core.errors import GenclError
from gencl.core.extras import EXTRAS
from gencl.core.launcher import unlaunched
from gencl.core.threads import LARGE_STEP

LITTLE_DISK_BYTES = 2 * 2**30
PROCESS_SECONDS = 120
_TWO = """
import torch
from gencl.core.processes import Processes
from gencl.runs.build import make_accelerator
processes = Processes(make_accelerator("cpu"))
total, = processes.sum([torch.tensor([processes.rank + 1.0])])
assert (processes.world, total.item()) == (2, 3.0), (processes.world, total.item())
"""

Verdict = Literal["ok", "note", "broken"]


@dataclass(frozen=True)
class Finding:
    """The result of one check. ``mend`` says how to fix it, if there is something to fix."""

    what: str
    verdict: Verdict
    found: str
    mend: str = ""


def examine(data_root: str | Path | None = None) -> Iterator[Finding]:
    """Run the checks one after another. An unexpected exception in a check becomes a finding too."""
    checks: dict[str, Callable[[], Iterator[Finding]]] = {
        "versions": _versions,
        "extras": _extras,
        "devices": _devices,
        "data root": lambda: _data(data_root),
        "cache": _cache,
        "weights": _weights,
        "working directory": _working_directory,
        "two processes": _processes,
    }
    for name, check in checks.items():
        try:
            yield from check()
        except Exception as error:  # the doctor itself must not crash
            yield Finding(name, "broken", f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")


def _versions() -> Iterator[Finding]:
    yield Finding("Python", "ok", f"{platform.python_version()} on {platform.platform(terse=True)}")
    try:
        requirements = metadata.requires("gencl") or []
    except metadata.PackageNotFoundError:  # gencl runs from a clone
        yield Finding("gencl", "note", "is not installed: nobody knows which versions it needs", "pip install -e .")
        requirements = []
    for text in requirements:
        needed = Requirement(text)
        if needed.marker is not None and not needed.marker.evaluate({"extra": ""}):
            continue
        try:
            version = metadata.version(needed.name)
        except metadata.PackageNotFoundError:
            yield Finding(needed.name, "broken", "is not installed", f'pip install "{needed.name}{needed.specifier}"')
            continue
        if needed.specifier.contains(version, prereleases=True):
            yield Finding(needed.name, "ok", version)
        else:
            mend = f'pip install "{needed.name}{needed.specifier}"'
            yield Finding(needed.name, "broken", f"{version}, and gencl needs {needed.specifier}", mend)
    import torchvision  # noqa: F401  # fails if it was built for another PyTorch


def _extras() -> Iterator[Finding]:
    for extra in EXTRAS.values():
        missing = extra.missing()
        found = f"{f'without {missing[0]}: no' if missing else 'installed:'} {extra.purpose}"
        yield Finding(f"gencl[{extra.name}]", "note" if missing else "ok", found, extra.install if missing else "")


def _devices() -> Iterator[Finding]:
    import torch

    from gencl.core import threads

    yield Finding("CPU", "ok", f"{threads.allowed_cores()} cores")
    yield Finding("--threads auto", "ok", _chosen(threads.most_threads()))
    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        total = (torch.ones(8, device="cuda") * 2).sum().item()
        verdict: Verdict = "ok" if total == 16 else "broken"
        yield Finding("GPU", verdict, f"{len(names)}: {', '.join(dict.fromkeys(names))}; CUDA {torch.version.cuda}")
    elif shutil.which("nvidia-smi"):
        yield Finding(
            "GPU",
            "broken",
            f"there is a driver, and PyTorch {torch.__version__} sees no GPU",
            "install a CUDA build of PyTorch that the driver supports, or look at CUDA_VISIBLE_DEVICES",
        )
    elif torch.backends.mps.is_available():
        yield Finding("GPU", "ok", "Apple's (--device mps)")
    else:
        yield Finding("GPU", "note", "none: training runs on the CPU")


def _chosen(most: int) -> str:
    if most == 1:
        return "1"
    return f"1 for small networks, {most} where a step takes {LARGE_STEP / 1e6:.0f} million multiplications or more"


def _data(chosen: str | Path | None) -> Iterator[Finding]:
    from gencl.core.folders import data_root

    try:
        root = data_root(chosen)
    except GenclError as error:
        yield Finding("data root", "broken", str(error))
        return
    if not root.is_dir():
        mend = "it is made when a data set is fetched; --data-root or $GENCL_DATA names another"
        yield Finding("data root", "note", f"{root} does not exist yet", mend)
        return
    held = sorted(path.name for path in root.iterdir() if not path.name.startswith("."))
    about = f"{root}: {', '.join(held[:12])}{', ...' if len(held) > 12 else ''}" if held else f"{root} is empty"
    yield Finding("data root", "ok", about, "" if held else "gencl data prepare NAME fetches a data set")


def _cache() -> Iterator[Finding]:
    from gencl.core.folders import cache_root

    root = cache_root()
    size = sum(file.stat().st_size for file in root.rglob("*") if file.is_file()) if root.is_dir() else 0
    mend = "$GENCL_CACHE names another; without one, what is cached is made again every time"
    yield _writable("cache", root, f"{root}, {size / 1e6:,.0f} MB", mend, "note")


def _weights() -> Iterator[Finding]:
    from gencl.core import files
    from gencl.metrics.weight_files import NETWORKS

    for network in NETWORKS:
        published = network.published
        if not published.present():
            mend = f"it is downloaded when it is needed; offline put {published.name} into {published.path.parent}"
            yield Finding(network.name, "note", "its weights are not here", mend)
        elif files.sha256(published.path).startswith(published.digest):
            yield Finding(network.name, "ok", str(published.path))
        else:
            yield Finding(network.name, "broken", f"{published.path} is damaged", "delete it; it is downloaded again")


def _working_directory() -> Iterator[Finding]:
    here = Path.cwd()
    yield _writable(
        "working directory", here, str(here), "runs go to runs/ here; go elsewhere, or give --out", "broken"
    )
    free = shutil.disk_usage(here).free
    verdict: Verdict = "ok" if free > LITTLE_DISK_BYTES else "note"
    yield Finding("disk", verdict, f"{free / 1e9:,.1f} GB free", "" if verdict == "ok" else "a run may need more")


def _writable(what: str, folder: Path, found: str, mend: str, otherwise: Verdict) -> Finding:
    try:
        nearest = next(path for path in (folder, *folder.parents) if path.exists())
        with tempfile.TemporaryFile(dir=nearest):
            return Finding(what, "ok", found)
    except OSError as error:
        return Finding(what, otherwise, f"{folder} cannot be written: {error.strerror or error}", mend)


def _processes() -> Iterator[Finding]:
    """Start two processes on the CPU, as torchrun does, and let them add two numbers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as scratch:
        script = Path(scratch) / "two.py"
        script.write_text(_TWO, encoding="utf-8")
        command = python("torch.distributed.run", "--nproc-per-node", "2", "--master-port", str(port))
        environment = {**unlaunched(os.environ), "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
        try:
            done = subprocess.run(
                [*command, str(script)],
                capture_output=True,
                text=True,
                timeout=PROCESS_SECONDS,
                env=environment,
                check=False,
            )
        except subprocess.TimeoutExpired:
            yield Finding("two processes", "broken", f"no answer in {PROCESS_SECONDS} s", "a firewall on this machine?")
            return
    if done.returncode == 0:
        yield Finding("two processes", "ok", "torchrun starts them and they add up")
        return
    lines = [line for line in done.stderr.splitlines() if "Error" in line] or done.stderr.splitlines()[-1:]
    yield Finding("two processes", "broken", " ".join(lines)[:300])
