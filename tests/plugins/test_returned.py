"""What plug-ins return is looked at where they return it: one line names them, or what can be meant is understood."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import gencl
from gencl import plugins
from gencl.core.errors import GenclError
from gencl.core.returned import returned
from gencl.learners import returned as of_learner
from gencl.methods import METHODS, building
from gencl.methods import returned as of_method
from gencl.methods.base import Method, Stage
from gencl.methods.importance import moments
from gencl.metrics.returned import figures, number
from tests.conftest import context, tiny
from tests.conftest import gencl as command

METRIC = '''
import torch
from gencl import Metric

class M(Metric):
    """Undefined at times."""

    name, better, when = "m", "lower", "{when}"

    @staticmethod
    def applies(learner, extractor):
        return ""

    def measure(self, snapshot, task):
        return {value} if task.index else 0.5

PLUGINS = {{"metrics": {{"m": M}}}}
'''

FORGETFUL = '''
from gencl import Method

class Forgetful(Method):
    """Keeps the last task's weights, and does not say so."""

    def after_task(self, ctx):
        self.old = {name: p.detach().clone() for name, p in ctx.learner.shared().items()}

PLUGINS = {"methods": {"forgetful": Forgetful}}
'''

NET = """
from typing import Literal
from gencl.learners.mlp import MLPClassifier, MLPSettings

class Net(MLPClassifier):
    class Settings(MLPSettings):
        name: Literal["net"] = "net"

    def __init__(self, settings, image_shape, seed):
        pass

PLUGINS = {"learners": {"net": Net}}
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Any:
    file = tmp_path / "mine.py"

    def load(value: str, when: str = "always") -> Path:
        file.write_text(METRIC.format(value=value, when=when))
        return file

    yield load
    plugins.unload_plugin(file)


@pytest.mark.parametrize("when", ["always", "at the end"])
@pytest.mark.parametrize("value", ["float('nan')", "None", "torch.tensor(0.5)"])
def test_a_run_is_not_lost_by_a_metric(value: str, when: str, plugin: Any, tmp_path: Path) -> None:
    sets = [part for text in tiny("digits-mlp") for part in ("--set", text)]
    options = ("--preset", "digits-mlp", "--method", "sgd", *sets, "--plugin", plugin(value, when))
    ended = command("train", *options, "--out", tmp_path / "run")
    assert ended.returncode == 0, ended.stderr
    assert ("metric m gave nan on task" in ended.stderr) == ("nan" in value)
    run = gencl.load_run(tmp_path / "run")
    assert run.evaluation["mean"]["m"] == 0.5
    expected = 0.5 if "tensor" in value else None
    assert when != "always" or run.metrics["matrices"]["m"][-1] == [0.5, expected, expected]
    assert command("report", run.path).returncode == 0


@pytest.mark.parametrize("method", ["forgetful", "forgetful+ewc"])
def test_a_method_without_a_state_is_told_what_a_resumed_run_would_lack(method: str, tmp_path: Path) -> None:
    file = tmp_path / "forgetful.py"
    file.write_text(FORGETFUL)
    sets = [part for text in tiny("digits-mlp") for part in ("--set", text)]
    options = ("--preset", "digits-mlp", "--method", method, *sets, "--plugin", file)
    try:
        ended = command("train", *options, "--out", tmp_path / "run")
    finally:
        plugins.unload_plugin(file)
    assert ended.returncode == 0, ended.stderr
    told = " ".join(ended.stderr.split())
    assert told.count("method Forgetful holds tensors (old) and has no state_dict: a resumed run will lack them") == 1


@pytest.mark.parametrize("name", list(METHODS))
def test_no_method_of_ours_would_lack_anything(name: str) -> None:
    """What a method holds after a task is in its state, or a new method holds it, too."""
    method = building.build({"name": name})
    ctx = context("digits-cgan" if METHODS.serves(name) in ("generator", "images") else "digits-mlp")
    method.before_task(ctx)
    method.enter_stage(ctx)
    method.after_task(ctx)
    assert of_method.unstored(method) == []


def test_a_metric_without_any_value_leaves_a_whole_run(plugin: Any, tmp_path: Path) -> None:
    gencl.load_plugin(plugin("None"))
    file = tmp_path / "mine.py"
    file.write_text(file.read_text().replace("0.5", "None"))
    gencl.load_plugin(file)
    run = gencl.train("digits-mlp", "sgd", 0, tmp_path / "run", set=tiny("digits-mlp"), progress="silent")
    assert "m" not in run.metrics["summary"] and "m" not in run.evaluation["mean"]
    assert gencl.load_run(run.path).report.is_file()


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        (3, 3),
        (0.5, 0.5),
        (True, 1.0),
        (np.float32(0.5), 0.5),
        (np.array(2), 2),
        (torch.tensor([0.5]), 0.5),
        (Fraction(1, 2), 0.5),
        (None, None),
        (float("nan"), None),
        (np.float64("inf"), None),
        (torch.tensor(float("-inf")), None),
    ],
)
def test_numbers_of_all_kinds_are_numbers(value: Any, meant: float | None) -> None:
    found = number(value, "m", "on task a", "silent")
    assert found == meant and type(found) in (int, float, type(None))


@pytest.mark.parametrize("value", ["0.5", torch.ones(2), [0.5], 1j, np.ones(3), object()])
def test_what_is_no_number_names_the_metric(value: Any) -> None:
    with pytest.raises(GenclError, match=r"metric m gave .* on task a; it must return a number, or None"):
        number(value, "m", "on task a")
    with pytest.raises(GenclError, match="metric m gave"):
        figures({"m": value}, "m")


@pytest.mark.parametrize("value", [None, [1], {1: 2}])
def test_a_summary_is_figures_by_their_names(value: Any) -> None:
    with pytest.raises(GenclError, match="as a summary; it must return figures by their names"):
        figures(value, "m")
    assert figures({"a": np.float32(1), "b": None, "c": float("nan")}, "m", "silent") == {"a": 1.0}


def hook(name: str, value: Any) -> Method:
    """A method whose hook returns a value."""
    return type("Mine", (Method,), {name: lambda self, *_: value})(None)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("episodes", [None, [], ["a"]]),
        ("stages", [None, [], [Stage("half", 0.5)], ["train"]]),
        ("extend_batch", [None, 3]),
        ("penalty", ["x", torch.ones(3)]),
        ("capacity", [None, {"a": float("nan")}, {1: 0.5}]),
        ("state_dict", [None, {"a": 1}, {"a": torch.ones(2, dtype=torch.complex64)}]),
    ],
)
def test_a_method_is_named_with_its_hook(name: str, values: list[Any]) -> None:
    ctx: Any = context()
    ask: dict[str, Any] = {
        "episodes": lambda method: of_method.episodes(method, [ctx.task]),
        "stages": lambda method: of_method.stages(method, 0, False),
        "extend_batch": lambda method: of_method.extended(method, ctx, None),  # type: ignore[arg-type]
        "penalty": lambda method: of_method.penalty(method, ctx),
        "capacity": lambda method: of_method.capacity(method, ctx.learner),
        "state_dict": of_method.state,
    }
    for value in values:
        with pytest.raises(GenclError, match=f"method Mine: {name} returned {type(value).__name__}"):
            ask[name](hook(name, value))
    assert of_method.capacity(hook("capacity", {"a": torch.tensor(0.5)}), ctx.learner) == {"a": 0.5}
    assert of_method.penalty(hook("penalty", 0.0), ctx) == 0.0


def test_a_learner_is_named() -> None:
    learner = context().learner
    (phase,) = of_learner.phases(learner, [0])
    for value, shown in ((0.5, "float 0.5"), (torch.ones(2, requires_grad=True), r"Tensor .* of shape \(2,\)")):
        with pytest.raises(GenclError, match=f"the loss of phase .* returned {shown}; it must return a tensor of one"):
            of_learner.loss(value, phase)
    learner.phases = lambda tasks: None  # type: ignore[method-assign, assignment, return-value]
    with pytest.raises(GenclError, match=r"learner MLP\w*: phases returned NoneType None"):
        of_learner.phases(learner, [0])


@pytest.mark.parametrize("given", [(), (3, 1)])
def test_a_learner_measures_each_sample(given: tuple[int, ...]) -> None:
    ctx = context()
    batch = of_learner.probe(ctx.learner, ctx.task, 3, ctx.random)
    ctx.learner.scalars = lambda *_: torch.ones(given)  # type: ignore[method-assign]
    with pytest.raises(
        GenclError, match=r"learner MLPClassifier: scalars returned Tensor .* per sample, of shape \(\d,\)$"
    ):
        moments(ctx.learner, "entropy", batch, ctx.learner.shared(), ["mean"])
    ctx.learner.probe = lambda *_: None  # type: ignore[method-assign, assignment, return-value]
    with pytest.raises(
        GenclError, match=r"learner MLPClassifier: probe returned NoneType None; it must return a gencl.Batch"
    ):
        of_learner.probe(ctx.learner, ctx.task, 3, ctx.random)


def test_a_metric_says_in_words_why_it_does_not_apply(plugin: Any) -> None:
    file = plugin("0.5")
    file.write_text(file.read_text().replace('return ""', "return True"))
    done = command("train", "--preset", "digits-mlp", "--plugin", file, "--out", file.parent / "run")
    told = 'applies returned bool True; it must return a text: why it cannot be measured here, or "" if it can'
    assert done.returncode == 1 and done.stderr.splitlines()[-1] == f"gencl: metric m: {told}"


def test_a_learner_without_its_base(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(NET)
    gencl.load_plugin(file)
    with pytest.raises(GenclError, match=r"learner net: Net.__init__ must call super\(\).__init__\(\) first"):
        gencl.train("digits-mlp", "sgd", 0, tmp_path / "run", set=["model.name=net"], progress="silent")


def test_long_values_are_cut_short() -> None:
    with pytest.raises(GenclError, match=r"^they returned str 'a{56}\.\.\.; it must return less$"):
        returned("a" * 100, lambda value: False, "they", "less")
