"""Data sets of the Hugging Face Hub, ``hf:OWNER/NAME``, or files that its library ``datasets`` reads, ``hf:./FOLDER``.

From version 4.0 on, the library runs no code of a data set and unpickles nothing. gencl decodes the pictures itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gencl.core.downloading import SILENT_SECONDS, refused, told
from gencl.core.errors import GenclError, UsageError
from gencl.core.extras import EXTRAS
from gencl.core.files import HUB, hub_path, printable
from gencl.core.settings import DataSettings
from gencl.core.terminal import ERRORS
from gencl.core.waiting import say
from gencl.datasets.columns import image_column, label_column, labels_of
from gencl.datasets.dataset import Dataset
from gencl.datasets.decode import Pixels, Unusable, decode
from gencl.datasets.folder import TEST, TRAIN
from gencl.datasets.rows import Rows, read_rows

if TYPE_CHECKING:
    from datasets import Dataset as Table
    from datasets import DatasetBuilder

_FORM = "write hf:OWNER/NAME, with :CONFIGURATION or @REVISION behind it where needed, or hf:./FOLDER"


def load(name: str, data: DataSettings, download: bool = True) -> Dataset:
    """Read ``hf:OWNER/NAME[:CONFIGURATION][@REVISION]`` or ``hf:./FOLDER``.

    The data set's name includes the revision that was read. Columns of images and labels are recognised by their types,
    or named by ``data.image`` and ``data.label``.

    Raises UsageError for a malformed name, or for data that are not labelled images. Raises GenclError if the data set
    is absent, is private, needs code of its own, or is neither reachable nor in the cache.
    """
    EXTRAS["datasets"].require(f"data.name={printable(name)}")
    import datasets

    datasets.logging.set_verbosity_error()  # silences long messages about reading its cache
    if not ERRORS.isatty():
        datasets.disable_progress_bars()
    builder, title = _prepared(name, download)
    train, test = _parts(title, builder)
    image = image_column(title, train.features, data.image)
    label = label_column(title, train.features, data.label)
    tables = {str(train.split): train} | ({} if test is None else {str(test.split): test})
    classes, labels = labels_of(title, label, list(tables.values()))
    if test is not None and (labels[1] < 0).any():
        say(f"{title}: its part {test.split} has no labels; a share of the training pictures is kept for testing")
        tables, labels = {str(train.split): train}, labels[:1]
    if (labels[0] < 0).any():
        raise UsageError(f"{title}: pictures of its part {train.split} have no label in {label}")
    shown = {part: table.cast_column(image, datasets.Image(decode=False)) for part, table in tables.items()}
    parts = {
        part: Rows(some, partial(_pixels, table, image))
        for (part, table), some in zip(shown.items(), labels, strict=True)
    }
    place = repr(("hf", name.partition("@")[0], image)).encode()
    key = repr((builder.cache_dir, {part: len(table) for part, table in tables.items()}))
    return read_rows(title, classes, parts, place, key, data)


def _prepared(name: str, download: bool) -> tuple[DatasetBuilder, str]:
    """Return the library's builder of the data set, downloaded, and the data set's name with its revision."""
    import datasets
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import HFValidationError

    rest = name.removeprefix(HUB)
    with told(partial(_explained, printable(name))):
        if hub_path(name):
            builder = datasets.load_dataset_builder(rest)
            builder.download_and_prepare()
            return builder, printable(f"{HUB}{Path(rest).name}")
        repository, configuration, revision = _parsed(name)
        offline, silent = constants.HF_HUB_OFFLINE or not download, False
        if not offline:
            try:  # ask once here, since the library asks five times
                about = HfApi().dataset_info(repository, revision=revision or None, timeout=SILENT_SECONDS)
                revision = about.sha or revision
            except Exception as error:
                if refused(error) or isinstance(error, HFValidationError):
                    raise
                offline = silent = True
        with _offline(offline):
            builder = datasets.load_dataset_builder(repository, configuration or None, revision=revision or None)
            builder.download_and_prepare()
        read = str(builder.hash or revision)
        if offline and not read.startswith(revision):
            why = "does not answer" if silent else "is not asked"
            raise GenclError(f"{printable(name)}: the cache holds the revision {read}, and the Hub {why}")
        if silent:
            say(f"the Hub fails or does not answer; {printable(name)} is taken from the cache")
    return builder, printable(f"{HUB}{rest.partition('@')[0]}@{read[:12]}")


def _parsed(name: str) -> tuple[str, str, str]:
    """Return repository, configuration and revision; empty if not given.

    Raises UsageError for a malformed name, or if the repository's name is also a local path.
    """
    rest, at, revision = name.removeprefix(HUB).partition("@")
    repository, colon, configuration = rest.partition(":")
    if not repository or (at and not revision) or (colon and not configuration):
        raise UsageError(f"{printable(name)} is no name of a data set on the Hub; {_FORM}")
    if Path(repository).exists():  # the library would read this path instead
        raise UsageError(f"{printable(name)}: here is a folder of this name, too; for it write hf:./{repository}")
    return repository, configuration, revision


@contextmanager
def _offline(wanted: bool) -> Iterator[None]:
    """Within the block, the libraries read only their cache if ``wanted``."""
    import datasets.config
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE = (wanted or one for one in before)
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE = before


def _parts(title: str, builder: DatasetBuilder) -> tuple[Table, Table | None]:
    """Return the training part and the test part, if any, recognised by their names as for folders."""
    by_name = {split.lower(): split for split in builder.info.splits or {}}
    train = next((by_name[name] for name in TRAIN if name in by_name), None)
    test = next((by_name[name] for name in TEST if name in by_name), None)
    if train is None and len(by_name) == 1:
        train, test = next(iter(by_name.values())), None
    if train is None:
        raise UsageError(f"{title}: none of its parts is called train; there are: {', '.join(by_name) or 'none'}")
    left = [split for split in by_name.values() if split not in (train, test)]
    if left:
        say(f"{title}: {train}{f' and {test} are' if test else ' is'} read; left out: {', '.join(left)}")
    return builder.as_dataset(train), None if test is None else builder.as_dataset(test)


def _pixels(table: Table, image: str, row: int, size: int | None) -> Pixels:
    stored = table[row][image]
    if not stored:
        raise Unusable("it has no picture")
    return decode(stored["bytes"] if stored["bytes"] is not None else Path(stored["path"]), size)


def _explained(name: str, error: Exception) -> str:
    from datasets.exceptions import DatasetNotFoundError
    from huggingface_hub.errors import GatedRepoError, HFValidationError, RepositoryNotFoundError, RevisionNotFoundError

    line: Any = " ".join(str(error).split())[:300] or type(error).__name__
    if "scripts are no longer supported" in line:
        return f"{name} needs code of its own to be read, which gencl never runs: {line}"
    if isinstance(error, HFValidationError):
        return f"{name} is no name of a data set on the Hub; {_FORM}"
    if isinstance(error, GatedRepoError):
        return f"{name} is gated: ask for access on its page on the Hub, then hf auth login"
    if isinstance(error, RevisionNotFoundError):
        return f"{name}: the data set has no such revision"
    if isinstance(error, RepositoryNotFoundError | DatasetNotFoundError):
        return f"{name}: the Hub has no such data set, or it is private (hf auth login, or $HF_TOKEN, gives a token)"
    if isinstance(error, ConnectionError):
        return f"{name} is not in the cache, and the Hub is not asked or does not answer (gencl data prepare {name})"
    return f"{name} cannot be read: {line}"
