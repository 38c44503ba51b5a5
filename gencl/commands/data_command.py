"""``gencl data``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from gencl.commands.options import PATH, broken_option, debug_option, options_for_settings, plugin_option

if TYPE_CHECKING:
    from gencl.core.cache import Entry


@click.group("data")
def command() -> None:
    """Check or fetch a data set, or look at the cache.

    \b
    Examples:
      gencl data check digits
      gencl data check ./pictures --size 64
      gencl data prepare mnist --data-root DIR
      gencl data prepare hf:OWNER/NAME
      gencl data prepare torchvision:Flowers102
      gencl data prepare ./pictures --size 64 --broken skip
      gencl data cache --clear
    """


_root = click.option("--data-root", type=PATH, metavar="DIR", help="Where data sets lie.  [default: $GENCL_DATA]")
_size = click.option(
    "--size", type=click.IntRange(4, 1024), metavar="N", help="Resize the images to NxN, as data.size does."
)


@command.command("check")
@click.argument("name")
@_root
@_size
@broken_option
@plugin_option
@debug_option
def check(name: str, data_root: str | None, size: int | None, broken: Literal["refuse", "skip"]) -> None:
    """Read a data set (or the folder at a path, such as ./pictures) whole, verify it, and say what is in it; fetches
    nothing."""
    _describe(name, data_root, size, broken, download=False)


@command.command("prepare")
@click.argument("name")
@_root
@_size
@broken_option
@plugin_option
@debug_option
def prepare(name: str, data_root: str | None, size: int | None, broken: Literal["refuse", "skip"]) -> None:
    """Fetch a data set where it is absent, and verify it; of a folder, read the pictures into the cache, where training
    with the same data.size finds them."""
    _describe(name, data_root, size, broken, download=True)


@command.command("cache")
@click.option("--clear", "clearing", is_flag=True, help="Remove what can be made again and no running process uses.")
@debug_option
def cache(clearing: bool) -> None:
    """Show what gencl keeps because it can be made again: decoded pictures, networks and features for measures.

    \b
    It lies in $GENCL_CACHE, else in the user's cache directory. Once it is larger than $GENCL_CACHE_SIZE (such as
    500MB; default 10 GB), the least recently used goes first. Downloads, such as weights, are never removed.
    """
    from gencl.core import cache
    from gencl.core.amounts import storage
    from gencl.core.folders import cache_root

    if clearing:
        removed, left = cache.clear()
        also = f"; {len(left):,} stay, which running processes use" if left else ""
        click.echo(f"{cache_root()}: removed {len(removed):,} entries of {storage(_bytes(removed))}{also}")
        return
    most, entries = cache.limit(), cache.entries()
    click.echo(f"{cache_root()}: {storage(_bytes(entries))} of at most {storage(most)} (${cache.SIZE})")
    for kind, about in cache.KINDS.items():
        some = [entry for entry in entries if entry.kind == kind]
        click.echo(f"  {kind:12}  {len(some):6,}  {storage(_bytes(some)):>10}  {about}")
    for name, kept in cache.others():
        size = storage(sum(file.stat().st_size for file in kept))
        click.echo(f"  {name:12}  {len(kept):6,}  {size:>10}  not cleared")


def _bytes(entries: Iterable[Entry]) -> int:
    return sum(entry.bytes for entry in entries)


def _describe(name: str, root: str | None, size: int | None, broken: Literal["refuse", "skip"], download: bool) -> None:
    from gencl.core.files import HUB
    from gencl.core.folders import data_root
    from gencl.core.settings import DataSettings
    from gencl.datasets.load import load_dataset

    folder: Path | None = data_root(root) if root is not None else None
    with options_for_settings():
        dataset = load_dataset(name, DataSettings(name=name, size=size, broken=broken), folder, download)
    shape = "x".join(str(side) for side in dataset.train.shape)
    shown = dataset.name if name.startswith(HUB) else name  # with the revision
    click.echo(f"{shown}: {len(dataset.train)} training and {len(dataset.test)} test images of {shape}")
    for part, split in (("train", dataset.train), ("test", dataset.test)):
        counts = split.labels.bincount(minlength=len(dataset.classes)).tolist()
        click.echo(f"  {part:5}  " + "  ".join(f"{c}: {k}" for c, k in zip(dataset.classes, counts, strict=True)))
