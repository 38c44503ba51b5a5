"""gencl's side, and a plain PyTorch loop: what any library can at most reach."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import floor
from benchmarks.measure import CLOCKS
from benchmarks.peers.serving import serve
from benchmarks.runs import settings_for, trained
from gencl.runs.build import make_scenario

PLAIN = "plain"
METHODS = {PLAIN: "finetune", "naive": "finetune", "lwf": "lwf", "si": "si", "mas": "mas", "ewc": "ewc"}


def run(job: dict[str, Any], clock: Callable[[], float]) -> dict[str, float]:
    settings = settings_for(job["preset"], METHODS[job["method"]], job["assignments"])
    scenario = make_scenario(settings, Path(job["root"]))
    if job["method"] == PLAIN:
        return {"seconds": floor.classify(scenario, job["epochs"], settings.train, clock)}
    state = trained(settings, scenario, clock).state
    return {"seconds": state.cost.train_seconds + state.cost.importance_seconds, "accuracy": state.summary["acc"]}


if __name__ == "__main__":
    serve(run, CLOCKS)
