"""What `gencl extend` advises can be followed there."""

from __future__ import annotations

from pathlib import Path

import gencl as library
from tests.conftest import gencl, tiny
from tests.datasets.test_folder import fill


def test_broken_pictures_are_to_be_repaired_since_their_setting_stays_the_runs(tmp_path: Path) -> None:
    run = library.train("digits-cgan", "sgd", out=tmp_path / "run", set=tiny("digits-cgan"), progress="silent")
    folder = fill(tmp_path / "more", range(9))
    (folder / "broken.png").write_bytes(b"no picture")
    done = gencl("extend", run.path, folder)
    assert done.returncode == 1 and done.stderr.endswith("repair or delete it\n") and "--set" not in done.stderr
