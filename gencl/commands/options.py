"""Options and parameter types that several commands share."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from gencl.core.errors import GenclError
from gencl.core.files import place

F = TypeVar("F", bound=Callable[..., Any])


class Whole(click.IntRange):
    """A whole number within a range. Without the name, click calls ``abc`` "not a valid integer range"."""

    name = "whole number"


class Number(click.FloatRange):
    """A finite number within a range."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a number", param, ctx)
        return number


class _Place(click.Path):
    """A path that expands ``~`` to the home folder, because shells do not in ``--out=~/runs``."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return super().convert(str(place(value)), param, ctx)


PATH = _Place()


def _load(ctx: click.Context, option: click.Parameter, files: tuple[str, ...]) -> None:
    from gencl.plugins import load_plugin

    for file in files:
        load_plugin(file)


plugin_option = click.option(
    "--plugin", metavar="FILE.py", multiple=True, type=PATH, callback=_load, is_eager=True, expose_value=False,
    help="Load your own methods, learners, data sets or metrics (repeatable; gencl new writes such a file).",
)  # fmt: skip


def _checked_preset(ctx: click.Context, option: click.Parameter, name: str | None) -> str | None:
    """Reject unknown names at once, before a run imports PyTorch, which takes seconds."""
    from gencl import presets

    if name is not None:
        presets.path_of(name)
    return name


def _checked_method(ctx: click.Context, option: click.Parameter, name: str | None) -> str | None:
    from gencl import methods

    if name is not None:
        methods.names_in(name)
    return name


def checked_methods(ctx: click.Context, option: click.Parameter, text: str) -> str:
    """Reject a list with unknown methods at once; return it unchanged."""
    from gencl import methods
    from gencl.runs.variants import parse_variants

    for variant in parse_variants(text):
        methods.names_in(variant.method)
    return text


def checked_analyses(ctx: click.Context, option: click.Parameter, text: str) -> list[str]:
    """Return the analyses in a comma-separated list. Raises UsageError with the nearest names for an unknown one."""
    from gencl.analysis import ANALYSES

    return [ANALYSES.check(name.strip()) for name in text.split(",") if name.strip()]


def checked_classes(ctx: click.Context, option: click.Parameter, text: str | None) -> str | None:
    """Reject a malformed list of classes at once; return it unchanged."""
    from gencl.core.several import classes

    if text is not None:
        classes(text)
    return text


def method_option(about: str) -> Callable[[F], F]:
    """Return the option ``--method``. It must follow `plugin_option`, because a plug-in may define the method."""
    return click.option("--method", metavar="NAME", callback=_checked_method, help=about)


def settings_options(command: F) -> F:
    """Add ``--preset``, ``--config`` and ``--set`` to a command."""
    for option in (
        click.option(
            "--set",
            metavar="KEY=VALUE",
            multiple=True,
            help="Change a setting (repeatable; see gencl preset show NAME).",
        ),
        click.option("--config", type=PATH, metavar="FILE", help="Read settings from a file instead of a preset."),
        click.option(
            "--preset",
            metavar="NAME",
            callback=_checked_preset,
            help="Experiment to run (gencl list presets).  [default: digits-cgan]",
        ),
    ):
        command = option(command)
    return command


device_option = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda", "mps"]),
    default="auto",
    show_default=True,
    help="Where to compute.",
)
data_root_option = click.option(
    "--data-root", type=PATH, metavar="DIR", help="Folder of the data sets.  [default: $GENCL_DATA]"
)
debug_option = click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks.")


class _Threads(Whole):
    """A number of threads, or ``auto``, which becomes None."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return None if value == "auto" else super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"{value!r} is neither auto nor a number from {self.min} to {self.max}", param, ctx)


def machine_options(command: F) -> F:
    """Add ``--data-root``, ``--device`` and ``--threads`` to a command."""
    threads = click.option(
        "--threads",
        type=_Threads(1, 1024),
        default="auto",
        show_default=True,
        metavar="N|auto",
        help="CPU threads of PyTorch. auto: one for small networks.",
    )
    return data_root_option(device_option(threads(command)))


def comparison_options(command: F) -> F:
    """Add the common options of `gencl compare` and `gencl tune`: settings, ``--jobs``, ``--dry-run`` and more."""
    jobs = click.option("--jobs", type=Whole(1, 256), metavar="N", help="Run so many at a time.  [default: 1]")
    dry_run = click.option(
        "--dry-run", is_flag=True, help="Show how many runs there are and how long they take; train nothing."
    )
    return settings_options(jobs(dry_run(machine_options(output_options(command)))))


def output_options(command: F) -> F:
    """Add ``--json`` and ``--debug`` to a command."""
    json_option = click.option("--json", "as_json", is_flag=True, help="Print only the result, as JSON.")
    return json_option(debug_option(command))


_OF_SETTINGS = {
    "--set data.broken=": "--broken ",
    "--set data.size=": "--size ",
    "--set evaluate.features=": "--features ",
}


@contextmanager
def options_for_settings(instead: Mapping[str, str] = _OF_SETTINGS) -> Iterator[None]:
    """Replace advice to change settings in GenclErrors by the command's own options, as ``instead`` maps them."""
    try:
        yield
    except GenclError as error:
        text = str(error)
        for advice, ours in instead.items():
            text = text.replace(advice, ours)
        error.args = (text,)
        raise


@contextmanager
def said_warnings() -> Iterator[None]:
    """Print warnings raised within the block as lines on standard error, at once: a later error must not hide them."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = lambda message, *_, **__: click.echo(f"gencl: {message}", err=True)
        yield


broken_option = click.option(
    "--broken",
    type=click.Choice(["refuse", "skip"]),
    default="refuse",
    show_default=True,
    help="What to do with files of a folder that are no usable images (as data.broken).",
)
