"""Resolve the settings of a run from a preset or file, the settings tuned for its method, and assignments."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from gencl.core import files, yaml_files
from gencl.core.arguments import checked
from gencl.core.assignments import Assignments, Written, parsed, read
from gencl.core.errors import UsageError
from gencl.core.part import Part, assign, check, read_yaml
from gencl.core.registry import Registry, parts_of
from gencl.core.returned import one_line
from gencl.core.settings import Settings
from gencl.plugins.needed import needed, require
from gencl.presets import DEFAULT, FOLDER, names, path_of
from gencl.presets.asides import BLOCKS, check_name, take_asides
from gencl.presets.declared import read_for, value_at
from gencl.presets.like import blocks_of


@checked
def resolve(
    preset: str | None = None,
    config: str | Path | None = None,
    method: str | None = None,
    seed: int | None = None,
    assignments: Assignments = (),
) -> Settings:
    """Return the settings of a run: those of the preset or file, then those tuned for the method, then assignments.

    ``assignments`` are texts ``"train.steps=300"`` or a mapping ``{"train.steps": 300}``. The value ``"0.5x"``
    multiplies the present value. Raises UsageError with the file or assignment, and the key, that is wrong.
    """
    source, where, tree = _source(preset, config)
    take_asides(tree, where)
    tree.setdefault("preset", source.stem)
    wanted = _parsed(assignments)
    for path, value, _ in wanted:
        if path == ["method", "name"]:
            method = _agreed("method", method, str(read(value, str) if isinstance(value, Written) else value))
        if path == ["seed"] and seed is not None:
            _agreed("seed", str(seed), str(value))
    complete = "methods" not in tree  # such as a run's config.yaml
    tuned = _tuned_settings(tree, source, where)
    tree["method"], outside = _choose_method(_method_block(tree, where), method, tuned, complete)
    for block, default in (("scenario", "split"), ("model", "cgan")):
        _choose(tree, block, default, where)
    settings = _check(tree, where)
    settings = _set(
        settings, ((key.split("."), value, f"{where}: methods.{name}.{key}") for name, key, value in outside)
    )
    settings = _set(settings, (one for one in wanted if one[0] != ["method", "name"]))
    return settings if seed is None else _check({**settings.tree(), "seed": seed}, where)


def changed(settings: Settings, assignments: Assignments) -> Settings:
    """Return the settings after assignments as in `resolve`, which must not change scenario, learner or method."""
    return _set(settings, _parsed(assignments))


def _source(preset: str | None, config: str | Path | None) -> tuple[Path, str, dict[str, Any]]:
    """Return the file of a preset or of settings, its name in messages, and its content."""
    if preset is not None and config is not None:
        raise UsageError("--preset and --config exclude each other")
    source = files.place(config) if config is not None else path_of(preset or DEFAULT)
    where = str(source) if config is not None or source.parent != FOLDER else f"preset {source.stem}"
    tree = read_yaml(source)
    check_name(tree, where)
    return source, where, tree


def default_seeds(preset: str | None = None, config: str | Path | None = None) -> str:
    """Return the seeds of a comparison by default, such as ``0-4``: as many as the preset or file sets, or ``0``."""
    _, where, tree = _source(preset, config)
    number = take_asides(tree, where)
    return f"0-{number - 1}" if number > 1 else "0"


def default_method(name: str) -> str:
    """Return the default method of a built-in preset, or "" if ``name`` is no built-in preset."""
    return str(_method_block(read_yaml(path_of(name)), name)["name"]) if name in names() else ""


def methods_of(name: str) -> list[str]:
    """Return the methods for which a preset or file has tuned settings."""
    path = path_of(name)
    return list(_tuned_settings(read_yaml(path), path, name))


def _set(settings: Settings, assignments: Iterable[tuple[Sequence[str], Any, str]]) -> Settings:
    """Return the settings after assignments (path, value, origin for messages), applied one by one. Raises UsageError
    if one is invalid, or sets train.steps although train.epochs is set."""
    steps = ""
    for path, value, where in assignments:
        tree = settings.tree()
        meant = read_for(settings, path, value, where) if isinstance(value, Written) else value
        if path[0] in ("scenario", "model") and path[-1] == "name":
            assign(tree, path[:-1], {"name": meant})
        else:
            assign(tree, path, _multiplied(settings, path, meant, where))
        settings = _check(tree, where)
        steps = where if path == ["train", "steps"] else steps
    if steps and settings.train.epochs is not None:
        raise UsageError(
            f"{steps}: these settings count passes over the images (train.epochs={settings.train.epochs:g}), not "
            "steps; set train.epochs, or set train.epochs=null beside it"
        )
    return settings


def _multiplied(settings: Settings, path: Sequence[str], value: Any, where: str) -> Any:
    """Return 1.5 times the present value for ``"1.5x"`` (integers: rounded, at least 1 unless 0), or else ``value``."""
    match = re.fullmatch(r"([+-]?(?:\d+\.?\d*|\.\d+))x", value) if isinstance(value, str) else None
    if match is None:
        return value
    try:
        present = value_at(settings, path)
    except KeyError:
        return value  # `_check` reports the unknown setting
    factor = float(match[1])
    if isinstance(present, bool) or not isinstance(present, int | float):
        raise UsageError(
            f"{where}: {value} multiplies numbers, and {'.'.join(path)} is {_shown(present)}; write a value"
        )
    if not 0 < factor < math.inf:
        raise UsageError(f"{where}: the factor must be greater than 0 and finite")
    if isinstance(present, int):
        return max(1, round(present * factor)) if present else 0
    return float(f"{present * factor:.12g}")


def _shown(value: Any) -> str:
    return "null" if value is None else repr(value)


def _agreed(what: str, given: str | None, value: str) -> str:
    """Return ``value``. Raises UsageError if another value was ``given`` elsewhere."""
    if given not in (None, value):
        raise UsageError(f"--set {'method.name' if what == 'method' else what}={value}: the {what} is {given} already")
    return value


def _parsed(assignments: Assignments) -> list[tuple[list[str], Any, str]]:
    """Return paths, values, and origins for messages (a value from Python may be a whole array, which is shortened).
    Names come first, outer before inner, since they decide which other keys exist. For a top-level block such as
    ``train``, only the keys that it names change; a block within it is replaced whole."""
    pairs = [pair for path, value in parsed(assignments) for pair in _of_block(path, value)]
    pairs.sort(key=lambda pair: len(pair[0]) if pair[0][-1] == "name" else math.inf)
    return [(path, value, f"--set {'.'.join(path)}={one_line(str(value))}") for path, value in pairs]


def _of_block(path: list[str], value: Any) -> list[tuple[list[str], Any]]:
    if len(path) > 1:
        return [(path, value)]
    if isinstance(value, Written) and value.startswith("{"):
        with suppress(ValueError):
            value = yaml_files.load(value)
    changes = [([*path, key], inner) for key, inner in value.items()] if isinstance(value, Mapping) else []
    return changes or [(path, value)]


def _tuned_settings(tree: dict[str, Any], source: Path, where: str) -> dict[str, dict[str, Any]]:
    """Remove ``methods`` from ``tree`` and return the settings tuned for each method. A tree without ``methods``, such
    as a run's config.yaml, uses those of the built-in preset that it names."""
    from gencl.methods.building import settings_of

    given = tree.pop("methods", None)
    if given is None and tree.get("preset") in names():
        source = path_of(tree["preset"])
        given = read_yaml(source).get("methods")
    blocks = blocks_of(given, source, where)
    for name, (block, place) in blocks.items():
        inner = {key: value for key, value in block.items() if "." not in str(key)}
        try:
            settings_of({"name": name, **inner}, f"{place}: methods.{name}")
        except UsageError as error:
            message = str(error)
            raise UsageError(message if message.startswith(place) else f"{place}: methods.{name}: {message}") from None
        for key in set(block) - set(inner):
            if key.split(".")[0] not in BLOCKS:
                raise UsageError(
                    f"{place}: methods.{name}.{key}: a key with a dot sets something outside the method's block, in "
                    f"{', '.join(BLOCKS)}; the method's own settings stand without a dot, such as 'lambda: 3'"
                )
    return {name: block for name, (block, _) in blocks.items()}


def _choose(tree: dict[str, Any], block: str, default: str, where: str) -> None:
    given = tree.setdefault(block, {})
    if not isinstance(given, dict):
        raise UsageError(f"{where}: {block} must be a block of settings, such as '{block}: {{name: {default}}}'")
    given.setdefault("name", default)


def _method_block(tree: dict[str, Any], where: str) -> dict[str, Any]:
    given = tree.get("method", {})
    if not isinstance(given, dict):
        raise UsageError(f"{where}: method must be a block of settings, such as 'method: {{name: anpyc}}'")
    return {**given, "name": str(given.get("name", "anpyc"))}


def _choose_method(
    block: dict[str, Any], name: str | None, tuned: dict[str, dict[str, Any]], complete: bool
) -> tuple[dict[str, Any], list[tuple[str, str, Any]]]:
    """Return the block of the method ``name``, and the settings to make outside it as (method, key, value).

    The block is the file's ``block`` if that has settings of this method, otherwise the settings tuned for it.
    A ``complete`` file already holds the outside settings of its method.
    """
    kept = name in (None, block["name"])
    if kept and set(block) - {"name"}:
        return block, []
    name = name or block["name"]
    parts = [name] if name in tuned else parts_of(name)
    outside = [(part, key, value) for part in parts for key, value in tuned.get(part, {}).items() if "." in key]
    inner = {part: {k: v for k, v in tuned.get(part, {}).items() if "." not in k} for part in parts}
    return {"name": name, **(inner[name] if len(parts) == 1 else inner)}, [] if kept and complete else outside


def _check(tree: dict[str, Any], where: str) -> Settings:
    """Validate the tree, including the blocks of scenario, learner and method, and fill in their defaults."""
    from gencl.learners import LEARNERS
    from gencl.methods.building import settings_of
    from gencl.scenarios import SCENARIOS

    settings: Settings = check(Settings, tree, where)
    require(settings.plugins, where)
    blocks = {
        "scenario": _named_block(settings.scenario, "scenario", SCENARIOS, where),
        "model": _named_block(settings.model, "model", LEARNERS, where),
        "method": settings_of(settings.method, where),
    }
    complete = {**settings.tree(), **blocks}
    return Settings.model_validate({**complete, "plugins": needed(complete)})


def _named_block(block: Mapping[str, Any], key: str, registry: Registry, where: str) -> dict[str, Any]:
    """Return the block with its defaults, validated by the ``Settings`` class of the scenario or learner it names."""
    name = block.get("name")
    if not isinstance(name, str):
        raise UsageError(f"{where}: {key}.name: name a {registry.noun}, one of: {', '.join(registry)}")
    checked: Part = check(registry.get(name).Settings, block, where, f"{key}.")
    return checked.model_dump(mode="json", by_alias=True)
