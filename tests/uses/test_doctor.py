"""`gencl doctor` on a machine where all works, and on one where it does not."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from gencl.core.extras import EXTRAS
from gencl.uses import doctor
from tests.conftest import gencl


def test_all_works_here(tmp_path: Path) -> None:
    result = gencl("doctor", "--json", cwd=tmp_path)
    findings = {finding["what"]: finding for finding in json.loads(result.stdout)["findings"]}
    assert result.returncode == 0, result.stdout
    assert findings.keys() >= {"Python", "torch", "lpips", "CPU", "GPU", "data root", "cache", "disk", "two processes"}
    assert findings.keys() >= {"gencl[imagenet]", "DINOv2"}
    assert findings["two processes"]["verdict"] == "ok" and findings["GPU"]["verdict"] in ("ok", "note")
    assert not list(tmp_path.iterdir())


def test_what_is_broken_is_said_with_how_to_mend_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_processes", lambda: iter(()))
    name = "weights-inception-2015-12-05-6726825d.pth"
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / name).write_bytes(b"not what was published")
    result = gencl("doctor", "--data-root", tmp_path / "no", environment={"GENCL_CACHE": str(tmp_path)})
    assert result.returncode == 1 and "Traceback" not in result.stdout + result.stderr
    assert "!!  data root" in result.stdout and "there is no folder" in result.stdout
    assert f"{name} is damaged" in result.stdout and "it is downloaded again" in result.stdout
    assert result.stdout.endswith("2 broken\n")


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="/proc, where nobody may write, is Linux's")
def test_a_folder_that_cannot_be_written() -> None:
    finding = doctor._writable("cache", Path("/proc/self/gencl"), "here", "go elsewhere", "note")
    assert (finding.verdict, finding.mend) == ("note", "go elsewhere") and "cannot be written" in finding.found


def test_extras_are_named_with_what_installs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite_pytorch", None)  # as if it were not installed
    found = {finding.what: finding for finding in doctor._extras()}["gencl[imagenet]"]
    assert found.verdict == "note" and found.mend.startswith("pip install -e") and "[imagenet]" in found.mend
    assert "without efficientnet_lite_pytorch: no distances of colour pictures" in found.found


def test_extras_are_those_of_the_package() -> None:
    tomllib = pytest.importorskip("tomllib")  # from Python 3.11 on
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(EXTRAS) == set(project["optional-dependencies"]) - {"docs", "dev"}
    for name, extra in EXTRAS.items():
        packages = [re.split("[><=]", needed)[0].replace("-", "_") for needed in project["optional-dependencies"][name]]
        assert sorted(packages) == sorted(extra.packages)


def test_a_check_that_fails_itself_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def _cache() -> None:
        raise ValueError("odd\nindeed")

    monkeypatch.setattr(doctor, "_processes", lambda: iter(()))
    monkeypatch.setattr(doctor, "_cache", _cache)
    findings = [finding for finding in doctor.examine() if finding.what == "cache"]
    assert [(f.verdict, f.found) for f in findings] == [("broken", "ValueError: odd indeed")]
