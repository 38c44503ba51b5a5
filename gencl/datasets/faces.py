"""Faces, photographed (CelebA: Liu et al. 2015, "Deep learning face attributes in the wild") or drawn; one class each.

Neither data set is downloaded. <http://mmlab.ie.cuhk.edu.hk/projects/CelebA.html> links to CelebA's Google Drive. The
files are ``Img/img_align_celeba.zip`` and ``Eval/list_eval_partition.txt``, for non-commercial research only. Drawn
faces are crawled collections, whose pictures belong to their artists: "Anime Face Dataset" on Kaggle (64,000 crops), or
the face folders in public repositories of anime GANs.
"""

from __future__ import annotations

from pathlib import Path

from torchvision.datasets import CelebA

from gencl.core.errors import GenclError
from gencl.core.files import printable
from gencl.core.folders import data_root
from gencl.datasets.folder import Listing, one_class
from gencl.datasets.official import verify

PARTITION = "list_eval_partition.txt"
_TRAIN, _TEST = "0", "2"
"""Parts of CelebA. Its validation part, 1, is omitted: ``data.validation`` is taken from the training part."""


def load_celeba(root: Path | None = None, download: bool = True) -> Listing:
    """List the faces of ``ROOT/celeba`` or ``ROOT/celeba_faces``, at any depth, as one class.

    With ``ROOT/celeba/img_align_celeba`` and `PARTITION` beside it, CelebA's own split is used.
    """
    return read(CelebA, root)


def load_anime(root: Path | None = None, download: bool = True) -> Listing:
    """List the faces of ``ROOT/anime`` or ``ROOT/anime_faces``, at any depth, as one class.

    Raises GenclError if neither folder exists.
    """
    root = root or data_root()
    folder = _folder(root, ("anime", "anime_faces"))
    if folder is None:
        raise GenclError(
            f"anime is not in {root}: looked for pictures in {root / 'anime'} and {root / 'anime_faces'}; put drawn "
            "faces there, such as Kaggle's Anime Face Dataset, or name your own folder in scenario.domains"
        )
    return one_class(folder, "anime")


def read(kind: type[CelebA], root: Path | None) -> Listing:
    """List CelebA's pictures. ``kind`` holds the md5 of the partition list; there is none for the unpacked pictures.

    Raises GenclError if there are no files, if the list is damaged, or if pictures that it names are missing.
    """
    root = root or data_root()
    folder = root / CelebA.base_folder
    if (folder / "img_align_celeba").is_dir() and (folder / PARTITION).is_file():
        verify("celeba", folder / PARTITION, next(md5 for _, md5, name in kind.file_list if name == PARTITION))
        return _partitioned(folder)
    loose = _folder(root, (CelebA.base_folder, "celeba_faces"))
    if loose is None:
        raise GenclError(
            f"celeba is not in {root}: looked for pictures in {folder} and {root / 'celeba_faces'}; it lies on Google "
            f"Drive, which asks for a browser: fetch img_align_celeba.zip and {PARTITION} from "
            f"http://mmlab.ie.cuhk.edu.hk/projects/CelebA.html and unpack the zip in {folder}, the list beside it"
        )
    return one_class(loose, "face")


def _folder(root: Path, names: tuple[str, ...]) -> Path | None:
    return next((root / name for name in names if (root / name).is_dir()), None)


def _partitioned(folder: Path) -> Listing:
    images = folder / "img_align_celeba"
    parts = dict(line.split() for line in (folder / PARTITION).read_text().splitlines() if line.strip())
    there = {path.name for path in images.iterdir()}
    missing = [name for name in parts if name not in there]
    if missing:
        raise GenclError(
            f"{printable(images)} lacks {len(missing):,} of the {len(parts):,} pictures of {PARTITION}, such as "
            f"{missing[0]}; unpack img_align_celeba.zip again, or take {PARTITION} away to use what is there"
        )
    train, test = ([images / name for name, part in parts.items() if part == wanted] for wanted in (_TRAIN, _TEST))
    return Listing(folder, ("face",), [train], [test])
