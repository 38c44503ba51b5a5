"""Texts that are divided outside brackets."""

from __future__ import annotations

import pytest

from gencl.core.brackets import divided
from gencl.core.errors import UsageError
from gencl.runs.variants import parse_variants


def test_marks_in_brackets_divide_nothing() -> None:
    assert divided("a,[1,2],b", ",") == ["a", "[1,2]", "b"]
    assert divided("[[1,2],[3,4]],b", ",") == ["[[1,2],[3,4]]", "b"]
    assert divided("a]b,c", ",") == ["a]b", "c"] and divided("", ",") == [""]


def test_values_of_a_variant_may_hold_brackets_and_colons() -> None:
    text = "sgd,anpyc:data.name=hf:owner/name:scenario.of={name: split, sizes: [2,3]}"
    plain, changed = parse_variants(text)
    assert plain.method == "sgd" and changed.method == "anpyc"
    with pytest.raises(UsageError, match="write NAME or NAME:KEY=VALUE"):
        parse_variants("ewc:method.lambda=3:prune")
    assert changed.assignments == ("data.name=hf:owner/name", "scenario.of={name: split, sizes: [2,3]}")
