"""What the claims about ``results/`` assert: orders beyond the spread, ties, and numbers worked out again."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from figures import RESULTS, better, figure, interval, read, value

from gencl.metrics.figures import cell
from gencl.presets import papers as paper


@dataclass(frozen=True)
class Claim:
    """Words of a page that hold as long as the check does."""

    page: str
    words: str
    check: Callable[[], Sequence[float] | None]


def _text(name: str, key: str) -> str:
    return f"{name} ({cell(key, figure(name, key))})"


def ahead(folder: str, key: str, one: str, *others: str) -> None:
    """Assert that a row is better than each of the others beyond the 95 % interval of the difference."""
    for other in others:
        a, b = _row(folder, one), _row(folder, other)
        assert better(a, b, key) is True, f"{key}: {_text(a, key)} is not ahead of {_text(b, key)}"


def tied(folder: str, key: str, *names: str) -> None:
    """Assert that each two rows have more than one seed, and that the interval of their difference contains zero."""
    for one, other in combinations((_row(folder, name) for name in names), 2):
        assert interval(one, other, key) is not None, f"{key}: one seed of {one} or {other} says nothing"
        assert better(one, other, key) is None, f"{key}: {_text(one, key)} and {_text(other, key)} are not tied"


def tied_with(folder: str, key: str, one: str, *names: str) -> None:
    """Assert that a row is tied with each of others, whatever is between these."""
    for other in names:
        tied(folder, key, one, other)


def others(folder: str, *leaders: str, single: bool = False) -> list[str]:
    """Return the methods of a folder without references, variants and these; ``single``: without compositions too."""
    names = [name for name in read(folder)["methods"] if ":" not in name and not (single and "+" in name)]
    return [name for name in names if name not in ("joint", "real", *leaders)]


def within(folder: str, key: str, points: float, *names: str) -> list[float]:
    """Assert that rows are at most this far from joint training, in the table's unit; return the bound."""
    for name in names:
        gap = abs(value(f"{folder}/joint", key) - value(f"{folder}/{name}", key))
        assert gap <= points, f"{key}: {folder}/{name} is {gap:.3g} from joint training"
    return [points]


def every(checks: Iterable[None]) -> None:
    """Run several assertions."""
    for _ in checks:
        pass


def _row(folder: str, name: str) -> str:
    return name if "/" in name else f"{folder}/{name}"


# --- what the claims are about ----------------------------------------------------------------------------------------

CONSOLIDATING = ("ewc", "ewc-online", "si", "mas", "spp", "anpyc")
FIRST, ALL = "fid_first_half", "fid"
CLASSIFIERS = ("split-mnist", "permuted-mnist")
BEHIND = ("ewc", "mas", "anpyc", "sgd")
EIGHT = ("xdg+si", "packnet", *CONSOLIDATING)
LENET = "60.0 times fewer weights at 98.89 %"


def lenet() -> list[float]:
    """Return LeNet's weights left, all of them, how many times fewer, and the accuracy in per cent."""
    pruned = read("lenet-pruning")["methods"]["anpyc:method.prune=[80,70,50,40,10]:method.last=prune"]
    with (RESULTS / "lenet-pruning" / "learning-stages.csv").open(encoding="utf-8") as file:
        (left,) = {int(row["shared_parameters_not_zero"]) for row in csv.DictReader(file) if row["number"] == "6"}
    shared = pruned["shared"]["mean"]
    return [left, shared, shared / left, 100 * pruned["acc"]["mean"]]


def lenet_published() -> list[float]:
    """Return the paper's compression and accuracy in per cent."""
    table = paper.lenet()
    return [table["compressed"][-1], table["accuracy"][-1]]


def wide() -> list[float]:
    """Return the accuracy of CLNP's wide network in per cent, ours and the paper's."""
    row = paper.published("permuted-mnist-wide", "clnp") or {}
    return [100 * read("permuted-mnist-wide", "metrics.json")["summary"]["acc"], 100 * row["acc"]]


def lead(folder: str, method: str, other: str) -> float:
    """Return by how many points a method is ahead of another in accuracy, where it is ahead."""
    ahead(folder, "acc", method, other)
    return value(f"{folder}/{method}", "acc") - value(f"{folder}/{other}", "acc")


def random_is_behind() -> list[float]:
    """Assert that pruning random weights is behind ANPyC on split and permuted MNIST; return by how much there."""
    lead("split-mnist", "anpyc", "anpyc:method.score=random")
    return [lead("permuted-mnist", "anpyc", "anpyc:method.score=random")]


def packnet_among_those_that_consolidate() -> None:
    """Assert that on permuted MNIST it is tied with xdg+si and ewc-online, and ahead of the others that consolidate."""
    tied_with("permuted-mnist", "acc", "packnet", "xdg+si", "ewc-online")
    ahead("permuted-mnist", "acc", "packnet", *(name for name in CONSOLIDATING if name != "ewc-online"))


def rates(search: str, low: float, high: float, gain: float, spread: float) -> list[float]:
    """Assert that a higher rate gained more than so many points for each method that consolidates, whose best scores at
    it are within a spread; return the numbers."""
    methods = read(search, "tune.json")["methods"]
    best = {
        name: {
            rate: max(100 * c["score"] for c in methods[name]["search"] if c["settings"]["train.lr"] == rate)
            for rate in (low, high)
        }
        for name in CONSOLIDATING
    }
    assert all(of[high] - of[low] > gain for of in best.values()), best
    assert max(of[high] for of in best.values()) - min(of[high] for of in best.values()) <= spread, best
    return [low, high, gain, high, spread]


def published_is_behind(folder: str, method: str) -> None:
    """Assert that a paper's mean is below ours by more than both standard deviations."""
    ours, theirs = figure(f"{folder}/{method}", "acc"), read(folder)["paper"][method]
    assert theirs["acc"] + theirs["acc_std"] < ours["mean"] - ours["std"], (ours, theirs)


def sgd_f_is_copied() -> None:
    """Assert that two published rows are the same."""
    rows = read("split-mnist")["paper"]
    assert all(rows["sgd-f"][key] == rows["finetune"][key] for key in ("acc", "bwt")), rows


def consolidating_tie(folder: str, *keys: str) -> None:
    """Assert that the three consolidating methods of the generators' tables are tied."""
    for key in keys:
        tied(folder, key, "anpyc", "mas", "ewc")


def mas_order(folder: str) -> None:
    """Assert that mas is ahead of ewc over all classes, and anpyc tied with both."""
    ahead(folder, ALL, "mas", "ewc")
    tied_with(folder, ALL, "anpyc", "mas", "ewc")


def forgets_most(folder: str, one: str, but: str) -> None:
    """Assert that a method forgets more than every other one, except one."""
    for other in (name for name in others(folder, one, but) if name not in ("joint", "real")):
        ahead(folder, "fid_forgetting", other, one)


def aligned_lead(folder: str, *behind: str) -> None:
    """Assert that align and anpyc+align are tied over all classes, and ahead of the rest."""
    tied(folder, ALL, "align", "anpyc+align")
    for one in ("align", "anpyc+align"):
        ahead(folder, ALL, one, *(behind or others(folder, "align", "anpyc+align")))


def both_ahead(folder: str, key: str, *behind: str) -> None:
    """Assert that anpyc and mas are tied and ahead of these."""
    tied(folder, key, "anpyc", "mas")
    for one in ("anpyc", "mas"):
        ahead(folder, key, one, *behind)


def ahead_in(folder: str, keys: Sequence[str], one: str, *behind: str) -> None:
    """Assert that a row is ahead of these, or of every other method, in each of the figures."""
    for key in keys:
        ahead(folder, key, one, *(behind or others(folder, one)))


def longer_is_better() -> None:
    """Assert that every method of mnist-cgan-2000 is better there than with each seed of the preset's steps."""
    for one in (name for name in read("mnist-cgan-2000")["methods"] if name != "real"):
        assert value(f"mnist-cgan-2000/{one}", ALL) < min(read("mnist-cgan")["methods"][one][ALL]["values"])


def above_the_floor() -> list[float]:
    """Return the floor of real images, and how far align and anpyc+align are from it, as multiples of joint training's
    distance."""
    floor, joint = value("mnist-cgan/real", FIRST), value("mnist-cgan/joint", FIRST)
    ours = (value(f"mnist-cgan/{one}", FIRST) for one in ("align", "anpyc+align"))
    return [floor, *((one - floor) / (joint - floor) for one in ours)]


def averages() -> None:
    """Assert that averaging helps joint training on both presets."""
    average = "joint:train.average=0.2"
    ahead("mnist-cgan-400", ALL, f"mnist-cgan-average/{average}", "joint")
    ahead("split-mnist-cgan", ALL, average, "joint")


def no_forward_transfer(folder: str) -> None:
    """Assert that no method that consolidates has a positive mean FWT."""
    values = {name: value(f"{folder}/{name}", "fwt") for name in CONSOLIDATING}
    assert max(values.values()) <= 0, values


def worst_of_ablation(variant: str) -> None:
    """Assert that a variant has at least twice the FD and the forgetting of every other one: there is one seed."""
    for key in (FIRST, ALL, "fid_forgetting"):
        rows = (name for name in read("mnist-cgan-ablation")["methods"] if name != "real")
        values = {name: value(f"mnist-cgan-ablation/{name}", key) for name in rows}
        worst = values.pop(variant)
        assert worst > 2 * max(values.values()), f"{key}: {variant} {worst}, others {values}"


def in_no_order(folder: str, key: str, one: str) -> None:
    """Assert that a row is tied with every other method, each by itself."""
    for other in others(folder, one):
        tied(folder, key, one, other)
