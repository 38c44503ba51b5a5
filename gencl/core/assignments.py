"""Parse ``--set KEY=VALUE`` and ``set={...}`` into paths of settings and values of each setting's type.

The value of a text setting is taken literally: YAML would read ``./photos #2`` as ``./photos`` and a comment.
All other values are parsed as YAML.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from types import NoneType, UnionType
from typing import Any, TypeAlias, Union, get_args, get_origin

from gencl.core import yaml_files
from gencl.core.errors import UsageError
from gencl.core.files import printable

Assignments: TypeAlias = Mapping[str, Any] | Sequence[str] | str
"""``{"train.steps": 300}``, ``["train.steps=300"]`` or ``"train.steps=300"``."""

_ITEM = re.compile(r"""\s*("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^,]*?)\s*(?:,|$)""")
"""An item of a list of texts, quoted or not, up to the comma."""


class Written(str):
    """A value as typed by the user; `read` converts it to the type of its setting."""


def parsed(assignments: Assignments) -> list[tuple[list[str], Any]]:
    """Return the path and value of each assignment. Values given as ``KEY=VALUE`` texts are `Written`.

    Raises UsageError for a malformed assignment or a value that is not valid UTF-8.
    """
    if isinstance(assignments, Mapping):
        pairs = [(str(key), _plain(value)) for key, value in assignments.items()]
    else:
        pairs = [_divided(text) for text in ([assignments] if isinstance(assignments, str) else assignments)]
    for key, value in pairs:
        if not all(key.split(".")):
            raise UsageError(
                f"--set {printable(key)}={printable(str(value))}: write KEY=VALUE, for example --set train.steps=300"
            )
        if isinstance(value, str) and not value.isascii() and not _is_utf8(value):
            raise UsageError(
                f"--set {printable(key)}={printable(value)}: is no UTF-8, which settings are kept in; rename the file "
                "or folder, or give it a link with a plain name"
            )
    return [(key.split("."), value) for key, value in pairs]


def together(*some: Assignments) -> list[str]:
    """Join assignments of any form into one list of ``KEY=VALUE`` texts."""
    texts = []
    for assignments in some:
        for path, value in parsed(assignments):
            texts.append(f"{'.'.join(path)}={value if isinstance(value, Written) else written(value)}")
    return texts


def _divided(text: object) -> tuple[str, Written]:
    key, equals, value = text.partition("=") if isinstance(text, str) else ("", "", "")
    if not equals:
        raise UsageError(f"--set {text}: write KEY=VALUE, for example --set train.steps=300")
    return key.strip(), Written(value.strip())


def _plain(value: Any) -> Any:
    """Convert a Python value to the form of a settings file: paths become text, arrays and tuples become lists."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(value, "tolist"):  # arrays of NumPy and PyTorch
        return value.tolist()
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def read(text: Written, wanted: Any) -> Any:
    """Convert a text to a value for a setting of the type ``wanted``. Raises ValueError if it is not valid YAML.

    For text settings the text is taken literally, without enclosing quotes. So are the items of a list of texts.
    """
    kinds = _alternatives(wanted)
    if NoneType in kinds and text in ("null", "~"):
        return None
    if str in kinds:
        return _unquoted(text)
    of_texts = any(get_origin(kind) in (list, tuple) and get_args(kind)[0] is str for kind in kinds)
    if of_texts and text.startswith("[") and text.endswith("]"):
        items = _ITEM.findall(text[1:-1])
        return [_unquoted(item) for item in items[: len(items) - (not items[-1])]]
    return yaml_files.load(text)


def written(value: Any) -> str:
    """Return a value as text that `read` converts back, without quotes if possible."""
    if isinstance(value, str) and value == value.strip():
        try:
            if yaml_files.load(value) == value:
                return value
        except ValueError:
            pass
    return json.dumps(value, ensure_ascii=False)


def _alternatives(wanted: Any) -> list[Any]:
    """Return the types that a setting may have: the members of a union, or the type itself."""
    return list(get_args(wanted)) if get_origin(wanted) in (Union, UnionType) else [wanted]


def _unquoted(text: str) -> str:
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
    return str(yaml_files.load(text)) if quoted else text
