"""What players score on each game after each visit, beside players of one game and random ones.

python -m benchmarks.visits COMPARISON --single FOLDER,FOLDER --out OUT writes OUT.csv and OUT.md.

COMPARISON is a folder of `gencl compare` with runs of several games; each FOLDER is one with runs of one game. Runs
that are not finished are left out. A share is 0 for a random player and 100 % for the mean player of one game; it is
left out for a game that the latter does not play better than a random one.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from benchmarks.random_players import random_scores
from gencl.core import files
from gencl.core.errors import GenclError
from gencl.metrics.figures import cell
from gencl.reports.significance import of_seeds
from gencl.runs.folder import RunFolder
from gencl.runs.variants import cell_folder, parse_variants


class Score(NamedTuple):
    """A player's score on a game after some visits."""

    method: str
    seed: int
    visits: int
    game: str
    score: float


def played(comparison: Path) -> Iterator[Score]:
    """The scores of every run of a comparison, in the order of the visits."""
    results = json.loads((comparison / "results.json").read_text())
    for label, seed in product(results["methods"], results["seeds"]):
        run = RunFolder(cell_folder(comparison, parse_variants(label)[0], seed))
        if not run.finished:
            continue
        metrics = run.metrics
        if metrics.get("boundaries", {"attributed": 1})["attributed"] < 1:
            raise GenclError(f"{run.path}: an inferred task is no single game where frames were attributed wrongly")
        games = [_game(name, run.settings.scenario["games"]) for name in metrics["tasks"]]
        for row, scores in enumerate(metrics["matrices"]["return"]):
            for game in dict.fromkeys(games[: row + 1]):
                yield Score(label, seed, row + 1, game, scores[games.index(game)])


def _game(task: str, games: list[str]) -> str:
    """The game of a task by its name. Inferred tasks are numbered in the order in which the games came."""
    first, *rest = task.split(" ")
    return games[int(rest[0]) - 1] if first == "inferred" else first


def main(comparison: Path, single: list[Path], out: Path) -> None:
    """Writes both files."""
    scores = list(played(comparison))
    games = list(dict.fromkeys(one.game for one in scores))
    alone = {game: [one.score for path in single for one in played(path) if one.game == game] for game in games}
    chance = {game: fmean(random_scores(game)) for game in games}

    def share(game: str, score: float) -> float | None:
        best = fmean(alone[game]) if alone[game] else chance[game]
        return (score - chance[game]) / (best - chance[game]) if best > chance[game] else None

    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow([*Score._fields, "share"])
    table.writerows([*one, share(one.game, one.score)] for one in scores)
    files.write(out.with_suffix(".csv"), text.getvalue())

    def told(found: list[float], game: str = "") -> str:
        part = share(game, fmean(found)) if game else None
        return cell("return", of_seeds(found) if found else None) + ("" if part is None else f" ({100 * part:.0f} %)")

    methods = list(dict.fromkeys(one.method for one in scores))
    lines = [
        "| after visit | game | " + " | ".join(f"`{method}`" for method in methods) + " |",
        "| --- | --- |" + " ---: |" * len(methods),
    ]
    for visits, game in dict.fromkeys((one.visits, one.game) for one in sorted(scores, key=lambda one: one.visits)):
        found = [
            [one.score for one in scores if (one.method, one.visits, one.game) == (method, visits, game)]
            for method in methods
        ]
        lines.append(f"| {visits} | {game} | " + " | ".join(told(each, game) for each in found) + " |")
    lines += ["", "| game | player of one game | random player |", "| --- | ---: | ---: |"]
    lines += [f"| {game} | {told(alone[game])} | {told([chance[game]])} |" for game in games]
    files.write(out.with_suffix(".md"), "\n".join(lines) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("comparison", type=Path)
    parser.add_argument("--single", type=lambda text: [Path(part) for part in text.split(",")], default=[])
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    main(options.comparison, options.single, options.out)
