"""Read JSON files and validate them against a pydantic model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from gencl.core.errors import GenclError

Document = TypeVar("Document", bound=BaseModel)


def read(path: Path, kind: type[Document]) -> tuple[Document, dict[str, Any]]:
    """Return a validated document and its plain content.

    Raises GenclError, with one line of text, if the file is missing, damaged, altered, or of another schema version.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        version = content.get("schema", 1) if isinstance(content, dict) else 1
        if version != 1:
            raise GenclError(
                f"{path} is of schema {version}, and this gencl reads schema 1; use the version that wrote it"
            )
        return kind.model_validate(content), content
    except FileNotFoundError:
        raise GenclError(f"{path} is missing; a run that was interrupted goes on with gencl train --resume") from None
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise GenclError(f"{path} is damaged: {key}{': ' if key else ''}{first['msg']}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise GenclError(f"{path} cannot be read: {error}") from error
