"""The notebooks run from their first cell to their last, and show what they say."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

nbformat = pytest.importorskip("nbformat", reason="the extra dev is not installed")
nbclient = pytest.importorskip("nbclient", reason="the extra dev is not installed")
pytest.importorskip("ipykernel", reason="the extra dev is not installed")

ROOT = Path(__file__).parents[2]
FIRST = ROOT / "docs" / "notebooks" / "first-run.ipynb"


def outputs(cell: Any, kind: str) -> list[str]:
    return [output["data"][kind] for output in cell.get("outputs", []) if kind in output.get("data", {})]


def test_the_first_notebook_runs_and_shows_a_bar_tables_and_pictures(tmp_path: Path) -> None:
    notebook = nbformat.read(FIRST, as_version=4)
    quick = {"GENCL_NOTEBOOK_QUICK": "1", "PYTHONPATH": str(ROOT), "JUPYTER_PLATFORM_DIRS": "1"}
    with mock.patch.dict(os.environ, quick):
        client = nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}})
        client.execute()
    trained, sampled, tensor, compared = (
        next(cell for cell in notebook.cells if cell.cell_type == "code" and text in cell.source)
        for text in ("gencl.train(", "run.sample(", "run.generate(", "gencl.compare(")
    )
    (bar,) = (text for text in outputs(trained, "text/plain") if "eta" in text)
    assert "12/12" in bar and "━" in bar
    assert "<table" in outputs(trained, "text/html")[-1] or "<pre" in outputs(trained, "text/html")[-1]
    assert outputs(sampled, "image/png") and "torch.Size([4, 1, 28, 28])" in outputs(tensor, "text/plain")
    assert any("anpyc+align" in text for text in outputs(compared, "text/html"))


def test_notebooks_are_stored_without_outputs() -> None:
    for file in FIRST.parent.glob("*.ipynb"):
        notebook = nbformat.read(file, as_version=4)
        nbformat.validate(notebook)
        cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
        assert all(not cell.outputs and cell.execution_count is None for cell in cells)


def test_links_of_notebooks_lead_somewhere() -> None:
    for file in FIRST.parent.glob("*.ipynb"):
        text = "\n".join(cell.source for cell in nbformat.read(file, as_version=4).cells)
        for link in re.findall(r"\]\(([^)#]+)\)", text):
            assert (file.parent / link).is_file(), link
