"""Several seeds trained as one (``gencl compare --ensemble``) against one after another.

    python -m benchmarks.ensemble [--seeds 5] [--steps 60]

Seconds of training and importance; embedded digits, three tasks.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks import measure
from benchmarks.runs import fresh, settings_for
from gencl.core.settings import Settings
from gencl.experiments.ensemble import Ensemble
from gencl.runs.build import make_scenario

CASES: tuple[tuple[str, str, list[str]], ...] = (
    ("digits-mlp", "sgd", ["model.hidden=[64,32]"]),
    ("digits-mlp", "anpyc", []),
    ("digits-cgan", "anpyc", []),
    ("digits-vae", "anpyc", []),
)


def side(
    preset: str,
    method: str,
    more: list[str],
    seeds: int,
    clock: Callable[[], float],
    together: bool,
    device: str = "cpu",
) -> float:
    """Seconds that all seeds take."""
    each: list[Settings] = [
        settings_for(preset, method, [*more, f"seed={seed}", "train.log_every=1000000"]) for seed in range(seeds)
    ]
    scenario = make_scenario(each[0], None).to(device)
    with tempfile.TemporaryDirectory() as folder:
        trainers = [
            fresh(settings, scenario, Path(folder) / str(settings.seed), clock, evaluate=False, device=device)
            for settings in each
        ]
        if together:
            Ensemble(trainers).fit("silent")
        else:
            for trainer in trainers:
                trainer.fit("silent")
        for trainer in trainers:
            trainer.session.recorder.close()
    costs = [trainer.session.state.cost for trainer in trainers]
    return sum(cost.train_seconds + cost.importance_seconds for cost in costs)


def main() -> None:
    parser = measure.options(__doc__, rounds=3)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=60, help="a task")
    given = measure.parsed(parser)
    tables = []
    for preset, method, more in CASES:
        fixed = [*more, "scenario.tasks=3", f"train.steps={given.steps}"]

        def seconds(together: bool, case: tuple[str, str, list[str]] = (preset, method, fixed)) -> Callable[[], float]:
            return lambda: side(*case, given.seeds, given.clock, together)

        sides = {"one after another": seconds(False), "as one": seconds(True)}
        what = f"{preset}, {method}{', ' + more[0] if more else ''}, {given.seeds} seeds"
        tables.append(measure.table(what, measure.interleaved(sides, given.rounds)))
    measure.record("Seeds trained as one", *tables)


if __name__ == "__main__":
    main()
