"""A plug-in that is wrong is told in one line, with the file and the line, and leaves nothing behind."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import gencl
from gencl.core.registry import Registry
from gencl.methods import METHODS
from gencl.metrics import METRICS
from gencl.plugins import load_plugin, registries, unload_plugin
from tests.conftest import gencl as command

METHOD = (
    "from gencl import Learner, Method, Metric\nfrom gencl.core.part import Part\nclass Mine(Method):\n    'Mine.'\n"
)
TABLE = "PLUGINS = {'methods': {'mine': Mine}}\n"
SETTINGS = "    class Settings(Part): strength: float = 1.0\n"
WRONG = {
    "def broken(:\n": "line 1: invalid syntax",
    "import gencl\nimport no_such_module\n": "line 2: ModuleNotFoundError: No module named 'no_such_module'",
    "\n\nraise SystemExit(3)\n": "line 3: SystemExit: 3",
    METHOD: "says not what it provides; end it with a line such as PLUGINS",
    METHOD + "PLUGINS = [Mine]\n": "line 5: PLUGINS must name things by group",
    METHOD + "PLUGINS = {}\n": "line 5: PLUGINS is empty",
    METHOD + "PLUGINS = {\n 'method': {'mine': Mine}}\n": "line 6: PLUGINS has no group 'method'; did you mean methods",
    METHOD + "PLUGINS = {\n 'methods': {\n  'ewc': Mine}}\n": "line 7: the method's name 'ewc' is taken by gencl",
    METHOD + "PLUGINS = {'methods': {'Mine': Mine}}\n": "line 5: the method's name 'Mine' must be made of a-z",
    "class Mine: pass\n" + TABLE: "line 1: method 'mine': the class Mine is no method: derive it from gencl.methods",
    "Mine = 3\n" + TABLE: "line 2: method 'mine': int 3 is no method",
    METHOD + "    def state_dict(self): return {}\n" + TABLE: "line 3: method 'mine': Mine has state_dict but lacks",
    METHOD + "    def penalty(self): pass\n" + TABLE: "Mine.penalty(self) cannot be called as gencl calls it; write "
    "def penalty(self, ctx)",
    METHOD + "    def after_task(self, ctx, more): pass\n" + TABLE: "Mine.after_task(self, ctx, more) cannot be called",
    METHOD + "    def before_task(): pass\n" + TABLE: "Mine.before_task() cannot be called as gencl calls it",
    METHOD + "    penalty = 3\n" + TABLE: "Mine.penalty is no function; write def penalty(self, ctx)",
    METHOD + "    def __init__(self): 3\n" + TABLE: "Mine cannot be made as gencl makes it; write def __init__(self,",
    METHOD + "    needs = 3\n" + TABLE: "Mine.needs: 3 is no tuple of gencl.learners.capabilities",
    METHOD + "    needs = {'tasks'}\n" + TABLE: "Mine.needs: {'tasks'} is no tuple of gencl.learners.capabilities",
    METHOD + "    class Settings(Part): strength: float\n" + TABLE: "line 3: method 'mine': Mine.Settings.strength "
    "needs a default",
    METHOD + "    grid = 3\n" + TABLE: "Mine.grid must be values by setting, such as {'lambda': (0.1, 1.0)}, not int 3",
    METHOD + SETTINGS + "    grid = {'train.steps': (1,)}\n" + TABLE: "Mine.grid has 'train.steps', which Mine."
    "Settings lacks; there are: strength",
    METHOD + SETTINGS + "    grid = {'strength': 3}\n" + TABLE: "Mine.grid['strength'] must be a list or tuple of",
    METHOD + SETTINGS + "    grid = {'strength': ()}\n" + TABLE: "to try, not tuple ()",
    METHOD + "class Net(Learner): pass\nPLUGINS = {'learners': {'net': Net}}": "line 5: learner 'net': Net lacks own, ",
    METHOD + "class M(Metric): pass\nPLUGINS = {'metrics': {'m': M}}": "line 5: metric 'm': M lacks applies, measure",
    METHOD + "def load(): pass\nPLUGINS = {'datasets': {'d': load}}": "must be a function load(root, download)",
    METHOD + "PLUGINS = {'extractors': {'e': Mine}}": "the class Mine is no feature extractor",
}  # fmt: skip


@pytest.mark.parametrize("content", WRONG, ids=range(len(WRONG)))
def test_what_is_wrong_is_told_with_its_line(content: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(content)
    before = {group: list(registry) for group, registry in registries().items()}
    with pytest.raises(gencl.UsageError) as told:
        load_plugin(file)
    assert str(told.value).startswith(f"plug-in {file}") and WRONG[content] in str(told.value)
    assert before == {group: list(registry) for group, registry in registries().items()}


def test_wider_signatures_are_right_and_slips_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.py"
    wide = "    def penalty(self, *args): pass\n    def after_task(self, context, more=3): pass\n"
    own = "    def strength(self): pass\n    def penalty_of(self, a, b): pass\n    def _after_taks(self): pass\n"
    file.write_text(METHOD + wide + own + TABLE)
    load_plugin(file)
    assert not capsys.readouterr().err
    file.write_text(METHOD + "    def after_taks(self, ctx): pass\n" + TABLE)
    load_plugin(file)
    told = " ".join(capsys.readouterr().err.split())
    slip = "Mine.after_taks is not called by gencl; if the hook after_task is meant, rename it"
    assert told.endswith(f"line 3: method 'mine': {slip}")


def test_a_hook_that_belongs_to_the_class_may_be_written_in_each_way(tmp_path: Path) -> None:
    start = "from gencl import Metric\nclass M(Metric):\n    name, better = 'm', 'lower'\n"
    end = "    def measure(self, snapshot, task): return 1.0\nPLUGINS = {'metrics': {'m': M}}\n"
    file = tmp_path / "mine.py"
    for mark, arguments, right in (
        ("@staticmethod", "learner, extractor", True),
        ("@classmethod", "cls, learner, extractor", True),
        ("@staticmethod", "learner", False),
        ("", "self, learner, extractor", False),
    ):
        file.write_text(f"{start}    {mark}\n    def applies({arguments}): return ''\n{end}")
        if right:
            load_plugin(file)
        else:
            with pytest.raises(gencl.UsageError, match=r"write @staticmethod def applies\(learner, extractor\)"):
                load_plugin(file)


def test_the_command_says_it_in_one_line(tmp_path: Path) -> None:
    done = command("list", "methods", "--plugin", "absent.py", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, "gencl: plug-in absent.py: there is no such file\n")


def test_a_file_is_loaded_once_and_again_when_it_was_changed(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(METHOD + TABLE)
    load_plugin(file)
    first = METHODS.get("mine")
    load_plugin(file)
    assert METHODS.get("mine") is first and METHODS.about("mine") == "Mine (mine.py)"
    file.write_text(METHOD + "    grid = {}\n" + TABLE.replace("mine", "other"))
    load_plugin(file)
    assert "mine" not in METHODS and METHODS.get("other") is not first


def test_an_error_within_a_hook_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(METHOD + "    def after_step(self, ctx):\n        ctx.nothing()\n" + TABLE)
    small = ["--preset", "digits-mlp", "--set", "scenario.tasks=1", "--set", "train.steps=1"]
    done = command("train", *small, "--plugin", file, "--method", "mine", "--out", tmp_path / "run")
    assert done.returncode == 1 and done.stderr.splitlines()[-1].startswith(
        "gencl: unexpected AttributeError in mine.py, line 6: 'StepContext' object has no attribute 'nothing'"
    )


def test_an_error_elsewhere_names_the_plug_ins_that_may_cause_it(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    double = "    def before_task(self, ctx):\n        ctx.learner.double()\n"
    file.write_text(METHOD + double + TABLE)
    small = ["--preset", "digits-mlp", "--set", "scenario.tasks=1", "--set", "train.steps=1"]
    done = command("train", *small, "--plugin", file, "--method", "mine", "--out", tmp_path / "run")
    told = "gencl: unexpected RuntimeError, perhaps because of method mine of mine.py: mat1 and mat2 must have the same"
    assert done.returncode == 1 and done.stderr.splitlines()[-1].startswith(told)


def test_packages_names_that_are_taken_are_left_out_and_their_errors_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "extra-1.0.dist-info").mkdir()
    (tmp_path / "extra-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: extra\nVersion: 1.0\n")
    names = [
        "ewc = elsewhere:EWC",
        "gone = gencl.no_module:X",
        "good = gencl.methods.sgd:SGD",
        "odd = gencl.core.errors:GenclError",
    ]
    (tmp_path / "extra-1.0.dist-info" / "entry_points.txt").write_text("\n".join(["[gencl.methods]", *names]))
    monkeypatch.syspath_prepend(tmp_path)
    registry = Registry(
        "method", {"ewc": ("gencl.methods.ewc:EWC", "EWC")}, "gencl.methods", "gencl.methods.check:problem"
    )
    assert list(registry) == ["ewc", "gone", "good", "odd"] and registry.get("good").__name__ == "SGD"
    assert (
        "of the package extra something is left out: the method's name 'ewc' is taken by gencl"
        in capsys.readouterr().err
    )
    with pytest.raises(
        gencl.GenclError, match=r"method 'gone' of the package extra .* cannot be imported: ModuleNotFound"
    ):
        registry.get("gone")
    with pytest.raises(gencl.GenclError, match="the class GenclError is no method"):
        registry.get("odd")
    assert METRICS.source("fid") == ""


def test_a_file_with_a_mistake_leaves_what_it_was_before(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(METHOD + TABLE)
    load_plugin(file)
    before = METHODS.get("mine")
    file.write_text(METHOD + "PLUGINS = {'methods': {'ewc': Mine}}\n")
    with pytest.raises(gencl.UsageError, match="taken by gencl"):
        load_plugin(file)
    assert METHODS.get("mine") is before
    (tmp_path / "copy").mkdir()
    copy = tmp_path / "copy" / "mine.py"
    copy.write_text(METHOD + TABLE)
    with pytest.raises(gencl.UsageError, match=r"taken by mine\.py"):
        load_plugin(copy)
    assert sys.modules[before.__module__].Mine is before
    unload_plugin(file)
