"""Experiments by name: one YAML file each, whose first comment is the command that runs it.

Beside the keys of `gencl.settings.Settings` a preset has ``about``, one line about it, and ``methods``, the settings
that were found for each method on this experiment (``methods: {ewc: {lambda: 3}}``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gencl.errors import UsageError
from gencl.registry import Registry, did_you_mean
from gencl.settings import Part, Settings, assign, check, parse_assignment, read_yaml

FOLDER = Path(__file__).parent
DEFAULT = "digits-cgan"


def names() -> list[str]:
    """The built-in presets, the default first."""
    return sorted((path.stem for path in FOLDER.glob("*.yaml")), key=lambda name: (name != DEFAULT, name))


def path_of(name: str) -> Path:
    """The file of a built-in preset, or ``name`` itself if it is a file. Raises UsageError with the nearest names."""
    if name in names():
        return FOLDER / f"{name}.yaml"
    if name.endswith((".yaml", ".yml")):
        return Path(name)
    raise UsageError(f"no preset is called {name!r}{did_you_mean(name, names())}")


def about(name: str) -> str:
    """One line about a preset."""
    return str(read_yaml(path_of(name)).get("about", ""))


def resolve(
    preset: str | None = None,
    config: str | Path | None = None,
    method: str | None = None,
    seed: int | None = None,
    assignments: Sequence[str] | Mapping[str, Any] = (),
) -> Settings:
    """The settings of a run: the preset's (or the file's), then the method's found ones, then what was set by hand.

    ``assignments`` are texts ``"train.steps=300"`` or a mapping ``{"train.steps": 300}``. Raises UsageError naming the
    file or the assignment and the key.
    """
    source = Path(config) if config is not None else path_of(preset or DEFAULT)
    where = str(source) if config is not None or source.parent != FOLDER else f"preset {source.stem}"
    tree = read_yaml(source)
    tree.pop("about", None)
    tree.setdefault("preset", source.stem)
    found = _found_settings(tree, where)
    tree["method"] = _choose_method(tree.get("method", {}), method, found, where)
    for block, default in (("scenario", "split"), ("model", "cgan")):
        _choose(tree, block, default, where)
    settings = _check(tree, where)
    for path, value in _parsed(assignments):
        where = f"--set {'.'.join(path)}={value}"
        if path == ["method", "name"]:
            tree["method"] = _choose_method(tree["method"], str(value), found, where)
        elif path in (["scenario", "name"], ["model", "name"]):
            tree[path[0]] = {"name": value}
        else:
            assign(tree, path, value)
        settings = _check(tree, where)
    if seed is not None:
        settings = _check({**tree, "seed": seed}, where)
    return settings


def _parsed(assignments: Sequence[str] | Mapping[str, Any]) -> list[tuple[list[str], Any]]:
    """Paths and values, names of scenarios, methods and models first: they decide which other keys there are."""
    if isinstance(assignments, Mapping):
        pairs = [(key.split("."), value) for key, value in assignments.items()]
    else:
        pairs = [parse_assignment(text) for text in assignments]
    return sorted(pairs, key=lambda pair: pair[0][1:] != ["name"])


def _found_settings(tree: dict[str, Any], where: str) -> dict[str, Any]:
    """What is known to suit each method: of this file, or of the built-in preset that a run's config.yaml names."""
    from gencl.methods import METHODS, settings_of

    found = tree.pop("methods", None)
    if found is None and tree.get("preset") in names():
        found = read_yaml(path_of(tree["preset"])).get("methods")
    found = found or {}
    if not isinstance(found, dict) or not all(isinstance(block, dict) for block in found.values()):
        raise UsageError(f"{where}: methods must be blocks of settings, such as 'methods: {{ewc: {{lambda: 3}}}}'")
    for name, block in found.items():
        if name not in METHODS:
            raise UsageError(f"{where}: methods.{name}: no method is called {name!r}{did_you_mean(str(name), METHODS)}")
        settings_of({"name": name, **block}, f"{where}: methods.{name}")
    return found


def _choose(tree: dict[str, Any], block: str, default: str, where: str) -> None:
    given = tree.setdefault(block, {})
    if not isinstance(given, dict):
        raise UsageError(f"{where}: {block} must be a block of settings, such as '{block}: {{name: {default}}}'")
    given.setdefault("name", default)


def _choose_method(given: Any, name: str | None, found: dict[str, Any], where: str) -> dict[str, Any]:
    """The block of the method ``name``: what stands in the file if it is the file's own, else what was found for it."""
    if not isinstance(given, dict):
        raise UsageError(f"{where}: method must be a block of settings, such as 'method: {{name: anpyc}}'")
    own = str(given.get("name", "anpyc"))
    if name in (None, own) and set(given) - {"name"}:
        return {**given, "name": own}
    name = name or own
    parts = name.split("+")
    if len(parts) == 1:
        return {"name": name, **found.get(name, {})}
    return {"name": name, **{part: dict(found.get(part, {})) for part in parts}}


def _check(tree: dict[str, Any], where: str) -> Settings:
    """Validates the tree, the blocks of scenario, learner and method with it, and fills in their defaults."""
    from gencl.methods import settings_of
    from gencl.models import LEARNERS
    from gencl.scenarios import SCENARIOS

    settings: Settings = check(Settings, tree, where)
    blocks = {
        "scenario": _named_block(settings.scenario, "scenario", SCENARIOS, where),
        "model": _named_block(settings.model, "model", LEARNERS, where),
        "method": settings_of(settings.method, where),
    }
    return Settings.model_validate({**settings.tree(), **blocks})


def _named_block(block: Mapping[str, Any], key: str, registry: Registry, where: str) -> dict[str, Any]:
    """The block with its defaults, checked by the ``Settings`` of what it names."""
    name = block.get("name")
    if not isinstance(name, str):
        raise UsageError(f"{where}: {key}.name: name a {registry.noun}, one of: {', '.join(registry)}")
    checked: Part = check(registry.get(name).Settings, block, where, f"{key}.")
    return checked.model_dump(mode="json", by_alias=True)
