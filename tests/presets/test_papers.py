"""The published figures against each other: a slip in copying would show."""

from __future__ import annotations

import pytest

from gencl import presets
from gencl.methods import METHODS
from gencl.presets.papers import _content, comparable, lenet, published, published_stages


def test_rows_are_shares_with_spread_and_source() -> None:
    assert published("split-mnist", "anpyc") == {
        "fwt": -0.0045, "fwt_std": 0.001, "bwt": -0.0078, "bwt_std": 0.0033, "acc": 0.9814, "acc_std": 0.0103,
        "source": "ANPyC table I",
    }  # fmt: skip
    assert published("split-mnist", "spp") == {"fwt": -0.0044, "bwt": -0.0075, "acc": 0.9831, "source": "SPP table 2"}
    joint = published("permuted-mnist", "joint")
    assert joint == {"acc": 0.9503, "acc_std": 0.0019, "source": "ANPyC table II"}
    clnp = published("permuted-mnist-wide", "clnp")
    assert clnp is not None and clnp["acc"] == 0.9842 and "98.48" in clnp["note"]
    dgr = published("mnist-cgan", "dgr")
    assert dgr is not None and (dgr["fid_first_half"], dgr["fid_first_half_std"]) == (40.67, 1.19)
    assert published("svhn-cgan", "anpyc")["fid_first_half"] == 67.9  # type: ignore[index]


def test_what_is_not_published_is_none() -> None:
    assert published("split-mnist", "er") is None and published("digits-mlp", "sgd") is None


def test_other_data_or_tasks_do_not_stand_beside_the_papers() -> None:
    for preset in _content()["presets"]:
        assert comparable(presets.resolve(preset, assignments=["train.steps=5", "data.limit=20"]))
    for preset, assignment in [("svhn-cgan", "data.name=cifar10"), ("permuted-mnist", "scenario.tasks=50")]:
        assert not comparable(presets.resolve(preset, assignments=[assignment]))
    assert not comparable(presets.resolve("digits-mlp"))


def test_every_table_has_a_figure_a_column() -> None:
    for preset, tables in _content()["presets"].items():
        for table in tables:
            for method, row in table["rows"].items():
                assert len(row) == len(table.get("share") or table["figures"]), (preset, method)
            assert set(table.get("notes", {})) <= set(table["rows"])
    assert set(METHODS) & set(_content()["presets"]["split-mnist"][0]["rows"])


def test_lenets_layers_add_up_to_the_papers_totals() -> None:
    table = lenet()
    assert [sum(column) for column in zip(*table["parameters"].values(), strict=True)] == table["total"]
    ratios = [table["total"][0] / total for total in table["total"]]
    assert ratios == pytest.approx(table["compressed"], abs=0.006)
    assert table["accuracy"][-1] == 98.55


def test_lenets_rounds_stand_beside_the_papers_own() -> None:
    def stages(method: str, *more: str) -> list[tuple[int, float]]:
        return published_stages(presets.resolve("lenet-mnist", None, method, 0, ["method.last=prune", *more]))

    printed = stages("anpyc")
    assert len(printed) == 6 and printed[0] == (1_789_568, 0.9894)
    assert printed[-1] == (31_332, pytest.approx(0.9855))
    assert stages("anpyc", "train.steps=20", "data.limit=60") == printed
    assert not stages("anpyc", "method.prune=[80,70]") and not stages("anpyc", "data.name=digits")
    assert not published_stages(presets.resolve("lenet-mnist", method="sgd"))
    assert not published_stages(presets.resolve("split-mnist", method="anpyc"))
