"""A comparison in a folder that holds a table: of the same images and plug-ins, with what failed before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import gencl
from gencl.core.errors import GenclError, UsageError
from gencl.experiments.cells import check_out
from gencl.plugins import unload_plugin
from tests.conftest import gencl as run_gencl
from tests.conftest import tiny
from tests.datasets.test_folder import fill
from tests.experiments.test_compare import FAILING, compare, results_of


def two_classes(folder: Path, seed: int) -> Path:
    for number, name in enumerate("ab"):
        fill(folder / name, range(100 * seed + 20 * number, 100 * seed + 20 * number + 12))
    return folder


def test_a_table_is_of_one_set_of_images(tmp_path: Path) -> None:
    """Also where the folder of pictures is another one, or has other pictures than before."""
    pictures = {name: two_classes(tmp_path / name, seed) for seed, name in enumerate("AB")}
    out, sets = tmp_path / "c", ["scenario.classes_per_task=1", "data.size=8", "train.steps=2", "model.hidden=[4]"]

    def compare_on(name: str, methods: str) -> dict[str, Any]:
        chosen = [f"data.name={pictures[name]}", *sets]
        return gencl.compare(methods, (0,), out, "digits-mlp", set=chosen, threads=1, progress="silent")

    compare_on("A", "sgd")
    before = (out / "results.json").read_bytes()
    with pytest.raises(GenclError, match="images"):
        compare_on("B", "ewc")
    assert (out / "results.json").read_bytes() == before and not (out / "ewc").exists()
    assert set(compare_on("A", "ewc")["methods"]) == {"sgd", "ewc"}


def test_what_failed_stays_failed_until_it_is_trained(tmp_path: Path) -> None:
    out = tmp_path / "c"
    compare(out, FAILING)
    rows = compare(out, "sgd")["methods"]
    assert rows["sgd"]["status"] == "done" and rows[FAILING]["status"] == "failed" and rows[FAILING]["error"]
    label = "sgd:scenario.tasks=2"
    stored = results_of(out)
    stored["methods"][label] = {"status": "failed", "error": "no memory"}
    (out / "results.json").write_text(json.dumps(stored))
    assert compare(out, "sgd")["methods"][label] == {"status": "failed", "error": "no memory"}
    assert compare(out, label)["methods"][label]["status"] == "done"


def test_a_comparison_that_was_killed_in_its_first_write_goes_on(tmp_path: Path) -> None:
    for name in (".working", "..working.abcd1234.part", ".results.json.abcd1234.part"):
        (tmp_path / name).write_text("{")
    check_out(tmp_path, "digits-mlp")
    (tmp_path / "mine.part").write_text("{")
    with pytest.raises(UsageError, match="exists and holds no comparison; choose another --out"):
        check_out(tmp_path, "digits-mlp")


def test_the_exit_status_is_that_of_the_cells_of_the_call(tmp_path: Path) -> None:
    out, sets = tmp_path / "c", [word for text in tiny("digits-mlp") for word in ("--set", text)]
    command = ["compare", "--preset", "digits-mlp", *sets, "--out", out, "--threads", "1"]
    compare(out, "sgd")
    stored = results_of(out)
    stored["methods"]["ewc"], stored["seeds"] = {"status": "failed", "error": "no memory"}, [0, 1]
    (out / "results.json").write_text(json.dumps(stored))
    done = run_gencl(*command, "--methods", "ewc", "--seeds", "0")
    assert done.returncode == 0 and "ewc, seed 0: done" in done.stderr
    assert results_of(out)["methods"]["ewc"]["status"] == "failed"  # seed 1, of another call
    damaged = out / "ewc" / "seed-0" / "metrics.json"
    damaged.write_text("{}")
    assert run_gencl(*command, "--methods", "ewc", "--seeds", "0").returncode == 1


def test_a_plug_in_that_was_changed_is_another_method(tmp_path: Path) -> None:
    file = tmp_path / "other.py"
    table = "PLUGINS = {'methods': {'other': Other}}\n"
    file.write_text(f"from gencl import Method\nclass Other(Method):\n    'It.'\n{table}")
    gencl.load_plugin(file)
    try:
        compare(tmp_path / "c", "other")
        file.write_text(file.read_text() + "\n")
        gencl.load_plugin(file)
        with pytest.raises(UsageError, match=r"was made before the plug-in other\.py was changed"):
            compare(tmp_path / "c", "other", (0, 1))
    finally:
        unload_plugin(file)
