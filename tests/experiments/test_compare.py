"""What a comparison leaves, and what it refuses."""

from __future__ import annotations

import csv
import io
import json
import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

import gencl
from gencl.core.errors import UsageError
from gencl.experiments.working import working_in
from gencl.metrics.transfer import forward_transfer
from gencl.reports.comparison import write_comparison
from gencl.reports.comparison_tables import comparison_csv, comparison_markdown, comparison_table, print_comparison
from gencl.run import Run
from gencl.runs.variants import Variant, distinct_variants, parse_variants
from tests.conftest import tiny

FAILING = "finetune:model.heads=domain"
OTHER = "sgd:scenario.tasks=2:train.steps=1.5x"


def compare(out: Path, methods: str, seeds: tuple[int, ...] = (0,), more: tuple[str, ...] = ()) -> dict[str, Any]:
    sets = [*tiny("digits-mlp"), *more]
    return gencl.compare(methods, seeds, out, "digits-mlp", set=sets, threads=1, progress="silent")


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two methods, joint training, a variant with other tasks and steps, and one that fails."""
    out = tmp_path_factory.mktemp("compared") / "c"
    compare(out, f"sgd,joint,{OTHER},{FAILING}", (0, 1))
    return out


def results_of(folder: Path) -> dict[str, Any]:
    results: dict[str, Any] = json.loads((folder / "results.json").read_text())
    return results


def test_forward_transfer_is_against_joint_training_of_the_same_seed_and_tasks(compared: Path) -> None:
    rows = results_of(compared)["methods"]
    expected = []
    for seed in (0, 1):
        sgd, joint = (
            Run(compared / name / f"seed-{seed}").metrics["matrices"]["accuracy"] for name in ("sgd", "joint")
        )
        expected.append(forward_transfer(sgd, joint[-1]))
    assert rows["sgd"]["fwt"]["mean"] == pytest.approx(sum(map(float, filter(None, expected))) / 2)
    assert rows["sgd"]["fwt"]["n"] == 2 and "fwt" not in rows[OTHER] and "fwt" not in rows["joint"]


def test_a_factor_multiplies_the_presets_value(compared: Path) -> None:
    assert Run(compared / "sgd_scenario.tasks=2_train.steps=1.5x" / "seed-0").settings.train.steps == 9


def test_results_hold_every_seeds_value_and_pairs_with_the_baseline(compared: Path) -> None:
    results = results_of(compared)
    acc = results["methods"]["sgd"]["acc"]
    assert acc["values"] == [Run(compared / "sgd" / f"seed-{seed}").metrics["summary"]["acc"] for seed in (0, 1)]
    assert acc["ci95"][0] <= acc["mean"] <= acc["ci95"][1]
    assert results["methods"]["sgd"]["aaa"]["n"] == 2 and "aaa" not in results["methods"]["joint"]
    comparison = results["comparisons"]["acc"]
    assert results["baseline"] == "sgd" and set(comparison["to_baseline"]) == {OTHER} and comparison["best"] != "joint"
    assert comparison["to_baseline"][OTHER]["n"] == 2


def test_the_baseline_is_a_method_that_is_compared(tmp_path: Path) -> None:
    def compared_with(baseline: str) -> dict[str, Any]:
        sets = tiny("digits-mlp")
        return gencl.compare(
            "sgd,mas", (0, 1), tmp_path / "c", "digits-mlp", set=sets, threads=1, progress="silent", baseline=baseline
        )

    with pytest.raises(UsageError, match="--baseline ewc: not among the methods compared: sgd, mas"):
        compared_with("ewc")
    results = compared_with("mas")
    assert results["baseline"] == "mas" and set(results["comparisons"]["acc"]["to_baseline"]) == {"sgd"}
    report = write_comparison(tmp_path / "c").read_text(encoding="utf-8")
    assert "--baseline mas" in report and "minus mas" in report
    path = tmp_path / "c" / "mas" / "seed-1" / "metrics.json"
    path.write_text(path.read_text().replace(f'"torch": "{torch.__version__}"', '"torch": "0.9"'))
    report = write_comparison(tmp_path / "c").read_text(encoding="utf-8")
    assert f"{torch.__version__}, 0.9</td>" in report


def test_a_failed_cell_is_reported_and_the_rest_goes_on(compared: Path) -> None:
    rows = results_of(compared)["methods"]
    assert rows[FAILING]["status"] == "failed" and "one head per task" in rows[FAILING]["error"]
    assert all(row["status"] == "done" for name, row in rows.items() if name != FAILING)


def test_csv_and_curves_hold_the_numbers(compared: Path) -> None:
    results = results_of(compared)
    table = list(csv.DictReader(io.StringIO((compared / "results.csv").read_text())))
    (acc,) = (row for row in table if (row["method"], row["key"]) == ("sgd", "acc"))
    assert float(acc["mean"]) == results["methods"]["sgd"]["acc"]["mean"] and acc["n"] == "2" and not acc["published"]
    curves = list(csv.DictReader(io.StringIO((compared / "curves.csv").read_text())))
    last = {row["method"]: row for row in curves}
    for name in ("sgd", "joint", OTHER):
        assert float(last[name]["mean"]) == pytest.approx(results["methods"][name]["acc"]["mean"])
    assert [row["tasks_learned"] for row in curves if row["method"] == "joint"] == ["3"]
    assert [row["tasks_learned"] for row in curves if row["method"] == "sgd"] == ["1", "2", "3"]
    assert Image.open(compared / "curves.png").width > 800


@pytest.mark.data
def test_results_are_as_the_contract_says(compared: Path, data_root: Path) -> None:
    script = data_root.parent / "check" / "contract.py"
    done = subprocess.run([sys.executable, script, compared], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "as the contract says"


def test_cells_of_other_settings_are_not_mixed_in(compared: Path) -> None:
    with pytest.raises(UsageError, match=r"sgd/seed-0 was made with other settings: train.lr is 0.05 there, 0.3 here"):
        compare(compared, "sgd", more=("train.lr=0.3",))


def test_generators_get_a_curve_of_distances(tmp_path: Path) -> None:
    gencl.compare("sgd", (0,), tmp_path / "c", set=tiny("digits-cgan"), threads=1, progress="silent")
    lines = (tmp_path / "c" / "curves.csv").read_text().splitlines()
    assert lines[1].startswith("sgd,fid,1,") and len(lines) == 5 and lines[4].startswith("real,fid,3,")
    assert (tmp_path / "c" / "curves.png").exists() and (tmp_path / "c" / "samples.png").exists()


def test_scores_of_other_samples_are_not_compared(tmp_path: Path) -> None:
    sets = [*tiny("digits-cgan"), "scenario.tasks=2"]
    methods = "sgd,sgd:evaluate.samples=30"
    gencl.compare(methods, [0], tmp_path / "c", "digits-cgan", set=sets, threads=1, progress="silent")
    results = results_of(tmp_path / "c")
    assert results["features"]["n"] == 20 and results["methods"]["sgd"]["status"] == "done"
    other = results["methods"]["sgd:evaluate.samples=30"]
    assert other["status"] == "failed" and "fid" not in other
    assert "was measured otherwise than the others" in other["error"]
    assert other["error"].endswith("n 30, not 20; pool 30, not 20")


def test_variants() -> None:
    (scholar,) = parse_variants("dgr:model.generator={name: cgan, width: 8}:train.lr=0.1")
    assert scholar.assignments == ("model.generator={name: cgan, width: 8}", "train.lr=0.1")
    assert parse_variants("ewc, anpyc:method.prune=0:train.betas=[0.5,0.9]") == [
        Variant("ewc", "ewc"),
        Variant("anpyc:method.prune=0:train.betas=[0.5,0.9]", "anpyc", ("method.prune=0", "train.betas=[0.5,0.9]")),
    ]
    with pytest.raises(UsageError, match="'sgd' is there twice"):
        distinct_variants(["sgd", Variant("sgd", "sgd")])


ONE = {"std": None, "n": 1}
PUBLISHED = {
    "preset": "split-mnist",
    "seeds": [0],
    "methods": {
        "sgd-f": {"status": "done", "acc": {"mean": 0.97, **ONE}, "bwt": {"mean": 0.0, **ONE}},
        "anpyc:method.prune=0": {"status": "done", "acc": {"mean": 0.99, **ONE}},
    },
    "paper": {
        "sgd-f": {"acc": 0.8447, "acc_std": 0.018, "bwt": -0.132, "source": "ANPyC table I", "note": "it is odd"},
    },
}


def test_published_rows_stand_beneath_with_their_spread_source_and_note(capsys: pytest.CaptureFixture[str]) -> None:
    assert comparison_table(PUBLISHED).row_count == 3
    print_comparison(PUBLISHED)
    shown = capsys.readouterr().out
    assert "84.47 ± 1.80" in shown and "-13.20" in shown
    assert "published: ANPyC table I" in shown and "ANPyC table I: it is odd" in shown
    markdown = comparison_markdown(PUBLISHED, "gencl compare")
    assert "| *published* | | 84.47 ± 1.80 | -13.20 |" in markdown and "ANPyC table I: it is odd" in markdown
    assert "sgd-f,acc,0.97,,1,0.8447" in comparison_csv(PUBLISHED)


def test_a_figure_that_fewer_runs_have_says_so() -> None:
    rows = {"sgd": {"status": "done", "acc": {"mean": 0.5, "std": 0.1, "n": 2}, "fwt": {"mean": 0.25, **ONE}}}
    markdown = comparison_markdown({"preset": "x", "seeds": [0, 1], "methods": rows, "paper": {}}, "gencl compare")
    assert "| sgd | 2 | 50.00 ± 10.00 | 25.00 (n=1) |" in markdown


def test_a_variant_has_no_published_row(tmp_path: Path) -> None:
    from gencl.experiments.results import write_results

    variants = parse_variants("anpyc,anpyc:method.prune=0,spp")
    written = write_results(tmp_path, variants, [0], "split-mnist", {})
    assert set(written["paper"]) == {"anpyc", "spp"} and written["paper"]["spp"]["source"] == "SPP table 2"


def test_methods_and_seeds_that_a_directory_holds_stay_in_its_table(tmp_path: Path) -> None:
    compare(tmp_path, "sgd,joint")
    results = compare(tmp_path, "ewc", (1,))
    assert list(results["methods"]) == ["sgd", "joint", "ewc"] and results["seeds"] == [0, 1]
    assert [row["acc"]["n"] for row in results["methods"].values()] == [1, 1, 1]
    assert not (tmp_path / "sgd" / "seed-1").exists()
    with pytest.raises(UsageError, match=r"sgd/seed-0 was made with other settings: train.steps is 6 there, 7 here"):
        compare(tmp_path, "si", more=("train.steps=7",))


def test_one_comparison_at_a_time_works_in_a_directory(tmp_path: Path) -> None:
    with working_in(tmp_path / "c"):
        with working_in(tmp_path / "c"):  # as the rounds of a search
            pass
        with ThreadPoolExecutor(1) as pool, pytest.raises(UsageError) as refused:
            pool.submit(compare, tmp_path / "c", "sgd").result()
        told = f"another comparison works in {tmp_path}/c (process {os.getpid()} on {socket.gethostname()}); wait"
        assert told in str(refused.value)
    assert compare(tmp_path / "c", "sgd")["methods"]["sgd"]["status"] == "done"
    assert not (tmp_path / "c" / ".working").exists()


def test_a_long_label_has_a_short_folder(tmp_path: Path) -> None:
    label = "sgd:" + ":".join(f"train.lr=0.{digit * 100}" for digit in "123")
    results = compare(tmp_path, label)
    assert results["methods"][label]["status"] == "done"
    (one, other) = (Variant(f"{label}{end}", "sgd").folder for end in "12")
    assert one != other and len(one) == len(other) == 200


def test_means_over_classes_stand_in_the_table_where_each_class_was_measured(tmp_path: Path) -> None:
    sets = [*tiny("digits-cgan"), "evaluate.by_class=yes"]
    gencl.compare("sgd", (0,), tmp_path, "digits-cgan", set=sets, threads=1, progress="silent")
    measured = Run(tmp_path / "sgd" / "seed-0").metrics["classes"].values()
    results = results_of(tmp_path)
    mean = sum(each["conditional_accuracy"] for each in measured) / len(measured)
    assert results["methods"]["sgd"]["conditional_accuracy_by_class"]["mean"] == pytest.approx(mean)
    assert "| conditional accuracy per class % |" in comparison_markdown(results, "gencl compare")


def test_without_methods_or_seeds_nothing_is_written(tmp_path: Path) -> None:
    for methods, seeds in (("sgd", []), ([], [0])):
        for run in (gencl.compare, gencl.tune):
            with pytest.raises(UsageError, match="name at least one method and one seed"):
                run(methods, seeds=seeds, out=tmp_path / "out")
    assert not list(tmp_path.iterdir())
