"""Which settings of a comparison are drawn, where some of them are no numbers."""

from __future__ import annotations

import csv
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

import gencl
from gencl.analysis.sensitivity import figures
from gencl.analysis.subject import Subject
from gencl.core.errors import UsageError
from gencl.runs.documents import Average
from gencl.runs.folder import RunFolder
from gencl.runs.variants import distinct_variants


def swept(*labels: str) -> Subject:
    """Return a comparison without training. Later variants have the higher accuracy."""
    runs, means = {}, {}
    for number, variant in enumerate(distinct_variants(labels)):
        settings = gencl.resolve("digits-mlp", method=variant.method, assignments=list(variant.assignments))
        runs[variant.label] = {0: cast(RunFolder, SimpleNamespace(settings=settings))}
        means[variant.label] = {"acc": Average(mean=0.1 * number, std=None, n=1)}
    return Subject(Path("sweep"), "digits-mlp", runs, means)


def drawn(subject: Subject) -> list[tuple[str, str, str]]:
    (drawing,) = figures(subject, None)
    rows = csv.DictReader(drawing.tables["sensitivity"].splitlines())
    return [(row["setting"], row["value"], row["variant"]) for row in rows]


LAMBDAS = ("anpyc", "anpyc:method.lambda=0.1", "anpyc:method.lambda=10")


@pytest.mark.parametrize("other", ["method.score=random", "model.hidden=[24,16]"])
def test_a_setting_without_numbers_leaves_the_sweep_of_another(other: str) -> None:
    expected = drawn(swept(*LAMBDAS))
    assert [setting for setting, _, _ in expected] == ["method.lambda"] * 3
    assert drawn(swept(*LAMBDAS, f"anpyc:{other}")) == expected
    mixed = [f"{label}:{other}" for label in LAMBDAS[1:]]  # a line of its own, with the best candidate
    assert [label for _, _, label in drawn(swept(*LAMBDAS, *mixed))] == mixed


def test_a_path_is_drawn_over_those_of_its_values_that_are_numbers() -> None:
    subject = swept(*(f"anpyc:model.hidden={value}" for value in ("[24,16]", "[32,32]", "[64,64]")))
    assert [value for _, value, _ in drawn(subject)] == ["32", "64"]
    with pytest.raises(UsageError, match="no setting with numbers was varied"):
        figures(swept("anpyc", "anpyc:method.score=random"), None)
