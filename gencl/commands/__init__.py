"""The ``gencl`` command. Each sub-command has its own file, which is imported on use."""

from __future__ import annotations

import difflib
import os
import re
import sys
import traceback
from contextlib import suppress
from importlib import import_module
from typing import NoReturn

import click

from gencl import __version__
from gencl.core.errors import GenclError
from gencl.core.launcher import check_alone, launch, main_process
from gencl.core.threads import wait_asleep

_OUT_OF_MEMORY = re.compile(r"out of memory|DefaultCPUAllocator", re.IGNORECASE)
_MEMORY_ADVICE = "out of memory; try a smaller train.batch_size, evaluate.samples, model.width or data.limit"

LONGEST_MESSAGE = 2000
"""Maximal characters of a message; longer ones lose their middle."""

COMMANDS = {
    "train": "learn a sequence of tasks and measure what is remembered",
    "sample": "draw images from a trained generator",
    "reconstruct": "draw images beside the reconstructions of a trained VAE",
    "interpolate": "draw the steps between two images, latents or classes",
    "play": "play a game with a trained player, and write it as an animation",
    "demo": "open a page in the browser to play with a trained model",
    "evaluate": "measure a trained run again, with other metrics or more samples",
    "fid": "measure FID, KID and more between two sets of images: of a run, a folder or a data set",
    "compare": "train several methods with several seeds, and show one table",
    "tune": "choose settings of methods on validation images, with the same budget for each",
    "extend": "let a finished run learn one more task",
    "analyze": "draw the papers' analysis figures: importance, similarity, drift, capacity, sensitivity, ...",
    "export": "write a run's network as ONNX or as a PyTorch program",
    "push": "publish a run's model on the Hugging Face Hub",
    "report": "write the report of a run or a comparison",
    "list": "list methods, presets, data sets, scenarios, learners, ready models, metrics",
    "new": "write a first file of your own method, learner, data set, scenario or metric, with its test",
    "preset": "show, copy or check an experiment's settings",
    "data": "check or fetch a data set, or clear the cache",
    "doctor": "check what works on this machine, and say how to fix the rest",
}

TOGETHER = ("train", "extend", "evaluate", "fid", "sample")
"""Commands that divide their work if a launcher started several processes. Others need a single process."""

INNER = ("train-seeds",)
"""Hidden commands that gencl itself starts."""


class Commands(click.Group):
    """A group that imports sub-commands on use, and suggests the nearest names for an unknown one."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in (*COMMANDS, *INNER):
            return None
        if cmd_name not in TOGETHER:
            check_alone(cmd_name)
        command: click.Command = import_module(f"gencl.commands.{cmd_name.replace('-', '_')}_command").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in (*COMMANDS, *INNER):
            near = difflib.get_close_matches(args[0], COMMANDS, n=2)
            hint = f"; did you mean {' or '.join(near)}?" if near else f"; there are: {', '.join(COMMANDS)}"
            ctx.fail(f"no command is called {args[0]!r}{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gencl")
def cli() -> None:
    """Image generators and classifiers that learn one task after another without forgetting.

    \b
    Examples:
      gencl train --method anpyc                   embedded digits, a minute, no network
      gencl train --preset mnist-cgan --data-root DIR
      gencl compare --methods sgd,anpyc,joint --seeds 0-2 --out runs/digits
      gencl extend runs/digits-cgan-anpyc-seed0 ./letters
      gencl sample runs/digits-cgan-anpyc-seed0 --classes 3,7 --out x.png
    """


def main() -> None:
    """Run the command. Every error ends in one line and an exit status: 1 failure, 2 wrong use, 130 interrupted."""
    wait_asleep(os.environ)
    debug = "--debug" in sys.argv
    if len(sys.argv) == 1:
        sys.argv.append("--help")
    try:
        launch()  # raises if the launcher's environment variables are wrong
        cli(standalone_mode=False, prog_name="gencl")
    except click.exceptions.Abort:
        _fail("stopped", 130)
    except click.UsageError as error:
        _fail(_lower_first(error.format_message()), 2)
    except click.ClickException as error:
        _fail(error.format_message(), error.exit_code)
    except click.exceptions.Exit as leave:
        sys.exit(leave.exit_code)
    except GenclError as error:
        if debug:
            traceback.print_exc()
        _fail(str(error), error.exit_status)
    except KeyboardInterrupt:
        _fail("stopped", 130)
    except BrokenPipeError:
        sys.exit(1)
    except MemoryError:
        _fail(_MEMORY_ADVICE, 1)
    except Exception as error:  # anything unexpected: a message, not a traceback
        if debug:
            traceback.print_exc()
        if isinstance(error, OSError) and error.strerror:
            _fail(f"{error.strerror}: {error.filename or 'while writing'}", 1)
        if isinstance(error, RuntimeError) and _OUT_OF_MEMORY.search(str(error)):
            _fail(_MEMORY_ADVICE, 1)
        from gencl.plugins import place_of

        kind = f"unexpected {type(error).__name__}{place_of(error)}"
        _fail(f"{kind}: {' '.join(str(error).split())[:300]} (--debug shows where)", 1)


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:].rstrip(".")


def _fail(message: str, status: int) -> NoReturn:
    """Print the message to standard error and exit.

    All processes of a launcher meet wrong use and signals, so only the main one prints these. Failures (status 1) are
    printed by every process.
    """
    if len(message) > LONGEST_MESSAGE:  # it may quote long input
        message = f"{message[: LONGEST_MESSAGE // 2]} ... {message[-LONGEST_MESSAGE // 2 :]}"
    with suppress(OSError, ValueError):  # standard error may be closed
        if main_process():
            click.echo(f"gencl: {message}", err=True)
        elif status == 1:
            click.echo(f"gencl (process {launch().rank}): {message}", err=True)
    sys.exit(status)
