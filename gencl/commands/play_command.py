"""The ``gencl play`` command."""

from __future__ import annotations

import click

from gencl.commands.options import PATH, Whole, debug_option, plugin_option, said_warnings


@click.command("play")
@click.argument("run", type=PATH, metavar="RUN")
@click.option("--game", metavar="NAME", help="One of the games that it has learned.  [default: the first]")
@click.option("--seed", type=Whole(0), default=0, show_default=True, metavar="N", help="Seed of the game.")
@click.option("--out", type=PATH, default="play.gif", show_default=True, metavar="FILE.gif", help="Animation.")
@plugin_option
@debug_option
def command(run: str, game: str | None, seed: int, out: str) -> None:
    """Play an episode with the trained player in RUN, write it as an animation, and print its score.

    \b
    Examples:
      gencl play runs/minatar-dqn-ewc-seed0 --game breakout
      gencl play runs/minatar-dqn-ewc-seed0 --game freeway --seed 3 --out freeway.gif
    """
    from gencl.run import load_run

    with said_warnings():
        score = load_run(run).play(game, out, seed)
    click.echo(f"score {score:g}: {out}")
