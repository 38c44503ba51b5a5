"""Fetch models ``hf:OWNER/NAME`` from the Hugging Face Hub into its cache. Nothing is ever unpickled."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath

from huggingface_hub import HfApi, constants, hf_hub_download, utils
from huggingface_hub.errors import (
    GatedRepoError,
    HFValidationError,
    LocalEntryNotFoundError,
    LocalTokenNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from gencl.core.downloading import SILENT_SECONDS, refused, status_of, told
from gencl.core.errors import GenclError, UsageError
from gencl.core.files import printable
from gencl.core.waiting import say

PREFIX = "hf:"
CARD, WEIGHTS = "model.json", "model.safetensors"
OTHERS = ("metrics.json", "README.md", "samples.png")
"""Optional files of a repository, fetched if it has them. No other files are fetched."""
PICKLES = (".bin", ".ckpt", ".joblib", ".pickle", ".pkl", ".pt", ".pth")
_TOKEN = "hf auth login, or $HF_TOKEN, gives one"


def parsed(name: str) -> tuple[str, str]:
    """Return the repository and the revision in ``[hf:]OWNER/NAME[@REVISION]``. Raises UsageError for other forms."""
    repository, _, revision = name.removeprefix(PREFIX).partition("@")
    try:
        if not re.fullmatch(r"[^/\s]+/[^/\s]+", repository) or ("@" in name and not revision):
            raise HFValidationError
        utils.validate_repo_id(repository)
    except HFValidationError:
        raise UsageError(f"{printable(name)} is no name on the Hub; write {PREFIX}OWNER/NAME") from None
    return repository, revision or "main"


def fetch(name: str) -> Path:
    """Return the folder of a model's files, downloaded if they are not in the cache.

    Only JSON, safetensors, and the model card with its picture are downloaded. Raises UsageError for a malformed name,
    GenclError if the model is absent, private, not from gencl, or neither reachable nor in the cache.
    """
    repository, revision = parsed(name)
    with told(partial(explained, name)), bars_on_terminals():
        try:
            held = _held(repository, revision)
        except Exception as error:
            card = None if refused(error) else _cached(repository, revision)
            if card is None:
                raise
            if not constants.HF_HUB_OFFLINE:
                say(f"the Hub fails or does not answer; {name} is taken from the cache")
            return card.parent
        for needed in (CARD, WEIGHTS):
            if needed not in held:
                raise _lacks(name, needed, held)
        card = Path(hf_hub_download(repository, CARD, revision=revision))
        for other in (WEIGHTS, *OTHERS):
            if other in held:
                hf_hub_download(repository, other, revision=card.parent.name)
    return card.parent


def _held(repository: str, revision: str) -> list[str]:
    """Return the names of a repository's files, as the Hub lists them."""
    info = HfApi().model_info(repository, revision=revision, timeout=SILENT_SECONDS)
    return [one.rfilename for one in info.siblings or []]


def _cached(repository: str, revision: str) -> Path | None:
    """Return the path of a cached model's ``model.json``, or None if card or weights are not in the cache."""
    try:
        card = Path(hf_hub_download(repository, CARD, revision=revision, local_files_only=True))
    except LocalEntryNotFoundError:
        return None
    return card if (card.parent / WEIGHTS).is_file() else None


def _lacks(name: str, file: str, held: Sequence[str]) -> GenclError:
    """Return the error for a repository that lacks a file which a model needs."""
    pickled = [one for one in held if PurePosixPath(one).suffix in PICKLES]
    if pickled:
        return GenclError(f"{name} has no {file}, only pickles ({pickled[0]}), which gencl never opens")
    return GenclError(f"{name} is no model of gencl: it has no {file}")


def explained(name: str, error: BaseException) -> str:
    """Return a message for the user about an error of huggingface_hub."""
    causes: list[BaseException] = [error]
    while (cause := causes[-1].__cause__) is not None and cause not in causes:
        causes.append(cause)
    status = next(filter(None, map(status_of, causes)), 0)
    if any(isinstance(one, OfflineModeIsEnabled) for one in causes):
        return f"{name} is not in the cache, and $HF_HUB_OFFLINE forbids to ask the Hub"
    if isinstance(error, GatedRepoError):
        return f"{name} is gated: ask for access on its page on the Hub"
    if isinstance(error, RepositoryNotFoundError):
        return f"there is no {name}, or it is private and your token does not open it ({_TOKEN})"
    if isinstance(error, RevisionNotFoundError):
        return f"{name} has no such revision"
    if isinstance(error, LocalTokenNotFoundError):
        return f"{name}: the Hub asks for a token; {_TOKEN}"
    if status == 401:
        return f"{name}: the Hub does not accept your token; {_TOKEN}"
    if status == 403:
        return f"{name}: your token may not do this; it needs the permission to write to {name.removeprefix(PREFIX)}"
    reason = (str(causes[-1]).strip().splitlines() or [type(causes[-1]).__name__])[0]
    return f"{name}: the Hub cannot be reached, or it failed: {reason[:200]}"


@contextmanager
def bars_on_terminals() -> Iterator[None]:
    """Show progress bars of downloads within the block only on a terminal."""
    if sys.stderr.isatty() or utils.are_progress_bars_disabled():
        yield
        return
    utils.disable_progress_bars()
    try:
        yield
    finally:
        utils.enable_progress_bars()
