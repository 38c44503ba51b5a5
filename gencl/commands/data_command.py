"""The ``gencl data`` command."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from gencl.commands.options import (
    Whole,
    broken_option,
    data_root_option,
    debug_option,
    options_for_settings,
    plugin_option,
)

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


_size = click.option(
    "--size", type=Whole(4, 1024), metavar="N", help="Resize the images to N x N pixels (as data.size)."
)


@command.command("check")
@click.argument("name")
@data_root_option
@_size
@broken_option
@plugin_option
@debug_option
def check(name: str, data_root: str | None, size: int | None, broken: Literal["refuse", "skip"]) -> None:
    """Read and verify a whole data set, or a folder such as ./pictures, and say what is in it. It fetches nothing."""
    _describe(name, data_root, size, broken, download=False)


@command.command("prepare")
@click.argument("name")
@data_root_option
@_size
@broken_option
@plugin_option
@debug_option
def prepare(name: str, data_root: str | None, size: int | None, broken: Literal["refuse", "skip"]) -> None:
    """Fetch a data set unless it is there, and verify it.

    The pictures of a folder are read into the cache, where training with the same data.size finds them.
    """
    _describe(name, data_root, size, broken, download=True)


@command.command("cache")
@click.option("--clear", "clearing", is_flag=True, help="Remove all entries that no running process uses.")
@debug_option
def cache(clearing: bool) -> None:
    """Show the cache: decoded pictures, networks and features that gencl can make again.

    It is in $GENCL_CACHE, or else in the user's cache directory. If it grows beyond $GENCL_CACHE_SIZE (such as 500MB;
    default 10 GB), gencl removes the least recently used entries. It never removes downloads, such as weights.
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
    shown = dataset.name if name.startswith(HUB) else name  # includes the revision
    click.echo(f"{shown}: {len(dataset.train)} training and {len(dataset.test)} test images of {shape}")
    for part, split in (("train", dataset.train), ("test", dataset.test)):
        counts = split.labels.bincount(minlength=len(dataset.classes)).tolist()
        click.echo(f"  {part:5}  " + "  ".join(f"{c}: {k}" for c, k in zip(dataset.classes, counts, strict=True)))
