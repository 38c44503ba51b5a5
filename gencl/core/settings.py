"""What a run is told: one resolved tree of settings, from a preset or a file plus ``--set KEY=VALUE``.

Every wrong key or value becomes one `UsageError` that names where it stands, what is wrong and what would be right.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic_core import ErrorDetails

from gencl.core import yaml_files
from gencl.core.errors import UsageError
from gencl.core.files import absolute
from gencl.core.registry import did_you_mean


class Part(BaseModel):
    """A block of settings; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, allow_inf_nan=False)

    later: ClassVar[tuple[str, ...]] = ()
    """Settings that the first runs did not have: left out at their default, so that such a run's settings stay equal to
    what it has stored."""

    @model_serializer(mode="wrap")
    def _without_later(self, tree: SerializerFunctionWrapHandler) -> dict[str, Any]:
        found: dict[str, Any] = tree(self)
        for name in self.later:
            if name in found and getattr(self, name) == type(self).model_fields[name].default:
                del found[name]
        return found

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_for_numbers(cls, value: object) -> object:
        """Pydantic takes true for 1; here it is a mistake. No setting is a truth value so far."""
        if isinstance(value, bool) or (isinstance(value, list) and any(isinstance(item, bool) for item in value)):
            raise ValueError("true and false are no values for it")
        return value


Share = Annotated[float, Field(ge=0, lt=1)]
_BRANCH = re.compile(r"(list\[)?constrained-\w+\]?")
"""Pydantic's names for what a setting may be, where that is one number or a list of them."""


class DataSettings(Part):
    """``data.*``"""

    name: str = Field("digits", description="the data set, or the path of a folder (with a /)")
    size: int | None = Field(None, ge=4, le=1024, description="sides of the images, to which they are resized")
    channels: Literal[1, 3] | None = Field(None, description="1 makes the images grey, 3 makes them RGB")
    test: float = Field(0.2, gt=0, le=0.9, description="share kept for testing where a data set has no test part")
    validation: float = Field(0.0, ge=0, le=0.9, description="share of each class's training images kept for choosing")
    limit: int | None = Field(None, ge=2, description="at most so many training images a task")
    broken: Literal["refuse", "skip"] = Field(
        "refuse", description="what becomes of a folder's picture files that cannot be used: broken, too large or small"
    )

    @field_validator("name")
    @classmethod
    def _same_from_everywhere(cls, value: str) -> str:
        return absolute(value)


class TrainSettings(Part):
    """``train.*``"""

    steps: int = Field(200, ge=1, le=10**9, description="optimiser steps a task, pruning stages included")
    epochs: float | None = Field(None, gt=0, le=10**6, description="passes over a task's images, instead of steps")
    first: float = Field(
        1.0, gt=0, le=1000, description="factor on the first task's steps: all starts there from nothing"
    )
    batch_size: int = Field(32, ge=1, le=65_536, description="samples a step, over all processes")
    optimizer: Literal["adam", "sgd"] = "adam"
    lr: float = Field(1e-3, gt=0, description="learning rate at the start of a task")
    shared_lr: float = Field(
        1.0, ge=0, le=1, description="factor on the rate of shared parameters from the second task on"
    )
    lr_flat: float = Field(0.6, ge=0, le=1, description="share of a task's steps before the rate falls linearly")
    lr_end: float = Field(0.1, ge=0, le=1, description="the rate at a task's end, as a share of lr")
    average: float = Field(
        0.0,
        ge=0,
        le=1,
        description="share of a stage's steps whose parameters are averaged at its end; 0: none",
    )
    precision: Literal["float32", "bf16"] = Field(
        "float32", description="what the networks of a step compute in; parameters and losses stay float32"
    )
    compile: Literal["no", "yes"] = Field("no", description="whether the networks of a step are compiled first")
    betas: tuple[Share, Share] = Field((0.5, 0.99), description="Adam's")
    momentum: float = Field(0.9, ge=0, lt=1, description="SGD's")
    log_every: int = Field(50, ge=1, description="steps between lines of log.jsonl")
    checkpoint_every: int = Field(500, ge=1, description="steps between checkpoints within a task")

    @field_validator("compile", mode="before")
    @classmethod
    def _yaml_reads_yes_and_no_as_truth_values(cls, value: object) -> object:
        return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value


_ACCELERATION = ("precision", "compile")
"""Of ``train.*``; where none is asked for, a run's settings are those of a gencl that had none."""


class EvaluateSettings(Part):
    """``evaluate.*``"""

    samples: int = Field(1000, ge=2, le=10**6, description="generated images a task")
    split: Literal["test", "validation"] = Field("test", description="real images to compare with")
    features: str = Field("auto", description="feature extractor: auto (what suits the data), a name, or none")
    also: tuple[str, ...] = Field((), description="further extractors: FID and KID in their features, at the end")

    later = ("also",)


class Added(Part):
    """An entry of ``extend``: a task that came after the scenario's own. A plain text is its ``data``."""

    data: str = Field(min_length=1, description="a data set, or the path of a folder (with a /): all its classes")
    train: dict[str, Any] = Field({}, description="what of train.* differs for this task")

    @model_validator(mode="before")
    @classmethod
    def _data_alone(cls, value: object) -> object:
        return {"data": value} if isinstance(value, str) else value


class Settings(Part):
    """All settings of a run; ``scenario``, ``model`` and ``method`` are checked by what they name.

    ``extend`` names the tasks that a run learned once it had finished (`gencl.extend`), in order. A run that starts
    with them learns as if it had been extended one by one. ``plugins`` says from where what is named here, and is not
    of gencl, comes (`gencl.plugins.needed`); it follows from the rest.
    """

    preset: str = Field(
        "custom", pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$", max_length=80, description="name of the experiment"
    )
    seed: int = Field(0, ge=0, lt=2**63)
    data: DataSettings = DataSettings()
    scenario: dict[str, Any] = Field(default_factory=lambda: {"name": "split"})
    model: dict[str, Any] = Field(default_factory=lambda: {"name": "cgan"})
    method: dict[str, Any] = Field(default_factory=lambda: {"name": "anpyc"})
    train: TrainSettings = TrainSettings()
    evaluate: EvaluateSettings = EvaluateSettings()
    extend: tuple[Added, ...] = ()
    keep: Literal["model", "tasks"] = Field(
        "model",
        description="what a run keeps of the learner: the trained model, or it after every task (gencl analyze)",
    )
    plugins: dict[str, list[str]] = {}

    @model_validator(mode="after")
    def _trains_as_added_tasks_want(self) -> Settings:
        self.train_of(len(self.extend))
        return self

    def train_of(self, tasks: int) -> list[TrainSettings]:
        """``train`` as it is for each of so many tasks, the last of which are those of ``extend``."""
        run = self.train.model_dump(mode="json")
        added = [check(TrainSettings, {**run, **task.train}, "extend", "train.") for task in self.extend]
        return [self.train] * (tasks - len(added)) + added

    def before(self, tasks: int) -> Settings:
        """The settings before the last ``tasks`` of ``extend`` were added."""
        return self.model_copy(update={"extend": self.extend[: len(self.extend) - tasks]})

    def tree(self) -> dict[str, Any]:
        """Plain values, ready for YAML and JSON; without ``plugins``, which decides nothing."""
        unset = dict.fromkeys(_at_default(self, ("extend", "keep")), True)
        train = _at_default(self.train, _ACCELERATION)
        return self.model_dump(mode="json", by_alias=True, exclude={"plugins": True, **unset, "train": train})

    def to_yaml(self) -> str:
        """All of it, as config.yaml holds it."""
        plugins = {"plugins": self.plugins} if self.plugins else {}
        return yaml.safe_dump({**self.tree(), **plugins}, sort_keys=False, allow_unicode=True)


def _at_default(part: Part, names: Sequence[str]) -> set[str]:
    """Those of these settings that are as they are where nothing is said."""
    return {name for name in names if getattr(part, name) == type(part).model_fields[name].default}


def check(kind: type[Part], values: object, where: str, prefix: str = "") -> Any:
    """Validates ``values`` as ``kind``. Raises UsageError naming ``where`` and the key, with the nearest names."""
    if not isinstance(values, Mapping):
        raise UsageError(f"{where}: {prefix.rstrip('.') or 'the file'} must be a block of settings, not {values!r}")
    try:
        return kind.model_validate(dict(values))
    except ValidationError as error:
        first = _telling(error.errors())
        path = [str(part) for part in first["loc"] if not _BRANCH.fullmatch(str(part))]
        key = prefix + ".".join(path)
        if first["type"] == "extra_forbidden":
            known = [prefix + ".".join([*path[:-1], name]) for name in _keys(kind, path[:-1])]
            raise UsageError(f"{where}: no setting is called {key}{did_you_mean(key, known)}") from None
        message = str(first["msg"]).removeprefix("Value error, ")
        if first["type"] in ("model_type", "dict_type"):
            message = "must be a block of settings"
        given = "" if not path else f" (it is {_short(first['input'])})"
        raise UsageError(f"{where}: {key.rstrip('.')}: {message[0].lower()}{message[1:]}{given}") from None


def _telling(errors: Sequence[ErrorDetails]) -> ErrorDetails:
    """The first error; of a setting that may be one number or a list of them, that of the kind which was given."""
    same = [error for error in errors if error["loc"][:1] == errors[0]["loc"][:1]]
    return next((error for error in same if not error["type"].endswith("_type")), errors[0])


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _keys(kind: type[BaseModel], path: Sequence[str]) -> list[str]:
    for name in path:
        found = kind.model_fields[name].annotation
        if not (isinstance(found, type) and issubclass(found, BaseModel)):
            return []
        kind = found
    return [field.alias or name for name, field in kind.model_fields.items()]


def read_yaml(path: Path) -> dict[str, Any]:
    """The tree of a settings file. Raises UsageError when it cannot be read or is not a block of settings."""
    try:
        values = yaml_files.load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"there is no settings file {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from None
    except ValueError as error:
        raise UsageError(f"{path} is not valid YAML: {error}") from None
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise UsageError(f"{path} must be a block of settings such as 'train: {{steps: 200}}'")
    return values


def parse_assignment(text: str) -> tuple[list[str], Any]:
    """``"train.steps=300"`` -> (["train", "steps"], 300). Raises UsageError for anything else."""
    key, equals, value = text.partition("=")
    path = key.strip().split(".")
    if not equals or not all(path):
        raise UsageError(f"--set {text}: write KEY=VALUE, for example --set train.steps=300")
    try:
        return path, yaml_files.load(value)
    except ValueError:
        raise UsageError(f"--set {text}: {value!r} is not a value that YAML understands") from None


def assign(tree: dict[str, Any], path: Sequence[str], value: object) -> None:
    """Sets a nested key in place, making the blocks on the way."""
    for name in path[:-1]:
        if tree.get(name) is None:
            tree[name] = {}
        inner = tree[name]
        if not isinstance(inner, dict):
            raise UsageError(f"--set {'.'.join(path)}: {name} is a value, not a block of settings")
        tree = inner
    tree[path[-1]] = value
