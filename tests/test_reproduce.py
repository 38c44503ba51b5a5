"""The scripts of cli/reproduce name presets, methods and settings that exist."""

from __future__ import annotations

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


def sets(*texts: str) -> list[str]:
    """The options ``--set`` for these assignments."""
    return [part for text in texts for part in ("--set", text)]


SMALL = sets("data.name=digits", "data.limit=60", "train.steps=4", "scenario.tasks=2")
ROWS = [
    "--methods",
    "joint,sgd,ewc,dgr,l2,spp:method.form=paper,spp:method.order=2:method.phi=relu,anpyc:method.form=official,"
    "anpyc:method.score=loss,anpyc:method.consolidation=printed:method.lambda=0.00001",
]
"""A third of that table: the rest is methods that other tests run on these data."""
CGAN = sets("evaluate.samples=20", "evaluate.also=[]", "model.width=4")
VAE = [
    *sets("data.size=32", "evaluate.samples=20", "evaluate.features=none"),
    *sets("model.width=4", "model.features=16", "model.latent=8"),
]
CONVOLUTIONS = sets("model.width=0.05")
DOMAIN = sets("scenario.domains=[digits]", "data.limit=60", "train.steps=4", "train.epochs=null")
PARTS = sets("scenario.classes_per_task=5", "scenario.tasks=2")
TINY = {
    "split-mnist": [
        *("--set", "data.name=digits", "--set", "train.steps=2", "--set", "scenario.tasks=2"),
        *("--set", "model.hidden=[16,8]", *ROWS),
    ],
    "rigidity": [*SMALL, "--set", "model.hidden=[8]", "--set", "train.log_every=4"],
    "fisher-overlap": [*SMALL, "--set", "model.hidden=[8,8]"],
    "perturbation": [*SMALL, "--set", "model.hidden=[8]", "--set", "scenario.tasks=1"],
    "ablation": [*SMALL, "--set", "model.hidden=[8,8]"],
    "lenet-pruning": ["--set", "data.name=digits", "--set", "data.limit=60", "--set", "train.steps=20"],
    "importance": [*SMALL, "--set", "model.hidden=[8]"],
    "clnp-permuted-mnist": [*SMALL, "--set", "model.hidden=[8,8]", "--set", "train.batch_size=16"],
    "parameter-space": [*SMALL, "--set", "model.hidden=[8]"],
    "minatar": [
        part
        for text in (*GAMES, "train.steps=10", "train.log_every=10", "scenario.episodes=1", "scenario.look=5")
        for part in ("--set", text)
    ],
    "random-patterns": ["--set", "scenario.tasks=2", "--set", "train.steps=4"],
    "permuted-mnist": [*SMALL, "--set", "model.hidden=[8]", "--methods", "sgd,packnet,xdg+si"],
    "pruned-share": [
        *SMALL,
        "--set",
        "model.hidden=[8]",
        "--methods",
        "spp,anpyc:method.prune=5,anpyc:method.prune=95",
    ],
    "pruning-strategies": [
        *(*SMALL, "--set", "model.hidden=[8]"),
        *("--methods", "anpyc:method.rounds=1,anpyc:method.score=random,anpyc:method.retrain=0.99,xdg+spp"),
    ],
    "lambda": [*SMALL, "--set", "model.hidden=[8]", "--methods", "anpyc:method.lambda=0,anpyc:method.lambda=0.1"],
    "widths": [*SMALL, "--methods", "spp:model.hidden=[32,32],spp:model.hidden=[64,64]"],
    "mnist-cgan": [*SMALL, *CGAN, "--methods", "sgd,anpyc+align"],
    "cifar100": [*SMALL, *CONVOLUTIONS, "--methods", "finetune,anpyc"],
    "visual5": [*DOMAIN, *CONVOLUTIONS, "--methods", "finetune,anpyc:model.convolutions=9"],
    "lambda-visual": [*DOMAIN, *CONVOLUTIONS, "--methods", "anpyc:method.lambda=0.01,anpyc:method.lambda=8"],
    "pruned-share-visual": [*DOMAIN, *CONVOLUTIONS, "--methods", "anpyc:method.prune=5,anpyc:method.prune=30"],
    "clnp-cifar": [*DOMAIN, *PARTS, *CONVOLUTIONS, "--methods", "si,clnp:method.margin=0.01"],
    "clnp-cifar-wide": [*DOMAIN, *PARTS, *CONVOLUTIONS, "--methods", "joint,clnp:method.margin=0.02"],
    "caltech101": [
        *("--set", "data.name=digits", "--set", "data.size=32", "--set", "scenario.sizes=[5,5]"),
        *("--set", "data.limit=60", "--set", "train.epochs=null", "--set", "train.steps=2", "--methods", "finetune"),
    ],
    "faces-to-anime": [*DOMAIN, *VAE, "--methods", "sgd,anpyc+align"],
    "svhn-cgan": [*SMALL, *CGAN, "--methods", "sgd,anpyc"],
}
"""What makes a script's run one of seconds, on the embedded digits or in a few frames."""


def words_of(script: Path) -> list[str]:
    """The arguments of its `gencl`."""
    return shlex.split(re.search(r'/\.\./gencl" (.*) "\$@"', script.read_text().replace("\\\n", " "))[1])


@pytest.mark.parametrize("name", TINY)
def test_it_runs(name: str, tmp_path: Path) -> None:
    if name == "minatar":
        pytest.importorskip("minatar", reason='MinAtar is not installed; pip install -e ".[games]"')
    done = gencl(*words_of(FOLDER / name), *TINY[name], "--seeds", "0", "--out", tmp_path / "out", "--json")
    assert done.returncode == 0, done.stderr
    methods = json.loads((tmp_path / "out" / "results.json").read_text())["methods"]
    assert methods and all(row["status"] == "done" for row in methods.values())
    analyses = dict(zip(words_of(FOLDER / name), words_of(FOLDER / name)[1:], strict=False)).get("--analyze", "")
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
