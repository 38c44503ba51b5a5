"""Record an episode of a trained player as an animation."""

from __future__ import annotations

import colorsys
from pathlib import Path

import numpy as np
from PIL import Image

from gencl.core.errors import UsageError
from gencl.core.files import place
from gencl.drawing.grids import save_animation
from gencl.learners.capabilities import PLAYER
from gencl.runs.build import make_scenario
from gencl.runs.folder import RunFolder
from gencl.scenarios.episodes import scores
from gencl.scenarios.game import Game, Observation
from gencl.scenarios.play import games_of
from gencl.scenarios.task import Task
from gencl.uses.targets import check_target

SCALE = 16
"""Width in pixels of one cell of the game."""
FRAME_MS = 60
"""How long each frame is shown, in milliseconds."""
MOST = 1000
"""The animation shows at most this many frames, the first ones: a good player's episode need not end."""


def play(run: RunFolder, game: str | None, out: str | Path, seed: int) -> float:
    """Play an episode, write it as a GIF, and return its score; see `gencl.Run.play`."""
    path = place(out)
    check_target("--out", path, ".gif")
    learner = run.learner()
    if PLAYER.of(learner) is None:
        raise UsageError(f"{run.path} holds a {type(learner).__name__}, which plays no games")
    if not (run.path / "config.yaml").is_file():
        raise UsageError(f"{run.path} holds a model alone; a game needs the settings of a run that gencl train wrote")
    task, played = _task(run, game)
    frames: list[Image.Image] = []

    def watch(seen: Observation) -> None:
        if len(frames) < MOST:
            frames.append(picture(seen))

    (score,) = scores(played, PLAYER(learner), task.classes[0], 1, seed, "play", played.name, watch=watch)
    save_animation(frames, path, grey=False, each=FRAME_MS)
    return score


def _task(run: RunFolder, name: str | None) -> tuple[Task, Game]:
    """Return the first task that has the game with this name (default: the first game), and the game.

    Raises UsageError if no task has the game.
    """
    tasks = [task for task in make_scenario(run.settings, None).tasks if task.weight]
    games = {game.name: (task, game) for task in reversed(tasks) for game in games_of(task)}
    if name is None:
        return tasks[0], games_of(tasks[0])[0]
    if name not in games:
        raise UsageError(f"--game {name}: {run.path} has learned {', '.join(sorted(games))}")
    return games[name]


def picture(seen: Observation) -> Image.Image:
    """Return an observation (h, w, c) as an image with one colour per channel; the last active channel wins."""
    channels = seen.shape[2]
    hues = [colorsys.hsv_to_rgb(channel / channels, 0.65, 1) for channel in range(channels)]
    colours = np.array([(0.0, 0.0, 0.0), *hues])
    last = (seen * np.arange(1, channels + 1)).max(axis=2)
    small = Image.fromarray((255 * colours[last]).astype(np.uint8))
    return small.resize((seen.shape[1] * SCALE, seen.shape[0] * SCALE), Image.Resampling.NEAREST)
