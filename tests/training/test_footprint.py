"""The memory of training is estimated before a network is built, and what does not fit is refused in one line."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from gencl import presets
from gencl.core import free_memory
from gencl.core.errors import UsageError
from gencl.core.peak import Peak
from gencl.core.randomness import RandomSource
from gencl.core.settings import Settings
from gencl.learners import LEARNERS
from gencl.runs.build import make_scenario
from gencl.training import footprint
from gencl.training.footprint import Footprint, expected_memory, footprint_of
from gencl.training.optimizers import Switch
from tests.conftest import gencl, grown
from tests.core.test_amounts import limited

CPU = torch.device("cpu")
LEARNING = {"cgan": "digits-cgan", "vae": "digits-vae", "flow": "digits-flow", "dqn": "minatar-dqn"}


def settings_of(learner: str, *sets: str) -> Settings:
    preset = LEARNING.get(learner, "digits-mlp")
    name = [] if learner in (*LEARNING, "mlp") else [f"model.name={learner}", "data.size=32"]
    name += ["data.channels=3"] if learner == "resnet18" else []
    return presets.resolve(preset, method="ewc", assignments=["train.batch_size=8", "train.half_life=0", *name, *sets])


def foreseen(settings: Settings) -> Footprint:
    found = footprint_of(settings, make_scenario(settings, None))
    assert found is not None
    return found


RESIDUAL = ("model.network=residual",)
NETWORKS = [
    *((name, ()) for name in LEARNERS), ("vae", RESIDUAL),
    ("cgan", (*RESIDUAL, "model.loss=relativistic", "model.modulation=class", "model.augment=[translation,cutout]")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "sets"), NETWORKS)
def test_shapes_alone_tell_what_a_network_takes(name: str, sets: tuple[str, ...]) -> None:
    if name == "dqn":
        pytest.importorskip("minatar", reason='MinAtar is not installed; pip install -e ".[games]"')
    settings = settings_of(name, *sets)
    found, (learner, scenario) = foreseen(settings), grown(settings, 100)
    assert found.parameters == sum(p.nbytes for p in learner.parameters())
    task, peaks, moved = scenario.tasks[-1], [], 0
    batch, random = task.source(8, 0).batch(0), RandomSource(0)
    for phase in learner.phases([task.index]):
        Switch(learner, phase).on()
        with Peak() as peak:
            phase.loss(phase.draw(batch, random), 0, random).backward()
        for parameter in phase.parameters:
            parameter.grad = None
        peaks.append(peak.bytes)
        moved += sum(p.nbytes for p in phase.parameters)
    assert found.step == pytest.approx(max(peaks), rel=0.2)  # kernels of a processor have room of their own
    assert found.optimizers == moved * (2 if settings.train.optimizer in ("adam", "rmsprop") else 1)
    assert found.method == 3 * sum(p.nbytes for p in learner.shared().values())
    assert found.total == found.parameters + found.optimizers + found.method + found.step


def test_what_takes_more_is_foreseen() -> None:
    plain = foreseen(settings_of("cgan"))
    assert foreseen(settings_of("cgan", "train.batch_size=64")).step > 1.5 * plain.step
    assert foreseen(settings_of("cgan", "train.half_life=1000")).optimizers > plain.optimizers
    composed = presets.resolve("digits-cgan", method="ewc+align", assignments=["train.batch_size=8"])
    assert foreseen(composed).method > plain.method
    joint = presets.resolve("digits-cgan", method="joint", assignments=["train.batch_size=8"])
    assert foreseen(joint).parameters == plain.parameters and foreseen(joint).method == 0
    shares = presets.resolve("digits-cgan", method="joint", assignments=["train.batch_size=8", "method.shares=[5,1]"])
    assert foreseen(shares) == foreseen(joint)


def test_a_learner_that_looks_at_values_is_not_foreseen_and_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of("mlp")
    scenario = make_scenario(settings, None)
    kind = LEARNERS.get("mlp")
    loss = kind.loss
    monkeypatch.setattr(kind, "loss", lambda *args: loss(*args) + float(args[1].inputs.sum()))
    assert footprint_of(settings, scenario) is None and expected_memory(settings, scenario, CPU) == 0


def test_nothing_random_is_drawn() -> None:
    settings = settings_of("cgan")
    scenario, before = make_scenario(settings, None), torch.get_rng_state()
    assert footprint_of(settings, scenario) and torch.equal(torch.get_rng_state(), before)


TOO_LARGE = [
    (["--set", "model.width=512"], "model.width: 512"),
    (["--set", "train.batch_size=65536"], "train.batch_size: 65536"),
    (["--preset", "digits-mlp", "--set", "model.hidden=[16384,16384]"], "model.hidden: [16384, 16384]"),
    (
        ["--preset", "digits-mlp", "--method", "dgr", "--set", "model.generator.width=512"],
        "model.generator.width: 512",
    ),
]


@pytest.mark.parametrize(("arguments", "named"), TOO_LARGE, ids=[named for _, named in TOO_LARGE])
def test_what_does_not_fit_is_refused_with_what_does(
    arguments: list[str], named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    container, work = tmp_path / "container", tmp_path / "work"
    container.mkdir(), work.mkdir()
    monkeypatch.setattr(free_memory, "_CONTAINER", limited(container, str(2**30)))
    done = gencl("train", *arguments, "--set", "scenario.tasks=3", cwd=work)
    (line,) = done.stderr.strip().splitlines()
    assert done.returncode == 2 and not done.stdout and not any(work.iterdir())
    assert named in line and "takes about" in line and "0.2 GiB are free" in line
    written = re.findall(r"--set (\S+)", line)
    assert written
    options = {flag.removeprefix("--"): value for flag, value in pairwise(arguments) if flag != "--set"}
    chosen = {name: options[name] for name in ("preset", "method") if name in options}
    sets = [value for flag, value in pairwise(arguments) if flag == "--set"]
    instead = presets.resolve(**chosen, assignments=["scenario.tasks=3", *sets, *written])
    assert foreseen(instead).total <= 224 * 2**20


def test_where_nothing_fits_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(footprint, "free_memory", lambda _: 1000)
    settings = settings_of("mlp")
    with pytest.raises(UsageError, match=r"model: mlp takes about .* to train, .* more memory"):
        expected_memory(settings, make_scenario(settings, None), CPU)
    assert expected_memory(settings, make_scenario(settings, None), CPU, refuse=False) > 1000
