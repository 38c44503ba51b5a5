"""Training steps against a bare PyTorch loop: the MLP on split MNIST, and the GAN on the embedded digits.

    python -m benchmarks.steps --data-root DIR [--epochs 10] [--images 2000] [--methods sgd ewc ...]

Seconds of a classifier are those of training, and of training and importance (over all images) together.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

from benchmarks import floor, measure
from benchmarks.runs import settings_for, trained
from gencl.core.settings import Settings
from gencl.learners.cgan import ConditionalGAN
from gencl.runs.build import make_learner, make_scenario
from gencl.runs.state import Cost
from gencl.scenarios.task import Scenario

METHODS = ("sgd", "ewc", "mas", "si", "spp", "anpyc", "lwf")
UNPRUNED = {"anpyc": ["method.prune=0"]}
GAN = {
    "sgd": ("sgd", []),
    "anpyc, pruning apart": ("anpyc", ["method.prune=0"]),
    "anpyc": ("anpyc", []),
    "dgr": ("dgr", []),
}
TASKS, STEPS = 3, 100


def classifiers(
    clock: Callable[[], float], epochs: int, images: int, root: Path, methods: list[str], rounds: int
) -> list[str]:
    fixed = ["model.heads=task", "data.validation=0", f"data.limit={images}", f"train.epochs={epochs}"]
    chosen = {name: settings_for("split-mnist", name, [*fixed, *UNPRUNED.get(name, [])]) for name in methods}
    scenario = make_scenario(next(iter(chosen.values())), root)
    costs: dict[str, list[Cost]] = {name: [] for name in chosen}

    def side(name: str) -> Callable[[], float]:
        def seconds() -> float:
            costs[name].append(trained(chosen[name], scenario, clock).state.cost)
            return costs[name][-1].train_seconds

        return seconds

    plain = next(iter(chosen.values())).train
    sides = {"plain PyTorch loop": lambda: floor.classify(scenario, epochs, plain, clock)}
    times = measure.interleaved(sides | {name: side(name) for name in chosen}, rounds)
    both = {
        name: [cost.train_seconds + cost.importance_seconds for cost in costs[name][1:]] if name in costs else seconds
        for name, seconds in times.items()
    }
    what = (
        f"split MNIST, MLP 784-512-256, five tasks of at most {images} images, {epochs} epochs, anpyc without pruning"
    )
    return [
        measure.table(f"Steps: {what}", times),
        measure.table(f"Steps and importance passes over all images: {what}", both),
    ]


def generators(clock: Callable[[], float], rounds: int) -> str:
    fixed = [f"scenario.tasks={TASKS}", f"train.steps={STEPS}"]
    chosen = {name: settings_for("digits-cgan", key, [*fixed, *more]) for name, (key, more) in GAN.items()}
    scenario = make_scenario(next(iter(chosen.values())), None)

    def side(settings: Settings) -> Callable[[], float]:
        return lambda: trained(settings, scenario, clock).state.cost.train_seconds

    sides = {"plain PyTorch loop": lambda: bare_gan(chosen["sgd"], scenario, clock)}
    times = measure.interleaved(sides | {name: side(settings) for name, settings in chosen.items()}, rounds)
    return measure.table(f"Steps: digits-cgan, {TASKS} tasks of {STEPS} steps", times)


def bare_gan(settings: Settings, scenario: Scenario, clock: Callable[[], float]) -> float:
    learner = cast(ConditionalGAN, make_learner(settings.model, scenario.image_shape, 0, "cpu"))
    start = clock()
    for task in scenario.tasks:
        learner.grow(task.classes, task.index)
        floor.generate(learner, task, STEPS, settings.train)
    return clock() - start


def main() -> None:
    parser = measure.options(__doc__, rounds=5)
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--images", type=int, default=2000, help="at most so many a task")
    parser.add_argument("--methods", nargs="*", choices=METHODS, default=METHODS, help="of the classifier")
    parser.add_argument("--gan", choices=["yes", "no"], default="yes")
    given = measure.parsed(parser)
    if given.methods:
        root = given.data_root
        tables = classifiers(given.clock, given.epochs, given.images, root, given.methods, given.rounds)
        measure.record(f"Steps of a classifier, {given.epochs} epochs", *tables)
    if given.gan == "yes":
        measure.record("Steps of a GAN", generators(given.clock, given.rounds))


if __name__ == "__main__":
    main()
