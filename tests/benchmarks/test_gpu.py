"""The GPU benchmark on a CPU: the same program on tiny networks. What it measures there says nothing."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest

from benchmarks.gpu import __main__ as program
from benchmarks.gpu.measuring import Bench
from benchmarks.gpu.table import Table


def test_it_ends_in_one_table_of_rows_that_were_measured_or_need_a_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "gpu.md"
    options = ["--quick", "--device", "cpu", "--subjects", "MLP 28", "GAN 28", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["gpu", *options])
    program.main()
    assert capsys.readouterr().out.strip() == out.read_text().strip()
    rows = json.loads(out.with_suffix(".json").read_text())["rows"]
    for row in rows:
        on_a_card = row["measured"].startswith("waits") or any(
            word in row["how"] for word in ("TF32", "compile", "graph")
        )
        assert (row["value"] is None) == on_a_card == (row["note"] == "needs a card"), row
    steps = {(row["of"], row["how"]) for row in rows if row["measured"] == "step"}
    assert {("MLP 28", "gencl, anpyc"), ("GAN 28", "gencl, anpyc+align"), ("GAN 28", "bare, CUDA graph")} <= steps
    assert {row["measured"] for row in rows} == {
        "step", "waits of the host", "importance pass", "consolidation", "drawing", "scoring", "seeds",
    }  # fmt: skip


def test_wrong_use_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, told in (([], "PyTorch sees no GPU here"), (["--device", "cpu"], "a CPU takes --quick alone")):
        monkeypatch.setattr(sys, "argv", ["gpu", *arguments])
        with pytest.raises(SystemExit, match="2"):
            program.options()
        assert told in capsys.readouterr().err


def test_what_fails_or_takes_too_long_is_a_row_that_says_why(tmp_path: Path) -> None:
    table = Table(tmp_path / "t.md", ["about"])
    bench = Bench("cpu", True, 0.01, limit=0.05, budget=100, table=table)

    def broken() -> float:
        raise RuntimeError("\nno luck\nand more")

    def late() -> float:
        try:
            time.sleep(10)
        except Exception:
            pytest.fail("a late measurement was caught on its way")
        return 1.0

    bench.row("step", "x", "base", "s", lambda: 2.0)
    bench.row("step", "x", "broken", "s", broken, "base")
    bench.row("step", "x", "late", "s", late)
    bench.row("step", "x", "half", "s", lambda: 1.0, "base")
    bench.budget = 0
    bench.row("step", "x", "after", "s", lambda: 1.0)
    notes = {row.how: row.note for row in table.rows}
    assert notes == {
        "base": "",
        "broken": "RuntimeError: no luck",
        "late": "took more than 0.05 s",
        "half": "share of base",
        "after": "the time was up before",
    }
    assert "| step | x | half | 1 | s | 0.50 |  | share of base |" in (tmp_path / "t.md").read_text()
    assert len(json.loads((tmp_path / "t.json").read_text())["rows"]) == 5
