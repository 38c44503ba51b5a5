"""Measure Fréchet distance and related scores between two sets of images: from a run, a folder or a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gencl.core import several
from gencl.core.arguments import Positive, TwoOrMore, checked
from gencl.core.errors import UsageError
from gencl.core.files import optional_place, printable
from gencl.core.part import check
from gencl.core.processes import Processes
from gencl.core.settings import Broken, DataSettings
from gencl.core.several import Files
from gencl.core.threads import alone
from gencl.core.waiting import say
from gencl.datasets.placing import placed
from gencl.metrics import EXTRACTORS
from gencl.metrics.evaluator import Evaluator
from gencl.metrics.extractors import make_extractor, of_photographs
from gencl.metrics.fidelity import frechet_distance
from gencl.metrics.inception_score import inception_score
from gencl.metrics.kid import kernel_distances
from gencl.metrics.notes import bias_notes, describe
from gencl.metrics.precision_recall import precision_recall
from gencl.metrics.reading import Reading, read
from gencl.metrics.real import read_real
from gencl.metrics.statistics import Statistics
from gencl.metrics.weight_files import check_used
from gencl.runs.build import make_accelerator
from gencl.runs.folder import RunFolder
from gencl.runs.same_images import learned_tasks
from gencl.scenarios.task import Task
from gencl.uses.images import Images, Side, images_of, side_of


@checked
@alone()
def fid(
    a: str | Path | RunFolder,
    b: str | Path | RunFolder | None = None,
    n: TwoOrMore | None = None,
    features: str = "auto",
    weights: Files = (),
    split: str = "test",
    size: Positive | None = None,
    channels: int | None = None,
    data_root: str | Path | None = None,
    device: str = "auto",
    batch_size: Positive = 500,
    broken: Broken = "refuse",
) -> dict[str, Any]:
    """Return Fréchet distance, KID, precision, recall and Inception score of images ``a`` against ``b``, all pooled.

    Args:
        a: a run or its directory (its generator draws equally many images per class), a folder of images, or a data
            set.
        b: the same; default: the held-out images on which the run ``a`` is measured.
        n: number of images of ``a``; a run rounds it up to equally many per class or task. Default: for a run as many
            as ``b`` has, else all. Without ``b``, a run by default draws the images with which it was measured, so that
            ``fid`` equals ``fid_all`` in its metrics.json.
        features: name of a feature extractor. ``auto``: that of the run or data set; else Inception if its weights are
            cached, imagenet-lite0 if it is installed, or Inception after a download.
        weights: one or more weight files for Inception or DINOv2; default: the published weights.
        split: "test" or "train", for data sets.
        size: side to which images are resized; default: that of a run, else unchanged.
        channels: 1 or 3; default: those of a run, else unchanged.
        data_root: the directory of the data sets.
        device: auto, cpu, cuda or mps.
        batch_size: images at a time; affects memory, not the scores.
        broken: how to treat unusable picture files of a folder: ``refuse`` or ``skip``.

    Raises UsageError if a name cannot be resolved, or the extractor does not suit the images.
    """
    if b is None and (split != "test" or size is not None or channels is not None or broken != "refuse"):
        raise UsageError("--split, --size, --channels and --broken are for a REFERENCE; name one, or leave them out")
    if split not in ("test", "train"):
        raise UsageError(f"--split {split}: it must be test or train")
    weights, accelerator = several.files(weights), make_accelerator(device)
    processes = Processes(accelerator)
    root = optional_place(data_root)
    with processes.main_first():
        sides = [side_of(one, root) for one in (a, b) if one is not None]
        # generated images keep their size unless another is asked for, and real ones get that of the run
        asked = check(DataSettings, {"size": size, "channels": channels}, "fid", "data.")
        for shape in (side.run.card.image_shape for side in sides if side.run is not None):
            channels, size = channels or shape[0], size or shape[1]
        data = check(DataSettings, {"size": size, "channels": channels, "broken": broken}, "fid", "data.")
        if b is None:
            held_out = _of_run(sides[0], n, features, weights, accelerator.device, batch_size, processes)
        else:
            fitted = [data if side.run is None else asked for side in sides]
            real = images_of(sides[1], fitted[1], root, split, None)
            generated = images_of(sides[0], fitted[0], root, split, n or (real.n if sides[0].run else None))
            extractor = _extractor(features, [generated, real], sides, weights)
    if b is None:  # needs all processes at once, so not within main_first
        return _against_held_out(sides[0].name, *held_out)
    extractor.to(accelerator.device)

    def reading(images: Images) -> Reading:
        if images.part is not None:
            return read_real(extractor, placed([images.part], accelerator.device)[0], batch_size, processes, keep=True)
        return read(extractor, images.n, images.make, batch_size, accelerator.device, processes, keep=True)

    _check_numbers({generated.name: generated.n, real.name: real.n})
    made, wanted = reading(generated), reading(real)
    assert made.features is not None and made.logits is not None and wanted.features is not None
    if processes.main:
        for note in bias_notes(generated.n, real.n, made.features.shape[1]):
            say(note)
    return {
        "schema": 1,
        "images": [generated.name, real.name],
        "n": [generated.n, real.n],
        "features": describe(extractor),
        "scores": _scores(
            extractor, (made.statistics, wanted.statistics), (made.features, wanted.features), made.logits
        ),
    }


def _check_numbers(numbers: Mapping[str, int]) -> None:
    """Raise UsageError if a side has fewer than two images, too few for any score."""
    for name, n in numbers.items():
        if n < 2:
            raise UsageError(f"{printable(name)}: {n} image; a distance is between two images or more on each side")


def _scores(
    extractor: nn.Module,
    statistics: tuple[Statistics, Statistics],
    features: tuple[Tensor, Tensor],
    logits: Tensor,
) -> dict[str, float]:
    return {
        "fid": frechet_distance(*statistics),
        "kid": kernel_distances(*features)[0],
        **precision_recall(*features),
        **({"isc": inception_score(logits)} if getattr(extractor, "classifies", True) else {}),
    }


def _of_run(
    side: Side,
    n: int | None,
    features: str,
    weights: Sequence[str | Path],
    device: torch.device,
    batch_size: int,
    processes: Processes,
) -> tuple[Evaluator, list[Task]]:
    """Return an evaluator for a run's images, and the run's tasks. Raises UsageError if ``side`` is no run."""
    if side.run is None or side.learner is None or side.scenario is None:
        raise UsageError(f"{printable(side.name)} is no run: name what its images are compared with as well")
    scenario, settings = side.scenario.to(device), side.run.settings
    learner = side.learner.to(device)
    tasks = learned_tasks(side.run, scenario, learner)
    changes: dict[str, Any] = {"also": ()} | ({} if features == "auto" else {"features": features})
    if features == "auto" and make_extractor(scenario, settings.evaluate, "silent", weights) is None:
        changes["features"] = of_photographs(weights) or "inception"
    changes |= {} if n is None else {"samples": max(2, -(-n // len(tasks)))}
    evaluator = Evaluator(
        learner,
        scenario,
        settings.evaluate.model_copy(update=changes),
        settings.seed,
        ["fid"],
        batch_size,
        "auto" if processes.main else "silent",
        processes,
        weights,
    )
    return evaluator, tasks


def _against_held_out(name: str, evaluator: Evaluator, tasks: list[Task]) -> dict[str, Any]:
    """Return the scores of a run's images against its held-out images, by the rules of the run's metrics."""
    snapshot, processes = evaluator.snapshot(tasks, keep=True), evaluator.conditions.processes
    both = snapshot.features_of(tasks)
    _check_numbers({name: len(both[0]), "the run's held-out images": len(both[1])})
    logits = [values for task in tasks if (values := snapshot.generated(task).logits) is not None]
    pooled = snapshot.conditions.pool
    for note in evaluator.notes(snapshot) if pooled else bias_notes(len(both[0]), len(both[1]), both[0].shape[1]):
        if processes.main:
            say(note)
    assert evaluator.extractor is not None
    return {
        "schema": 1,
        "images": [name, "the run's held-out images"],
        "n": [len(part) for part in both],
        "features": describe(evaluator.extractor),
        "scores": _scores(evaluator.extractor, snapshot.sides(tasks), both, torch.cat(logits)),
    }


def _extractor(
    features: str, images: Sequence[Images], sides: Sequence[Side], weights: Sequence[str | Path]
) -> nn.Module:
    """Return the extractor: a run's own, if one side is a run. Raises UsageError if it does not suit the images."""
    extractor = _of_runs(features, sides, weights) or _by_name(features, images, weights)
    check_used(weights, [extractor])
    for one in images:
        try:
            extractor(one.make(torch.zeros(1, dtype=torch.int64)))
        except ValueError as error:
            raise UsageError(f"{printable(one.name)}: {error}; give --size and --channels, or --features") from error
    return extractor


def _of_runs(features: str, sides: Sequence[Side], weights: Sequence[str | Path]) -> nn.Module | None:
    """Return the extractor of the first run among the sides that has one."""
    for side in sides:
        if side.run is not None and side.scenario is not None:
            settings = side.run.settings.evaluate
            chosen = settings if features == "auto" else settings.model_copy(update={"features": features})
            if (made := make_extractor(side.scenario, chosen, "auto", weights)) is not None:
                return made
    return None


def _by_name(features: str, images: Sequence[Images], weights: Sequence[str | Path]) -> nn.Module:
    name = features
    if features == "auto":
        name = next((one.reader for one in images if one.reader), None) or of_photographs(weights) or "inception"
    if name == "reader":
        raise UsageError("--features: reader is trained for a run's classes, and neither side is a run; use auto")
    kind = EXTRACTORS.get(name)
    made: nn.Module = kind.from_weights(weights) if hasattr(kind, "from_weights") else kind()
    return made
