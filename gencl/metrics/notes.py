"""Descriptions of extractors, and warnings about scores that are measured on few images."""

from __future__ import annotations

from typing import Any

from torch import nn

from gencl.metrics.snapshot import Snapshot


def describe(extractor: nn.Module) -> dict[str, Any]:
    """Return an extractor's description for result files: name, version, and what else its scores depend on."""
    accuracy, resize = getattr(extractor, "accuracy", None), getattr(extractor, "resize", None)
    return {
        "name": str(extractor.name),
        "version": str(extractor.version),
        **({} if getattr(extractor, "published", True) else {"published": False}),
        **({} if accuracy is None else {"accuracy": accuracy}),
        **({} if resize is None else {"resize": resize}),
    }


def bias_notes(n: int, real: int, features: int) -> list[str]:
    """Return a warning, or none, about the bias of FD with n generated and ``real`` real images.

    FD is biased if a side has no more images than ``features``, or if there are fewer real images than generated ones.
    """
    few = [f"{count:,} {which}" for count, which in ((n, "generated"), (real, "real")) if count <= features]
    if few:
        return [
            f"{' and '.join(few)} images are no more than the {features:,} features: the covariance is singular, the "
            "Fréchet distance too high; compare at equal n only, or use KID, which has no such bias"
        ]
    if n > real:
        return [
            f"{n:,} generated images but {real:,} real ones: the Fréchet distance is biased by the fewer; "
            "compare at equal n only"
        ]
    return []


def pool_note(generated: int, real: int) -> str:
    """Return the warning for scores that pool these numbers of images of all tasks, since few per task are held out."""
    return (
        "fewer than 100 images of a task are held out: the Fréchet distance, precision and recall compare all tasks up "
        f"to each together ({generated:,} generated and {real:,} real images in all). So few bias the distance, most "
        "for the first tasks, upwards: compare it with the floor and at equal n only; KID is of each task alone and "
        "has no such bias"
    )


def warnings_of(snapshot: Snapshot, of_features: bool) -> list[str]:
    """Return warnings about a snapshot's scores: LPIPS weights other than the published ones, and bias from few images
    if there are scores ``of_features``."""
    conditions, notes = snapshot.conditions, []
    if conditions.perceptual is not None and not conditions.perceptual.published:
        notes.append("LPIPS was measured with other weights than the published ones: compare it with nothing else")
    if not of_features:
        return notes
    features = len(snapshot.generated(snapshot.tasks[0]).statistics.total)
    if conditions.pool:
        made, real = map(len, snapshot.features_of(snapshot.tasks))
        singular = bias_notes(made, real, features) if min(made, real) <= features else []
        return [*notes, pool_note(made, real), *singular]
    made = min(len(snapshot.classes_of(task)) for task in snapshot.tasks)
    real = min(len(snapshot.held_out_part(task)) for task in snapshot.tasks)
    return notes + bias_notes(made, real, features)
