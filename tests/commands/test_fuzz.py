"""Malformed input of four kinds, made up by hypothesis: settings, preset files, damaged runs, folders of odd files.

Whatever it is: exit status 0, 1 or 2, at most three lines of message and none of them a traceback, and where a command
failed nothing that looks like a finished run. ``GENCL_FUZZ=400`` tries more of each kind; with ``-s`` a table says
what came out.
"""

from __future__ import annotations

import json
import os
import shutil
import string
import subprocess
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gencl.api import train
from gencl.drawing.grids import to_picture
from gencl.run import Run
from tests.conftest import gencl, tiny

EXAMPLES = int(os.environ.get("GENCL_FUZZ", "20"))
often = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
seen: dict[str, Counter[int]] = defaultdict(Counter)

SMALL = ["train.steps=1", "scenario.tasks=2", "model.width=4", "evaluate.samples=4"]
KEYS = [
    "seed", "preset", "data", "data.name", "data.size", "data.channels", "data.test", "data.validation", "data.limit",
    "data.broken", "scenario", "scenario.name", "scenario.order", "scenario.classes_per_task", "scenario.sizes",
    "model", "model.name", "model.latent", "model.class_layer", "model.adapter", "model.norm", "model.r1_every",
    "method", "method.name", "method.lambda", "method.prune", "method.form", "method.protect", "train", "train.lr",
    "train.betas", "train.batch_size", "train.optimizer", "train.first", "train.shared_lr", "train.half_life",
    "train.epochs", "train.log_every", "train.precision", "train.compile",
    "evaluate.features", "evaluate.split", "evaluate.samples", "extend", "extend.0", "nothing", "train.nothing", "",
]  # fmt: skip
VALUES = [
    "-1", "0", "1e999", ".nan", "-.inf", "true", "null", "[]", "{}", "[1,", "{a: b", "!!python/object:os.system x",
    "&a [*a]", "1" * 400, "0x", "1_0", "2026-01-01", "'", '"', "a=b", "../../..", "/dev/zero", "\x00", "\ud800", "é☃",
    "[[[[[[1]]]]]]",
    "{name: [1]}", "x" * 5000, "- 1", "? a", "[true,false]", "1.5x", "x", "0.5x", "%s", "~", "no such thing", "[-1]",
    "{0: 1}", "[0,0]", "1e-400", "<<: {a: 1}", "@x", "`x`", "|", ">-", "# x",
]  # fmt: skip
odd_bytes = st.binary(max_size=8).map(lambda b: b.decode("latin-1"))
text = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=30)
values = st.sampled_from(VALUES) | text | st.integers().map(str) | st.floats().map(str)


@pytest.fixture(scope="module", autouse=True)
def table() -> Iterator[None]:
    yield
    for kind, counts in seen.items():
        print(f"\n{kind}: {sum(counts.values())} inputs, by exit status {dict(sorted(counts.items()))}", end="")


def checked(kind: str, result: subprocess.CompletedProcess[str]) -> int:
    """Counts it and asserts that it ended as it should."""
    seen[kind][result.returncode] += 1
    about = (result.args, result.returncode, result.stderr[-2000:])
    assert result.returncode in (0, 1, 2), about
    assert "Traceback" not in result.stdout + result.stderr, about
    if result.returncode:
        said = [line for line in result.stderr.strip().splitlines() if line.startswith("gencl: ")]
        assert said and "unexpected" not in said[-1], about
        assert len(said[-1]) < 3000 and len(result.stderr.strip().splitlines()) <= 3, about
    return result.returncode


def looks_whole(folder: Path) -> bool:
    return (folder / "report.html").exists() or (folder / "model.json").exists()


@often
@given(st.lists(st.tuples(st.sampled_from(KEYS) | text, values), min_size=1, max_size=3))
def test_settings(pairs: list[tuple[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        sets = [part for t in SMALL for part in ("--set", t)] + [p for k, v in pairs for p in ("--set", f"{k}={v}")]
        out = Path(scratch) / "run"
        status = checked("settings", gencl("train", "--threads", "1", "--out", out, *sets, cwd=Path(scratch)))
        assert status == 0 or not out.exists() or not looks_whole(out)


PRESET = """about: an experiment
data: {name: digits, limit: 20}
scenario: {name: split, tasks: 2}
model: {name: mlp, hidden: [4]}
train: {steps: 1, batch_size: 4}
methods:
  anpyc: {lambda: 1}
"""


@often
@given(st.integers(0, len(PRESET)), st.integers(0, 12), values | odd_bytes)
def test_preset_files(start: int, length: int, new: str) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "mine.yaml"
        content = PRESET[:start] + new + PRESET[start + length :]
        path.write_bytes(content.encode("utf-8", "surrogatepass"))
        checked("preset files", gencl("preset", "validate", path, cwd=Path(scratch)))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(
        "digits-vae", "anpyc", 0, tmp_path_factory.mktemp("fuzz") / "run", set=tiny("digits-vae"), progress="silent"
    )


FILES = [
    "config.yaml",
    "metrics.json",
    "model.json",
    "model.safetensors",
    "log.jsonl",
    "samples/task-01.png",
    "checkpoint",
    "learned/task-01.safetensors",
]
NOTHING = [b"", b"[]", b"{}", b"null", b"\xff\xfe", b"0", b"[" * 9999]
COMMANDS = [
    ["sample"],
    ["evaluate", "--n", "4"],
    ["report"],
    ["reconstruct"],
    ["train", "--resume", "--out"],
    ["fid", "--n", "4"],
]
damage = st.one_of(
    st.tuples(st.just("cut"), st.floats(0, 0.999), st.just(b"")),
    st.tuples(st.just("overwrite"), st.floats(0, 0.999), st.binary(min_size=1, max_size=20)),
    st.tuples(st.just("replace"), st.just(0.0), st.sampled_from(NOTHING)),
    st.tuples(st.just("remove"), st.just(0.0), st.just(b"")),
    st.tuples(st.just("folder"), st.just(0.0), st.just(b"")),
    st.tuples(st.just("json"), st.floats(0, 0.999), st.sampled_from([b"null", b"-1", b'"x"', b"[]", b"1e99", b"{}"])),
)


@often
@given(st.sampled_from(FILES), damage, st.sampled_from(COMMANDS))
def test_damaged_runs(whole: Run, name: str, how: tuple[str, float, bytes], command: list[str]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        run = Path(scratch) / "run"
        shutil.copytree(whole.path, run)
        path = run / name
        path = max(path.glob("*.json")) if path.is_dir() else path
        spoil(path, *how)
        options = [] if command[0] in ("evaluate", "report", "train", "fid") else ["--out", Path(scratch) / "x.png"]
        if command[0] == "train":
            (run / "report.html").unlink()
        arguments = [*command, run, *options] if command[0] == "train" else [command[0], run, *command[1:], *options]
        checked("damaged runs", gencl(*arguments, cwd=Path(scratch)))


def spoil(path: Path, how: str, where: float, new: bytes) -> None:
    content = path.read_bytes()
    at = int(where * len(content))
    if how == "cut":
        path.write_bytes(content[:at])
    elif how == "overwrite":
        path.write_bytes(content[:at] + new + content[at + len(new) :])
    elif how == "replace":
        path.write_bytes(new)
    elif how == "json":
        try:
            tree = json.loads(content)
        except ValueError:
            path.write_bytes(new)
            return
        keys = list(tree) if isinstance(tree, dict) else []
        if keys:
            tree[keys[int(where * len(keys))]] = json.loads(new)
        path.write_text(json.dumps(tree))
    else:
        path.unlink()
        if how == "folder":
            path.mkdir()


names = st.text(string.ascii_letters + string.digits + " _-.é☃'\"<&%", min_size=1, max_size=12).filter(
    lambda n: n.strip(". ")
)
contents = st.sampled_from(["png", "cut", "text", "empty", "folder", "link", "header"])


@often
@given(st.dictionaries(st.tuples(names, names), contents, max_size=5), st.sampled_from(["refuse", "skip"]))
def test_folders(files: dict[tuple[str, str], str], broken: str) -> None:
    from gencl.datasets import digits

    images = digits.load().test.images
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / "pictures"
        root.mkdir()
        for i, ((folder, name), kind) in enumerate(files.items()):
            path = root / folder / f"{name}.png"
            try:
                path.parent.mkdir(exist_ok=True)
            except OSError:
                continue
            to_picture(images[i]).save(path)
            data = path.read_bytes()
            if kind == "cut":
                path.write_bytes(data[: len(data) // 2])
            elif kind == "text":
                path.write_text("not a picture")
            elif kind == "empty":
                path.write_bytes(b"")
            elif kind == "header":
                path.write_bytes(data[:16] + b"\xff\xff\xff\xff" * 2 + data[24:])
            elif kind in ("folder", "link"):
                path.unlink()
                path.mkdir() if kind == "folder" else path.symlink_to(path)
        checked("folders", gencl("data", "check", root, "--size", "8", "--broken", broken, cwd=Path(scratch)))
