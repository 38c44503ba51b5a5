"""Draw metrics against a setting that a comparison or search varied, such as lambda (SPP fig. 4, ANPyC fig. 8).

A sweep trains once per value, so a single run has none. If several settings vary, each is drawn with the others fixed
at those of the best candidate.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gencl import presets
from gencl.analysis.figure import Drawing, canvas, colour, legend, plain, png, table
from gencl.analysis.subject import Subject
from gencl.core.errors import UsageError
from gencl.methods.serving import references
from gencl.metrics.figures import figure as figure_of
from gencl.metrics.figures import heading, is_share
from gencl.runs.variants import parse_variants

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MEASURES = (
    ("acc", "bwt", "fwt"),
    ("fid", "fid_forgetting"),
    ("reconstruction", "reconstruction_forgetting"),
    ("normalised_return", "normalised_return_forgetting"),
    ("return",),
)
"""Groups of metrics. The first group whose first metric the runs have is drawn; that metric ranks the candidates."""

Point = dict[str, Any]
"""The varied settings of a candidate, by path. Only those with numbers are drawn."""


def figures(subject: Subject, bench: object) -> list[Drawing]:
    """Draw one panel per method and varied setting. Raises UsageError if no numeric setting was varied."""
    if not subject.comparison:
        name = subject.run.settings.method["name"]
        raise UsageError(
            "a sweep needs a training for each value, so that a run alone has none; train one and analyse that: "
            + shlex.join(
                ["gencl", "tune", "--config", str(subject.path / "config.yaml"), "--methods", name, "--out", "sweep"]
            )
        )
    keys = next((group for group in _MEASURES if any(group[0] in row for row in subject.means.values())), None)
    if keys is None:
        raise UsageError(f"{subject.path}: its runs have none of {', '.join(group[0] for group in _MEASURES)}")
    panels = []
    for method, points in _candidates(subject).items():
        for path in dict.fromkeys(path for _, point in points for path in point):
            if len(chosen := _line(points, path, subject, keys[0])) > 1:
                panels.append((method, path, chosen))
    if not panels:
        raise UsageError(
            f"{subject.path}: no setting with numbers was varied; for example gencl compare --methods "
            "anpyc:method.lambda=0.1,anpyc:method.lambda=1,anpyc:method.lambda=10, or gencl tune"
        )
    measures = [key for key in keys if any(key in row for row in subject.means.values())]
    parts = [part for part in (measures[:1], measures[1:]) if part]  # the ranking metric above, the others beneath
    across = min(3, len(panels))
    down = -(-len(panels) // across)
    figure, axes = canvas(
        f"Sensitivity to settings: {subject.name}", [1.0] * across, 2.5 * down * len(parts) + 0.7, down * len(parts)
    )
    rows = []
    for number, (method, path, labels) in enumerate(panels):
        values = {label: point[path] for label, point in labels.items()}
        measured = {key: [_mean(subject, label, key) for label in labels] for part in parts for key in part}
        for depth, part in enumerate(parts):
            place = axes[number // across * len(parts) + depth, number % across]
            found = {key: measured[key] for key in part}
            _draw(place, list(values.values()), found, keys.index(part[0]), subject.features)
            plain(place, f"{method}: {path}" if depth == 0 else "")
            bounds = [_mean(subject, label, keys[0])[0] for label in references()]
            for bound in bounds if depth == 0 else ():
                if bound is not None:
                    _draw_baseline(place, keys[0], bound, subject.features)
        rows += [
            [method, path, value, label, key, *spreads[i], _runs(subject, label, key)]
            for key, spreads in measured.items()
            for i, (label, value) in enumerate(values.items())
        ]
    for number in range(len(panels), across * down):
        for depth in range(len(parts)):
            axes[number // across * len(parts) + depth, number % across].set_visible(False)
    legend(figure, axes.flat)
    said = ", ".join(f"{path} of {method} at {len(labels)} values" for method, path, labels in panels)
    header = ["method", "setting", "value", "variant", "measure", "mean", "std", "n"]
    return [Drawing("sensitivity", png(figure), {"sensitivity": table(header, rows)}, said)]


def _candidates(subject: Subject) -> dict[str, list[tuple[str, Point]]]:
    """Return the variants of each method with the settings that any of its variants assigns.

    A setting that a variant does not assign has its value from the preset.
    """
    variants = {label: parse_variants(label)[0] for label in subject.runs}
    paths: dict[str, list[str]] = {}
    for variant in variants.values():
        for assignment in variant.assignments:
            path = assignment.partition("=")[0].strip()
            if path not in paths.setdefault(variant.method, []):
                paths[variant.method].append(path)
    candidates: dict[str, list[tuple[str, Point]]] = {}
    for label, variant in variants.items():
        settings = next(iter(subject.runs[label].values())).settings
        point = {}
        for path in paths.get(variant.method, []):
            try:
                point[path] = _number(presets.value_at(settings, path.split(".")))
            except KeyError:
                continue
        if point:
            candidates.setdefault(variant.method, []).append((label, point))
    return candidates


def _number(value: Any) -> Any:
    """Return a list of equal numbers (such as the widths of hidden layers) as that number, anything else unchanged."""
    return value[0] if isinstance(value, list) and value and value.count(value[0]) == len(value) else value


def _line(points: list[tuple[str, Point]], path: str, subject: Subject, key: str) -> dict[str, Point]:
    """Return the candidates on one line through the sweep, sorted by their value of ``path``.

    They differ in ``path`` alone, and have a number there. Of all such groups of two or more, it is the one with the
    best candidate.
    """
    sign = -1 if figure_of(key).better == "lower" else 1
    groups: dict[tuple[tuple[str, str], ...], dict[str, Point]] = {}
    for label, point in points:
        if isinstance(point.get(path), int | float):
            rest = tuple(sorted((other, repr(value)) for other, value in point.items() if other != path))
            groups.setdefault(rest, {})[label] = point

    def best(labels: dict[str, Point]) -> tuple[bool, float]:
        means = [_mean(subject, label, key)[0] for label in labels]
        return len(labels) > 1, max((sign * mean for mean in means if mean is not None), default=float("-inf"))

    chosen = max(groups.values(), key=best, default={})
    return dict(sorted(chosen.items(), key=lambda item: item[1][path]))


def _mean(subject: Subject, label: str, key: str) -> tuple[float | None, float]:
    """Return mean and standard deviation (0 for one seed) of a summary figure in results.json; (None, 0) if absent."""
    figure = subject.means.get(label, {}).get(key)
    return (None, 0.0) if figure is None else (figure.mean, figure.std or 0.0)


def _runs(subject: Subject, label: str, key: str) -> int:
    """Return the number of runs over which that figure is averaged."""
    figure = subject.means.get(label, {}).get(key)
    return 0 if figure is None else figure.n


def _draw(
    axes: Axes,
    values: list[float],
    measured: dict[str, list[tuple[float | None, float]]],
    first: int,
    features: Mapping[str, Any],
) -> None:
    """Draw one line per metric over the values, with bars of one standard deviation. Colours begin with ``first``."""
    for number, (key, spreads) in enumerate(measured.items()):
        scale = 100 if is_share(key) else 1
        points = [
            (x, scale * mean, scale * std) for x, (mean, std) in zip(values, spreads, strict=True) if mean is not None
        ]
        if points:
            x, means, stds = (list(part) for part in zip(*points, strict=True))
            ink = colour(first + number)
            axes.plot(x, means, color=ink, marker="o", markersize=4, linewidth=1.6, label=heading(key, features))
            if any(stds):
                axes.errorbar(x, means, stds, fmt="none", ecolor=ink, elinewidth=1.1, capsize=2.5)
    positive = [value for value in values if value > 0]
    if min(values) >= 0 and positive and max(positive) / min(positive) >= 10:
        if len(positive) == len(values):
            axes.set_xscale("log")
        else:  # a log axis with 0 placed a decade before the smallest value
            axes.set_xscale("symlog", linthresh=min(positive), linscale=1.0)
    axes.set_xticks(values, [f"{value:g}" for value in values])
    axes.minorticks_off()


def _draw_baseline(axes: Axes, key: str, value: float, features: Mapping[str, Any]) -> None:
    """Draw joint training as a dotted line, as the papers do."""
    look: dict[str, Any] = {"color": "black", "linewidth": 1.1, "linestyle": (0, (1, 1.5))}
    axes.axhline(value * (100 if is_share(key) else 1), **look, label=f"{heading(key, features)}, joint training")
