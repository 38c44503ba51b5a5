"""YAML without its traps: 1e-3 is a number, 1:30 and ``no`` are text, 010 is ten, duplicate keys are errors."""

from __future__ import annotations

import re
from collections.abc import Hashable
from copy import deepcopy
from functools import lru_cache
from typing import Any

import yaml


class _Loader(yaml.SafeLoader):
    """SafeLoader with the numbers and booleans of YAML 1.2's core schema. Dates are text, duplicate keys are errors."""

    yaml_implicit_resolvers = {  # PyYAML's own attribute
        first: [(tag, pattern) for tag, pattern in pairs if not tag.endswith((":int", ":float", ":bool", ":timestamp"))]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        own = [key for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        keys = [self.construct_object(key, deep=True) for key in own]
        twice = [key for i, key in enumerate(keys) if key in keys[:i]]
        if twice:
            raise yaml.constructor.ConstructorError(None, None, f"the key {twice[0]!r} stands twice", node.start_mark)
        return super().construct_mapping(node, deep)


def _integer(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    return int(str(loader.construct_scalar(node)))


class _Dumper(yaml.SafeDumper):
    """SafeDumper that quotes a text which YAML 1.1 or 1.2 would read as another type."""


for _kind, _pattern, _first in (
    ("int", r"[-+]?[0-9]+$", "-+0123456789"),
    (
        "float",
        r"([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$",
        "-+0123456789.",
    ),
    ("bool", r"(true|True|TRUE|false|False|FALSE)$", "tTfF"),
):
    for _side in (_Loader, _Dumper):
        _side.add_implicit_resolver(f"tag:yaml.org,2002:{_kind}", re.compile(_pattern), list(_first))
_Loader.add_constructor("tag:yaml.org,2002:int", _integer)


@lru_cache(256)
def _parsed(text: str) -> Any:
    """Parse a text. Cached, since presets are read repeatedly and PyYAML takes milliseconds each time."""
    return yaml.load(text, Loader=_Loader)


def load(text: str) -> Any:
    """Parse a YAML text and return its value. Raises ValueError with a one-line message."""
    try:
        return deepcopy(_parsed(text))
    except yaml.MarkedYAMLError as error:
        mark, what = error.problem_mark or error.context_mark, error.problem or error.context or "it is not understood"
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise ValueError(place + " ".join(what.replace("'<stream end>'", "the end").split())) from None
    except (yaml.YAMLError, RecursionError, ValueError, TypeError) as error:
        raise ValueError(" ".join(str(error).split()) or type(error).__name__) from None


def dump(value: Any, **options: Any) -> str:
    """Return a value as YAML that `load` reads back, with keys in their order; ``options`` are those of PyYAML."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, **options)
    return text
