"""Settings of training: what runs of the first version say, and what may stand for a moving average."""

from __future__ import annotations

from pathlib import Path

import pytest

from gencl.core.errors import UsageError
from gencl.core.part import check, read_yaml
from gencl.core.settings import TrainSettings


def test_a_run_of_the_first_version_averaged_nothing() -> None:
    assert check(TrainSettings, {"average": 0.0}, "config.yaml", "train.").half_life == 0
    assert check(TrainSettings, {}, "config.yaml", "train.").half_life == "auto"


def test_an_average_over_a_share_of_the_steps_has_a_new_name() -> None:
    with pytest.raises(UsageError, match=r"average became half_life, in images; for example train\.half_life=10000"):
        check(TrainSettings, {"average": 0.2}, "--set train.average=0.2", "train.")


@pytest.mark.parametrize("value", [-1, "never", float("nan"), True])
def test_a_half_life_is_a_number_of_images_or_auto(value: object) -> None:
    with pytest.raises(UsageError, match=r"train\.half_life"):
        check(TrainSettings, {"half_life": value}, "--set", "train.")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_settings_file_may_have_a_byte_order_mark(encoding: str, tmp_path: Path) -> None:
    mark = "\ufeff" if encoding in ("utf-16-le", "utf-16-be") else ""
    (tmp_path / "mine.yaml").write_bytes(f"{mark}preset: Übung\n".encode(encoding))
    assert read_yaml(tmp_path / "mine.yaml") == {"preset": "Übung"}
