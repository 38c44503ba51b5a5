"""The scripts of cli/reproduce name presets, methods and settings that exist."""

from __future__ import annotations

import itertools
import json
import re
import shlex
from pathlib import Path

import pytest

from gencl import presets
from gencl.commands import cli
from gencl.runs.variants import parse_variants
from tests.conftest import GAMES, gencl

FOLDER = Path(__file__).parents[1] / "cli" / "reproduce"
SCRIPTS = sorted(path for path in FOLDER.iterdir() if path.suffix != ".md")


FEW = "data.name=digits", "data.limit=60", "train.steps=4"
SMALL = *FEW, "scenario.tasks=2"
UNITS = *SMALL, "model.hidden=[8]"
PAIR = *SMALL, "model.hidden=[8,8]"
DOMAIN = *FEW, "scenario.domains=[digits]", "train.epochs=null", "model.width=0.05"
PARTS = *DOMAIN, "scenario.classes_per_task=5", "scenario.tasks=2"
IMAGES = "evaluate.samples=20", "model.width=4"
CGAN = *SMALL, *IMAGES, "evaluate.also=[]"
TINY: dict[str, tuple[str, ...]] = {
    "ablation": PAIR,
    "caltech101": (*FEW, "data.size=32", "scenario.sizes=[5,5]", "train.epochs=null", "model.width=0.05"),
    "cifar100": (*SMALL, "model.width=0.05"),
    "clnp-cifar": PARTS,
    "clnp-cifar-wide": PARTS,
    "clnp-permuted-mnist": (*PAIR, "train.batch_size=16"),
    "faces-to-anime": (
        *(*FEW, *IMAGES, "scenario.domains=[digits]", "train.epochs=null", "data.size=32"),
        *("evaluate.features=none", "model.features=16", "model.latent=8"),
    ),
    "fisher-overlap": PAIR,
    "importance": UNITS,
    "lambda": UNITS,
    "lambda-visual": DOMAIN,
    "lenet-pruning": FEW,
    "minatar": (*GAMES, "train.steps=10", "train.log_every=10", "scenario.episodes=1", "scenario.look=5"),
    "mnist-cgan": CGAN,
    "parameter-space": UNITS,
    "permuted-mnist": UNITS,
    "perturbation": (*FEW, "model.hidden=[8]"),
    "pruned-share": UNITS,
    "pruned-share-visual": DOMAIN,
    "pruning-strategies": UNITS,
    "random-patterns": ("scenario.tasks=2", "train.steps=4"),
    "rigidity": (*UNITS, "train.log_every=4"),
    "split-mnist": (*SMALL, "model.hidden=[16,8]"),
    "svhn-cgan": CGAN,
    "visual5": DOMAIN,
    "widths": SMALL,
}
"""The assignments that make a script's run one of seconds, on the embedded digits or in a few frames."""
METHODS = {
    "ablation": "joint,mas+anpyc:method.anpyc.lambda=0,hat,anpyc:method.score=random",
    "caltech101": "finetune",
    "cifar100": "finetune,anpyc",
    "clnp-cifar": "si,clnp:method.margin=0.01",
    "clnp-cifar-wide": "joint,clnp:method.margin=0.02",
    "clnp-permuted-mnist": "clnp:method.l1_factors=[0.1,1]:method.lr_factors=[0.5,1],clnp:method.l1=[0,0.1,0.2]",
    "faces-to-anime": "sgd,anpyc+align",
    "importance": "mas,ewc+anpyc:method.anpyc.lambda=0",
    "lambda": "anpyc:method.lambda=0,anpyc:method.lambda=0.1",
    "lambda-visual": "anpyc:method.lambda=0.01,anpyc:method.lambda=8",
    "lenet-pruning": "anpyc:method.prune=[80,10]:method.last=prune",
    "mnist-cgan": "sgd,anpyc+align",
    "parameter-space": "joint,sgd,anpyc",
    "permuted-mnist": "packnet,xdg+si",
    "pruned-share": "anpyc:method.prune=5,anpyc:method.prune=95",
    "pruned-share-visual": "anpyc:method.prune=5,anpyc:method.prune=30",
    "pruning-strategies": "anpyc:method.rounds=1,anpyc:method.score=random,anpyc:method.retrain=0.99,xdg+spp",
    "random-patterns": "joint,ewc-online:method.lambda=0.01",
    "rigidity": "joint,sgd:train.lr=0.2,l2:method.lambda=0.01",
    "split-mnist": (
        "spp:method.form=paper,spp:method.order=2:method.phi=relu,anpyc:method.form=official,anpyc:method.score=loss,"
        "anpyc:method.consolidation=printed:method.lambda=0.00001"
    ),
    "svhn-cgan": "anpyc",
    "visual5": "finetune,anpyc:model.convolutions=9",
    "widths": "spp:model.hidden=[32,32],spp:model.hidden=[64,64]",
}
"""Fewer methods than those of a script: its forms that no other test runs, and what its analysis compares."""


def words_of(script: Path) -> list[str]:
    """The arguments of its `gencl`."""
    return shlex.split(re.search(r'/\.\./gencl" (.*) "\$@"', script.read_text().replace("\\\n", " "))[1])


@pytest.mark.parametrize("name", TINY)
def test_it_runs(name: str, tmp_path: Path) -> None:
    if name == "minatar":
        pytest.importorskip("minatar", reason='MinAtar is not installed; pip install -e ".[games]"')
    words = words_of(FOLDER / name)
    tiny = [part for assignment in TINY[name] for part in ("--set", assignment)]
    fewer = ["--methods", METHODS[name]] if name in METHODS else []
    done = gencl(*words, *tiny, *fewer, "--seeds", "0", "--out", tmp_path / "out", "--json")
    assert done.returncode == 0, done.stderr
    methods = json.loads((tmp_path / "out" / "results.json").read_text())["methods"]
    assert methods and all(row["status"] == "done" for row in methods.values())
    analyses = dict(itertools.pairwise(words)).get("--analyze", "")
    for analysis in filter(None, analyses.split(",")):
        assert (tmp_path / "out" / "analysis" / f"{analysis}.csv").is_file()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_its_command_resolves(script: Path) -> None:
    assert script.stat().st_mode & 0o111, "not executable"
    text, words = script.read_text(), words_of(script)
    example = shlex.split(re.search(rf"# More options .*: cli/reproduce/{script.name} (.*)", text)[1])
    command = cli.get_command(None, words[0])  # type: ignore[arg-type]
    command.make_context(words[0], [*words[1:], *example])
    options = command.make_context(words[0], words[1:]).params
    label = options.get("methods") or options["method"]
    for variant in parse_variants(label):
        presets.resolve(options["preset"], None, variant.method, 0, [*options["set"], *variant.assignments])


def test_the_readme_names_each_script() -> None:
    readme = (FOLDER / "README.md").read_text()
    assert set(re.findall(r"^\| `([\w-]+)` \|", readme, re.MULTILINE)) == {script.name for script in SCRIPTS}
