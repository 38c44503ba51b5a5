"""Arguments of public functions: what has a wrong type is refused in one line, and one thing is as good as several."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import pytest

import gencl
from gencl.core import several
from gencl.core.arguments import fits, words
from gencl.core.assignments import Assignments
from gencl.core.progress import Mode
from gencl.core.several import Classes, Files, Names, Numbers

MODEL = "digits-cgan-anpyc"
FUNCTIONS = [name for name in gencl.__all__ if inspect.isfunction(getattr(gencl, name))]

WRONG: list[tuple[Callable[..., Any], dict[str, Any], str]] = [
    (gencl.train, {"method": 3}, "train(method=3): method must be a string or None"),
    (gencl.train, {"preset": 3}, "train(preset=3): preset must be a string or None"),
    (gencl.train, {"seed": "abc"}, "train(seed='abc'): seed must be an integer or None"),
    (gencl.train, {"seed": True}, "train(seed=True): seed must be an integer or None"),
    (gencl.train, {"set": 5}, "train(set=5): set must be a dict, a list of strings or a string"),
    (gencl.train, {"out": 3}, "train(out=3): out must be a string, a path or None"),
    (gencl.train, {"device": 3}, "train(device=3): device must be a string"),
    (gencl.train, {"progress": "loud"}, "train(progress='loud'): progress must be 'auto', 'lines' or 'silent'"),
    (gencl.extend, {"run": 3, "data": "digits"}, "extend(run=3): run must be a string, a path or a RunFolder"),
    (gencl.extend, {"run": MODEL, "data": 3}, "data must be a string, a path or a list of strings or paths"),
    (gencl.compare, {"methods": [3]}, "compare(methods=[3]): methods must be a string or a list of strings or"),
    (gencl.compare, {"methods": "sgd", "seeds": ["a"]}, "seeds must be an integer, a string or a list of integers"),
    (gencl.compare, {"methods": "sgd", "seeds": "0-x"}, "--seeds: '0-x': write numbers and ranges such as 0-2,5"),
    (gencl.tune, {"methods": "ewc", "budget": "x"}, "tune(budget='x'): budget must be an integer"),
    (gencl.train, {"threads": 0}, "train(threads=0): threads must be an integer of at least 1 or None"),
    (gencl.compare, {"methods": "sgd", "jobs": -1}, "compare(jobs=-1): jobs must be an integer of at least 1 or None"),
    (gencl.reconstruct, {"run": MODEL, "n": 0}, "Run.reconstruct(n=0): n must be an integer of at least 1 or None"),
    (gencl.interpolate, {"run": MODEL, "steps": 1}, "Run.interpolate(steps=1): steps must be an integer of at least 2"),
    (gencl.load_run, {"run": None}, "load_run(run=None): run must be a string, a path or a RunFolder"),
    (gencl.sample, {"run": MODEL, "n": "a"}, "Run.sample(n='a'): n must be an integer"),
    (gencl.sample, {"run": MODEL, "classes": "3,"}, "--classes: '3,': write numbers, ranges or names such as 0-2,cats"),
    (gencl.evaluate, {"run": MODEL, "metrics": 3}, "Run.evaluate(metrics=3): metrics must be a string, a list of str"),
    (gencl.fid, {"a": 3}, "fid(a=3): a must be a string, a path or a RunFolder"),
    (gencl.analyze, {"run": MODEL, "names": 3}, "analyze(names=3): names must be a string or a list of strings"),
    (gencl.analyze, {"run": MODEL, "names": "drfit"}, "no analysis is called 'drfit'; did you mean drift?"),
    (gencl.resolve, {"assignments": 5}, "resolve(assignments=5): assignments must be a dict, a list of strings or"),
    (gencl.load_plugin, {"path": 3}, "load_plugin(path=3): path must be a string or a path"),
]  # fmt: skip


@pytest.mark.parametrize(("function", "arguments", "message"), WRONG, ids=[message[:40] for *_, message in WRONG])
def test_a_wrong_argument_is_refused_in_one_line(
    function: Callable[..., Any], arguments: dict[str, Any], message: str, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(gencl.UsageError) as told:
        function(**arguments)
    assert message in str(told.value) and "\n" not in str(told.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_public_function_and_method_looks_at_its_arguments(name: str) -> None:
    function = getattr(gencl, name)
    assert get_type_hints(inspect.unwrap(function)), name
    if function.__module__ != "gencl.shortcuts":  # these only call the methods
        assert hasattr(function, "__wrapped__"), name


def test_every_method_of_a_run_looks_at_its_arguments() -> None:
    public = {name: member for name, member in vars(gencl.Run).items() if inspect.isfunction(member) and name[0] != "_"}
    assert {"sample", "evaluate", "analyze"} <= set(public)
    assert all(hasattr(member, "__wrapped__") and get_type_hints(inspect.unwrap(member)) for member in public.values())


def test_python_says_which_argument_is_unknown() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'metod'"):
        gencl.train(metod="ewc")  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("value", "hint", "right"),
    [
        (np.int64(3), int, True),
        (np.float32(0.5), float, True),
        (3, float, True),
        (3.0, int, False),
        (True, int, False),
        (1, bool, False),
        (Path("x"), str | Path, True),
        (["fid"], Names, True),
        (("fid", 3), Names, False),
        (range(3), Numbers, True),
        (np.arange(3), Numbers, True),
        ({"train.steps": 3}, Assignments, True),
        ([3], Assignments, False),
        ("lines", Mode, True),
        (tuple(b"ab"), Names, False),
        (b"ab", Names, False),
    ],
)
def test_what_fits_an_annotation(value: object, hint: Any, right: bool) -> None:
    assert fits(value, hint) is right


def test_an_annotation_in_words() -> None:
    assert words(Files) == "a string, a path or a list of strings or paths"
    assert words(Classes) == "an integer, a string or a list of integers or strings"


def test_one_is_as_good_as_several() -> None:
    assert several.names("fid, kid") == several.names(["fid", "kid"]) == several.names(("fid,kid",)) == ["fid", "kid"]
    assert several.numbers(3, "--seeds") == [3]
    assert several.numbers("0-2,5", "--seeds") == several.numbers(np.array([0, 1, 2, 5]), "--seeds") == [0, 1, 2, 5]  # type: ignore[arg-type]
    assert several.classes(0) == [0] and several.classes("0-1,cats") == [("0", "1"), "cats"]
    assert several.classes(["0-1", 3]) == ["0-1", 3]  # a name in a list is a name
    assert several.files("a,b.png") == ["a,b.png"] and several.files([Path("a")]) == [Path("a")]
    for text, message in (("4-0", "write numbers"), ("1,1", "names a number twice")):
        with pytest.raises(gencl.UsageError, match=message):
            several.numbers(text, "--seeds")
    with pytest.raises(gencl.UsageError, match="names a number twice"):
        several.numbers([10, 10], "--seeds")


def test_a_single_class_and_a_single_metric_are_taken_for_what_they_are() -> None:
    run = gencl.load_run(MODEL)
    assert run.generate(classes=0, n=2).equal(run.generate(classes=[0], n=2))
    assert run.generate(classes="3,0", n=2).equal(run.generate(classes=[3, 0], n=2))
    assert list(run.evaluate("conditional_accuracy", n=20)["mean"]) == ["conditional_accuracy"]
