"""What methods add to an optimiser's step, for networks of several sizes; no forward or backward pass is counted.

python -m benchmarks.consolidation [--millions 0.1 1 10 100]
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import cycle
from typing import Any

import torch
from torch import Tensor

from benchmarks import measure
from benchmarks.runs import settings_for
from gencl.core.processes import Processes
from gencl.core.randomness import RandomSource
from gencl.learners.learner import Learner
from gencl.methods import building
from gencl.methods.base import Context
from gencl.methods.consolidation import Consolidation
from gencl.runs.build import make_learner, make_scenario
from gencl.scenarios.batch import Batch
from gencl.scenarios.task import Scenario
from gencl.training.optimizers import make_optimizer, set_rate

PIXELS = 64
SIDES: dict[str, tuple[str, tuple[float, ...]]] = {
    "consolidation, rate as before": ("mas", (0.05,)),
    "consolidation, another rate each step": ("mas", (0.05, 0.04)),
    "consolidation and masks": ("anpyc", (0.05,)),
    "consolidation and path integral": ("si", (0.05,)),
}


def network(parameters: float, device: str = "cpu") -> tuple[Learner, Scenario]:
    """An MLP with two hidden layers as wide as this number of parameters needs, that has learned one task."""
    width = round((math.sqrt(PIXELS**2 + 4 * parameters) - PIXELS) / 2)
    settings = settings_for("digits-mlp", "mas", [f"model.hidden=[{width},{width}]"])
    scenario = make_scenario(settings, None)
    learner = make_learner(settings.model, scenario.image_shape, 0, device)
    learner.grow(scenario.tasks[0].classes, 0)
    return learner, scenario


def step(
    learner: Learner,
    scenario: Scenario,
    name: str | None,
    rates: tuple[float, ...],
    state: dict[str, dict[str, Tensor]],
) -> Callable[[], None]:
    """One step of the optimiser, with the method's hooks around it; ``state`` is the importance and the anchors."""
    settings = settings_for("digits-mlp", name or "finetune", ["train.optimizer=sgd"])
    method: Any = building.build(settings.method)
    task = scenario.tasks[0]
    batch = Batch(torch.empty(0), torch.empty(0, dtype=torch.long))  # no method measured here looks at it
    around = Context(learner, task, False, 0, settings.train, Processes(), RandomSource(0))
    ctx = around.within(learner.phases([0])[0], batch)
    optimizer = make_optimizer(ctx.phase, settings.train)
    shared = learner.shared()
    if isinstance(method, Consolidation):
        method.importance, method.anchors = state["importance"], state["anchors"]
        method.before_task(ctx)
        method.enter_stage(ctx)
        if name == "anpyc":
            method.pruned = {key: torch.rand_like(value) < 0.2 for key, value in shared.items() if value.ndim > 1}  # type: ignore[attr-defined]
    following = cycle(rates)

    def run() -> None:
        ctx.lr = next(following)
        method.adjust_gradients(ctx)
        set_rate(optimizer, 1e-6)
        optimizer.step()
        method.after_step(ctx)
        method.end_step(ctx)

    return run


def sides(millions: float, device: str = "cpu") -> dict[str, Callable[[], None]]:
    """A step of each side, for so many million parameters."""
    learner, scenario = network(millions * 1e6, device)
    for parameter in learner.parameters():
        parameter.grad = torch.randn_like(parameter)
    shared = {key: value.detach() for key, value in learner.shared().items()}
    state = {
        "importance": {key: torch.rand_like(value) for key, value in shared.items()},
        "anchors": {key: value.clone() for key, value in shared.items()},
    }
    runs = {"optimiser's step": step(learner, scenario, None, (0.05,), state)}
    return runs | {about: step(learner, scenario, name, rates, state) for about, (name, rates) in SIDES.items()}


def main() -> None:
    parser = measure.options(__doc__, rounds=7)
    parser.add_argument("--millions", type=float, nargs="+", default=[0.1, 1, 10, 100], help="of parameters")
    given = measure.parsed(parser)
    tables = []
    for millions in given.millions:
        runs = sides(millions)
        repeats = max(2, round(10 / millions))
        times = measure.interleaved(
            {about: measure.timed(run, given.clock, min(repeats, 50)) for about, run in runs.items()}, given.rounds
        )
        tables.append(measure.table(f"{millions:g} million parameters, SGD with momentum", times, "ms"))
    measure.record("Consolidation, masks and path integrals", *tables)


if __name__ == "__main__":
    main()
