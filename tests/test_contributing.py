"""The examples of CONTRIBUTING.md do what they say."""

from __future__ import annotations

import re
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
import yaml

import gencl
from gencl.core.registry import Registry
from gencl.datasets import DATASETS
from gencl.methods import METHODS
from gencl.metrics import METRICS
from gencl.metrics.check import metric_problem
from gencl.metrics.figures import with_unit
from tests.conftest import tiny

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


def test_what_is_named_is_there() -> None:
    """Paths of the repository, up to the part that stands for a name, and names of the package."""
    for path in re.findall(r"`((?:cli|docs|gencl|results|tests)/[^` ]*)`", TEXT):
        fixed = re.split(r"NAME|\*|decay", path)[0]
        assert (ROOT / fixed).exists(), path
    for name in re.findall(r"`(gencl\.[\w.]+)`", TEXT):
        module, _, attribute = name.rpartition(".")
        assert hasattr(import_module(module), attribute), name


def test_one_version_everywhere() -> None:
    tomllib = pytest.importorskip("tomllib", reason="Python 3.10 has none")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert gencl.__version__ == project["version"] == cited["version"]
    assert cited["license"] == project["license"]


def register(registry: Registry, name: str, attribute: str, code: str, patch: pytest.MonkeyPatch) -> None:
    module = ModuleType(f"example_{name}")
    exec(compile(code, module.__name__, "exec"), module.__dict__)
    patch.setitem(sys.modules, module.__name__, module)
    patch.setattr(registry, "_entries", dict(registry._entries))
    registry.add(name, f"{module.__name__}:{attribute}", "an example")


@pytest.mark.parametrize("preset", ["digits-cgan", "digits-vae", "digits-mlp"])
def test_the_method(preset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    register(METHODS, "decay", "Decay", BLOCKS[0], monkeypatch)
    sets = [*tiny(preset), "train.checkpoint_every=4"]
    whole = gencl.train(preset, "decay", 0, tmp_path / "run", set=[*sets, "method.strength=1"], progress="silent")
    one = gencl.train(
        preset, "decay", 0, tmp_path / "one", set=[*sets, "method.strength=1", "scenario.tasks=1"], progress="silent"
    )
    last, first = whole.learner().shared(), one.learner().shared()
    assert all(
        parameter.allclose(first[name]) for name, parameter in last.items()
    )  # strength 1: nothing moves any more
    with pytest.raises(gencl.UsageError, match=r"method\.strength"):
        gencl.train(preset, "decay", out=tmp_path / "no", set=["method.strength=2"])


def test_the_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    register(DATASETS, "noise", "load", BLOCKS[1], monkeypatch)
    run = gencl.train(
        "digits-mlp", "sgd", 0, tmp_path / "run", set=[*tiny("digits-mlp"), "data.name=noise"], progress="silent"
    )
    assert 0.2 < run.metrics["summary"]["acc"] < 0.8


def test_the_metric(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    register(METRICS, "answered", "Answered", BLOCKS[2], monkeypatch)
    assert metric_problem("answered", METRICS.get("answered")) == ""
    run = gencl.train("digits-mlp", "sgd", 0, tmp_path / "run", set=tiny("digits-mlp"), progress="silent")
    answered = run.metrics["summary"]["answered"]
    assert 0 <= answered <= 1 and with_unit("answered", answered) in run.report.read_text(encoding="utf-8")
