"""Pictures in folders: ``PATH/<class>/*``, ``PATH/{train,test}/<class>/*`` or ``PATH/<class>/{train,test}/*``. `TRAIN`
and `TEST` list the names allowed for the parts."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

from gencl.core.errors import UsageError
from gencl.core.files import printable
from gencl.core.settings import DataSettings
from gencl.core.waiting import say
from gencl.datasets.dataset import Dataset
from gencl.datasets.decode import KINDS, SUFFIXES, UNREAD
from gencl.datasets.dividing import divided
from gencl.datasets.pictures import read_pictures

_NO_CLASS = ("BACKGROUND_Google", "__MACOSX", "@eaDir", "$RECYCLE.BIN")
"""Folders that are no classes: Caltech-101's background pictures, and those that operating systems add."""


TRAIN = ("train", "training")
TEST = ("test", "testing", "val", "valid", "validation", "eval", "dev")
"""Names of the parts of a data set, in any case."""


@dataclass(frozen=True)
class Listing:
    """Picture files below ``root``, one sequence per class; ``test`` is None if there is no test part."""

    root: Path
    classes: tuple[str, ...]
    train: Sequence[Sequence[Path]]
    test: Sequence[Sequence[Path]] | None = None


def is_class_folder(path: Path) -> bool:
    """Return whether ``path`` holds several class folders, or a training and a test part."""
    return len(_parts(path)) > 1 or sum(bool(_loose(at) or len(_parts(at)) > 1) for at in _subfolders(path)) > 1


def require_folder(path: Path) -> None:
    """Raise UsageError if there is no such folder."""
    if not path.is_dir():
        raise UsageError(
            f"there is no folder {printable(path)}; name one whose sub-folders are classes, or a data set "
            "(gencl list datasets)"
        )


def list_folder(path: Path) -> Listing:
    """List the pictures of a folder. Sub-folders are classes, sorted by name; a folder of only pictures is one class.

    A class has every picture below its folder, at any depth (as in torchvision's ImageFolder). Links to folders are
    followed on the first level only, so that there are no circles.

    Raises UsageError if there is no such folder, or if its pictures are not arranged in this way.
    """
    require_folder(path)
    _tell_unread(path)
    parts = _read_parts(path)
    if not parts:
        return _of_classes(path, _classes(path))
    train, *test = ([folder.relative_to(part) for folder in _classes(part)] for part in parts)
    other = sorted({*train}.symmetric_difference(*test)) if test else []
    if other:
        raise UsageError(
            f"{printable(path)}: {printable(other[0])} is a class in only one of "
            f"{' and '.join(part.name for part in parts)}; both must have all classes"
        )
    return Listing(path, _names(path, train), *([pictures_below(part / folder) for folder in train] for part in parts))


def _of_classes(path: Path, folders: list[Path]) -> Listing:
    """List one folder per class; their training and test parts are kept apart if every class has both."""
    names = _names(path, folders)
    parts = {folder: _parts(folder) if folder != path and not _loose(folder) else [] for folder in folders}
    divided = [folder for folder in folders if len(parts[folder]) > 1]
    if divided == folders:
        parts = {folder: _read_parts(folder) for folder in folders}
        return Listing(path, names, *([pictures_below(parts[folder][n]) for folder in folders] for n in (0, 1)))
    if divided:
        whole = next(folder for folder in folders if folder not in divided)
        both = " and ".join(part.name for part in parts[divided[0]])
        say(
            f"warning: {printable(path)}: {printable(divided[0].name)} has {both}, but {printable(whole.name)} has not "
            "or has other pictures beside them: in all classes, training and test pictures are mixed"
        )
    return Listing(path, names, [pictures_below(folder) for folder in folders])


def one_class(path: Path, name: str) -> Listing:
    """List all pictures below a folder as one class; its training and test part, if any, are kept apart."""
    return Listing(path, (name,), *([pictures_below(part)] for part in _read_parts(path) or [path]))


def read_folder(path: Path, data: DataSettings) -> Dataset:
    """Read the pictures below ``path``. Raises the errors of `list_folder` and `read_listing`."""
    return replace(read_listing(list_folder(path), printable(path.resolve().name), data), named=False)


def read_listing(listing: Listing, name: str, data: DataSettings) -> Dataset:
    """Decode the listed pictures and return them as a data set.

    Without a test part, ``data.test`` of each class is held out for testing (`divided`).

    Raises UsageError if a class has too few pictures, or if sizes differ and ``data.size`` is not given; GenclError for
    pictures that cannot be read.
    """
    every = read_pictures(listing.root, [*listing.train, *(listing.test or ())], data)
    where = [printable(files[0].parent) for files in listing.train]
    return divided(every, name, printable(listing.root), listing.classes, where, listing.test is not None, data.test)


def _parts(path: Path) -> list[Path]:
    """Return the folders of the training and the test part; empty if sub-folders are classes.

    A training part alone counts if there is nothing else. Of several test parts, the first with the training part's
    classes is used, or else the first.
    """
    folders = _subfolders(path)
    by_name = {folder.name.lower(): folder for folder in folders}
    train = next((by_name[name] for name in TRAIN if name in by_name), None)
    tests = [by_name[name] for name in TEST if name in by_name]
    if train is None or (not tests and (len(folders) > 1 or not _subfolders(train))):
        return []
    classes = [folder.name for folder in _subfolders(train)]
    fitting = [part for part in tests if [folder.name for folder in _subfolders(part)] == classes]
    return [train, *[*fitting, *tests][:1]]


def _read_parts(path: Path) -> list[Path]:
    """Return `_parts`, with a message about other folders of pictures, which are left out."""
    parts = _parts(path)
    left = [printable(folder.name) for folder in _subfolders(path) if folder not in parts and _below(folder)]
    if parts and left:
        names = " and ".join(part.name for part in parts)
        say(f"{printable(path)}: {names} {'are' if parts[1:] else 'is'} read; left out: {', '.join(left)}")
    return parts


def _subfolders(path: Path) -> list[Path]:
    """Return the sub-folders, sorted by name, without hidden ones and links to this folder or one above it."""
    if not path.is_dir():
        return []
    here = path.resolve()
    try:
        with os.scandir(path) as entries:  # saves a system call per picture
            names = sorted(entry.name for entry in entries if _is_folder(entry) and not entry.name.startswith("."))
    except OSError as error:
        _unreadable(error)
    folders = (path / name for name in names)
    return [entry for entry in folders if entry.name not in _NO_CLASS and not here.is_relative_to(entry.resolve())]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a folder or a link to one; a link that leads in a circle is not."""
    return Path(entry.path).is_dir() if entry.is_symlink() else entry.is_dir()


def _entries(path: Path) -> list[Path]:
    try:
        return sorted(path.iterdir())
    except OSError as error:
        _unreadable(error)


def _unreadable(error: OSError) -> NoReturn:
    raise UsageError(f"{printable(error.filename)} cannot be read: {error.strerror}") from error


def is_picture(name: str) -> bool:
    """Return whether a file of this name is read: it has a supported suffix and is not hidden."""
    return name.lower().endswith(SUFFIXES) and not name.startswith(".")


def _tell_unread(path: Path) -> None:
    """Print a message if there are pictures in formats that are not supported."""
    left = [file for file in _files(path) if file.suffix.lower() in UNREAD]
    if left:
        say(
            f"{printable(path)}: {len(left):,} pictures such as {printable(left[0].relative_to(path))} are left out: "
            f"{KINDS} are read; convert them first"
        )


def _loose(folder: Path) -> list[Path]:
    """Return the pictures directly in a folder."""
    return [entry for entry in _entries(folder) if is_picture(entry.name) and not entry.is_dir()]


def _below(folder: Path) -> list[Path]:
    """Return the pictures in a folder at any depth, in the order of their names."""
    return [file for file in _files(folder) if is_picture(file.name)]


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files in a folder at any depth, in the order of their names, without hidden ones."""
    for where, folders, names in os.walk(folder, onerror=_unreadable):
        folders[:] = sorted(name for name in folders if not (name.startswith(".") or name in _NO_CLASS))
        yield from (Path(where, name) for name in sorted(names) if not name.startswith("."))


def pictures_below(folder: Path) -> list[Path]:
    """Return the pictures in a folder at any depth, in the order of their names.

    Raises UsageError if there are none.
    """
    pictures = _below(folder)
    if not pictures:
        raise UsageError(f"{printable(folder)} holds no pictures ({KINDS}); every class needs some")
    return pictures


def _classes(path: Path) -> list[Path]:
    """Return the folders of the classes: the sub-folders, or ``path`` itself if the pictures are directly in it.

    Raises UsageError if there are neither or both.
    """
    loose, subfolders = _loose(path), _subfolders(path)
    if not loose and not subfolders:
        raise UsageError(f"{printable(path)} holds neither pictures ({KINDS}) nor folders of them, one a class")
    if not loose:
        return subfolders
    also = next((folder for folder in subfolders if _below(folder)), None)
    if also is not None:
        raise UsageError(
            f"{printable(path)} holds both loose pictures ({len(loose):,}, such as {printable(loose[0].name)}) and "
            f"folders of pictures (such as {printable(also.name)}); keep one: sub-folders are classes, a folder of "
            "nothing but pictures is one class"
        )
    return [path]


def _names(path: Path, folders: list[Path]) -> tuple[str, ...]:
    """Return the class names; a class without a folder of its own gets the name of ``path``."""
    return tuple(printable((path.resolve() if folder in (path, Path()) else folder).name) for folder in folders)
