"""Tuned settings of methods in a preset, including those that it takes over from another preset."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gencl.core.errors import UsageError
from gencl.core.part import read_yaml
from gencl.presets import path_of

LIKE = "like"
"""The key of ``methods`` that names the other preset. No method may have this name."""


def taken_over(path: Path) -> dict[str, Any]:
    """Return the settings that a file takes over through ``like``, by method. Raises UsageError as `resolve` does."""
    given = read_yaml(path).get("methods")
    return {name: block for name, (block, where) in blocks_of(given, path, str(path)).items() if where != str(path)}


def blocks_of(
    given: Any, source: Path, where: str, asking: tuple[Path, ...] = ()
) -> dict[str, tuple[dict[str, Any], str]]:
    """Return, by method, the block of settings and the name of the preset or file that holds it.

    Args:
        given: the value of ``methods`` in the file ``source``. Its key ``like`` names a preset, or a file beside
            ``source``, whose blocks are used for methods that ``source`` does not list.
        where: the name of ``source`` in messages.
        asking: the files that led here through ``like``, to detect circles.

    Raises UsageError for anything but blocks of settings, an unknown preset, or a circle.
    """
    given = {} if given is None else given
    asking = (*asking, source.resolve())
    liked_blocks: dict[str, tuple[dict[str, Any], str]] = {}
    if isinstance(given, dict) and LIKE in given:
        name = given[LIKE]
        if not isinstance(name, str):
            raise UsageError(f"{where}: methods.{LIKE}: name the preset whose settings of methods hold here too")
        try:
            liked = source.parent / path_of(name)
            if liked.resolve() in asking:
                circle = " -> ".join(path.stem for path in (*asking, liked.resolve()))
                raise UsageError(f"the presets lead in a circle: {circle}")
            liked_blocks = blocks_of(read_yaml(liked).get("methods"), liked, name, asking)
        except UsageError as error:
            raise UsageError(f"{where}: methods.{LIKE}: {error}") from None
        given = {name: block for name, block in given.items() if name != LIKE}
    if not isinstance(given, dict) or not all(isinstance(block, dict) for block in given.values()):
        raise UsageError(f"{where}: methods must be blocks of settings, such as 'methods: {{ewc: {{lambda: 3}}}}'")
    return {**liked_blocks, **{str(name): (block, where) for name, block in given.items()}}
