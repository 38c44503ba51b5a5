"""Experiments by name: one YAML file each, whose first comment is the command that runs it.

Beside the keys of `gencl.settings.Settings` a preset has ``about``, one line about it, and ``methods``, the settings
that were found for each method on this experiment (``methods: {ewc: {lambda: 3}}``).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gencl.errors import UsageError
from gencl.registry import did_you_mean
from gencl.settings import Settings, assign, check, parse_assignment, read_yaml

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
    assignments: Sequence[str] = (),
) -> Settings:
    """The settings of a run: the preset's (or the file's), then the method's found ones, then what was set by hand.

    Raises UsageError that names the file or the ``--set`` and the key.
    """
    source = Path(config) if config is not None else path_of(preset or DEFAULT)
    where = str(source) if config is not None or source.parent != FOLDER else f"preset {source.stem}"
    tree = read_yaml(source)
    tree.pop("about", None)
    found = _found_settings(tree, where)
    tree.setdefault("preset", source.stem)
    tree["method"] = _choose_method(tree.get("method", {}), method, found, where)
    for text in assignments:
        path, value = parse_assignment(text)
        assign(tree, path, value)
        where = f"--set {text}"
        _check(tree, where)
    if seed is not None:
        tree["seed"] = seed
    return _check(tree, where)


def _found_settings(tree: dict[str, Any], where: str) -> dict[str, Any]:
    """What is known to suit each method: of this file, or of the built-in preset that a run's config.yaml names."""
    found = tree.pop("methods", None)
    if found is None and tree.get("preset") in names():
        found = read_yaml(path_of(tree["preset"])).get("methods")
    found = found or {}
    if not isinstance(found, dict) or not all(isinstance(block, dict) for block in found.values()):
        raise UsageError(f"{where}: methods must be blocks of settings, such as 'methods: {{ewc: {{lambda: 3}}}}'")
    return found


def _choose_method(given: Any, name: str | None, found: dict[str, Any], where: str) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise UsageError(f"{where}: method must be a block of settings, such as 'method: {{name: anpyc}}'")
    if name is None or name == given.get("name"):
        name = str(given.get("name", "anpyc"))
        if len(given) > 1:  # a resolved config: it already holds everything
            return dict(given)
    parts = name.split("+")
    if len(parts) == 1:
        return {"name": name, **found.get(name, {})}
    return {"name": name, **{part: dict(found.get(part, {})) for part in parts}}


def _check(tree: dict[str, Any], where: str) -> Settings:
    """Validates the tree, the learner's and the method's blocks with it, and fills in their defaults."""
    from gencl.methods import settings_of
    from gencl.models import LEARNERS

    settings: Settings = check(Settings, tree, where)
    name = settings.model.get("name")
    if not isinstance(name, str):
        raise UsageError(f"{where}: model.name: name a learner, one of: {', '.join(LEARNERS)}")
    model = check(LEARNERS.get(name).Settings, settings.model, where, "model.")
    method = settings_of(settings.method, where)
    tree = {**settings.tree(), "model": model.model_dump(mode="json", by_alias=True), "method": method}
    return Settings.model_validate(tree)
