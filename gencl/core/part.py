"""Blocks of settings: reading them from YAML and validating them, with a one-line message for each error."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    SerializerFunctionWrapHandler,
    ValidationError,
    field_validator,
    model_serializer,
)
from pydantic_core import ErrorDetails

from gencl.core import yaml_files
from gencl.core.errors import UsageError
from gencl.core.registry import did_you_mean
from gencl.core.returned import one_line
from gencl.core.synonyms import setting_meant

YesOrNo = Literal["no", "yes"]

_BRANCH = re.compile(r"(list\[)?constrained-\w+\]?")
"""Pydantic's names for the alternatives of a setting that may be a number or a list of numbers."""

_WORDS = {
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "string_type": "must be a text",
    "too_short": "has too few values",
    "too_long": "has too many values",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "model_type": "must be a block of settings",
    "dict_type": "must be a block of settings",
}
"""What a setting must be, by pydantic's name of the error."""


class Part(BaseModel):
    """A frozen block of settings. Unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, allow_inf_nan=False)

    later: ClassVar[tuple[str, ...]] = ()
    """Settings added after the first runs were stored. They are omitted when they have their default, so that the
    settings of an old run still equal what it stored."""

    @model_serializer(mode="wrap")
    def _without_later(self, tree: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = tree(self)
        for name in self.later:
            if name in values and getattr(self, name) == type(self).model_fields[name].default:
                del values[name]
        return values

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_for_numbers(cls, value: object) -> object:
        """Reject true and false, which pydantic would convert to numbers. No setting is a boolean."""
        if isinstance(value, bool) or (isinstance(value, list) and any(isinstance(item, bool) for item in value)):
            raise ValueError("true and false are no values for it")
        return value


def only_where(settings: Part, condition: str, holds: bool, names: Sequence[str]) -> None:
    """Raise ValueError if one of these settings is not its default although ``condition``, which it needs, is false."""
    for name in names:
        value = getattr(settings, name)
        if not holds and value != type(settings).model_fields[name].default:
            raise ValueError(f"{name}: {value} is read only where {condition}")


def yes_or_no(value: object) -> object:
    """Return ``"yes"`` or ``"no"`` for a boolean, which some YAML readers make of these words; else the value."""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value


def check(kind: type[Part], values: object, where: str, prefix: str = "") -> Any:
    """Validate ``values`` and return them as a ``kind``.

    Raises UsageError naming ``where`` and the key (after ``prefix``), with the nearest names for an unknown key.
    """
    if not isinstance(values, Mapping):
        raise UsageError(f"{where}: {prefix.rstrip('.') or 'the file'} must be a block of settings, not {values!r}")
    try:
        return kind.model_validate(dict(values))
    except ValidationError as error:
        first = _telling(error.errors())
        path = [str(part) for part in first["loc"] if not _BRANCH.fullmatch(str(part))]
        key = prefix + ".".join(path)
        if first["type"] == "extra_forbidden":
            keys = [prefix + ".".join([*path[:-1], name]) for name in _keys(kind, path[:-1])]
            meant = setting_meant(key)
            hint = f"; it is {meant} here" if meant else did_you_mean(key, keys)
            raise UsageError(f"{where}: no setting is called {key}{hint}") from None
        few = first["type"] == "missing" and not isinstance(first["input"], Mapping)
        block = isinstance(first["input"], Mapping) and first["type"] == "value_error"
        given = "" if block or not path else f" (it is {one_line(repr(first['input']))})"
        if first["type"] in ("list_type", "tuple_type") and isinstance(first["input"], str):
            given = f"; write [{one_line(first['input'])}]"
        key = key.removesuffix(f".{path[-1]}") if few else key
        named = f"{where}: {key.rstrip('.')}".removesuffix(": ")
        raise UsageError(f"{named}: {_WORDS['too_short'] if few else _message(first)}{given}") from None


def _message(error: ErrorDetails) -> str:
    """Return what is wrong, in our words."""
    message = str(error["msg"]).removeprefix("Value error, ").replace("Input should be", "must be")
    return _WORDS.get(error["type"], message[0].lower() + message[1:])


def _telling(errors: Sequence[ErrorDetails]) -> ErrorDetails:
    """Return the first error. For a number or a list of numbers, return the error for the form that was given."""
    same = [error for error in errors if error["loc"][:1] == errors[0]["loc"][:1]]
    return next((error for error in same if not error["type"].endswith("_type")), errors[0])


def _keys(kind: type[BaseModel], path: Sequence[str]) -> list[str]:
    for name in path:
        annotation = kind.model_fields[name].annotation
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return []
        kind = annotation
    return [field.alias or name for name, field in kind.model_fields.items()]


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the content of a settings file. Raises UsageError if it cannot be read or is not a block of settings."""
    try:
        values = yaml_files.load(text(path.read_bytes()))
    except FileNotFoundError:
        raise UsageError(f"there is no settings file {path}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not a text file") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise UsageError(f"{path} is not valid YAML: {error}") from None
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise UsageError(f"{path} must be a block of settings such as 'train: {{steps: 200}}'")
    return values


def text(content: bytes) -> str:
    """Decode a file as UTF-8, or as UTF-16 if its byte order mark says so: Windows shells write UTF-16."""
    marked = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return content.decode("utf-16" if marked else "utf-8-sig")


def assign(tree: dict[str, Any], path: Sequence[str], value: object) -> None:
    """Set a nested key in place and create missing blocks. Raises UsageError if the path leads through a value."""
    for name in path[:-1]:
        if tree.get(name) is None:
            tree[name] = {}
        inner = tree[name]
        if not isinstance(inner, dict):
            raise UsageError(f"--set {'.'.join(path)}: {name} is a value, not a block of settings")
        tree = inner
    tree[path[-1]] = value
