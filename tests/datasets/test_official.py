"""Loaders of official files, on tiny files of the same formats; the md5 check stands, with the tiny files' own sums."""

from __future__ import annotations

import gzip
import hashlib
import pickle
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.io import savemat
from torchvision.datasets import CIFAR10, CIFAR100, STL10, SVHN

from gencl.core.errors import GenclError
from gencl.datasets import caltech101, cifar, mnist, notmnist, stl10, svhn
from gencl.datasets.official import attempt

RANDOM = np.random.default_rng(0)


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def write(path: Path, content: object) -> tuple[str, str]:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content))
    return path.name, md5(path)


def batch(n: int, classes: int, key: str) -> dict[str, Any]:
    labels = [i % classes for i in range(n)]
    return {"data": RANDOM.integers(0, 256, (n, 3072), dtype=np.uint8), key: labels}


def tiny_cifar(root: Path, base: type[Any], key: str, names_key: str, classes: int, batches: int) -> type[Any]:
    folder = root / base.base_folder
    train = [write(folder / f"part{i}", batch(2 * classes, classes, key)) for i in range(batches)]
    test = [write(folder / "held-out", batch(classes, classes, key))]
    name, value = write(folder / "names", {names_key: [f"class {i}" for i in range(classes)]})
    meta = {"filename": name, "key": names_key, "md5": value}
    return type("Tiny", (base,), {"train_list": train, "test_list": test, "meta": meta})


def test_cifar10(tmp_path: Path) -> None:
    kind = tiny_cifar(tmp_path, CIFAR10, "labels", "label_names", 10, 5)
    data = cifar.read(kind, "cifar10", tmp_path, False)
    assert len(data.train) == 100 and len(data.test) == 10 and data.classes[9] == "class 9"
    stored = pickle.loads((tmp_path / "cifar-10-batches-py" / "part0").read_bytes())
    assert torch.equal(data.train.images[:20].flatten(1), torch.from_numpy(stored["data"]))


def test_cifar100(tmp_path: Path) -> None:
    kind = tiny_cifar(tmp_path, CIFAR100, "fine_labels", "fine_label_names", 100, 1)
    data = cifar.read(kind, "cifar100", tmp_path, False)
    assert data.train.shape == (3, 32, 32) and data.test.labels.tolist() == list(range(100))


def test_pickles_with_another_md5_are_not_opened(tmp_path: Path) -> None:
    tiny_cifar(tmp_path, CIFAR100, "fine_labels", "fine_label_names", 100, 1)
    folder = tmp_path / "cifar-100-python"
    for name, old in (("train", "part0"), ("test", "held-out"), ("meta", "names")):
        (folder / old).rename(folder / name)
    trap = tmp_path / "opened"
    (folder / "meta").write_bytes(f"cos\nmkdir\n(V{trap}\ntR.".encode())
    with pytest.raises(GenclError, match=r"train is damaged: its md5 is .* not 16019d7e3df5f24257cddd939b257f8d"):
        cifar.load_cifar100(tmp_path, False)
    kind = tiny_cifar(tmp_path, CIFAR100, "fine_labels", "fine_label_names", 100, 1)
    (folder / "names").write_bytes((folder / "meta").read_bytes())
    with pytest.raises(GenclError, match="names is damaged"):
        cifar.read(kind, "cifar100", tmp_path, False)
    assert not trap.exists()


@pytest.mark.parametrize("place", ["svhn", "."])
def test_svhn(tmp_path: Path, place: str) -> None:
    folder = tmp_path / place
    folder.mkdir(exist_ok=True)
    images, table = {}, {}
    for part, n in (("train", 12), ("test", 5)):
        images[part] = RANDOM.integers(0, 256, (32, 32, 3, n), dtype=np.uint8)
        file = folder / f"{part}_32x32.mat"
        savemat(file, {"X": images[part], "y": np.arange(n)[:, None] % 10 + 1})  # 10 stands for the digit 0
        table[part] = ["", file.name, md5(file)]
    kind = type("Tiny", (SVHN,), {"split_list": table})
    data = svhn.read(kind, tmp_path, False)
    assert data.train.labels.tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2] and len(data.test) == 5
    assert torch.equal(data.train.images[3], torch.from_numpy(images["train"][:, :, :, 3]).permute(2, 0, 1))


def test_stl10(tmp_path: Path) -> None:
    folder = tmp_path / "stl10_binary"
    images = RANDOM.integers(0, 256, (4, 3, 96, 96), dtype=np.uint8)  # each channel column by column
    files = [
        write(folder / f"{part}_{what}.bin", content)
        for part in ("train", "test")
        for what, content in (("X", images.tobytes()), ("y", bytes([1, 10, 3, 2])))
    ]
    kind = type("Tiny", (stl10.Labelled,), {"train_list": files[:2], "test_list": files[2:]})
    data = stl10.read(kind, tmp_path, False)
    assert data.train.labels.tolist() == [0, 9, 2, 1] and data.classes[9] == "truck"
    assert torch.equal(data.test.images, torch.from_numpy(images).transpose(2, 3))


def test_the_md5_of_what_is_read_are_the_official_ones() -> None:
    assert stl10.Labelled.train_list == STL10.train_list[:2] and stl10.Labelled.test_list == STL10.test_list


@pytest.mark.data
def test_fashion_mnist_packed_or_not(data_root: Path, tmp_path: Path) -> None:
    data = mnist.load_fashion(data_root)
    assert data.classes[0] == "T-shirt/top" and data.reader is None
    assert data.train.labels.bincount().tolist() == [6000] * 10
    raw = tmp_path / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for name in mnist.UNPACKED_FASHION_MD5:
        packed = (data_root / "FashionMNIST" / "raw" / f"{name}.gz").read_bytes()
        (raw / name).write_bytes(gzip.decompress(packed))
    assert mnist.load_fashion(tmp_path, False).test.fingerprint() == data.test.fingerprint()


@pytest.mark.parametrize(
    ("load", "expected"),
    [
        (mnist.load_fashion, "FashionMNIST/raw for train-images-idx3-ubyte.gz"),
        (cifar.load_cifar10, "cifar-10-batches-py for data_batch_1"),
        (cifar.load_cifar100, "cifar-100-python for train, test, meta"),
        (svhn.load, "svhn for train_32x32.mat, test_32x32.mat"),
        (stl10.load, "stl10_binary for train_X.bin"),
        (caltech101.load, r"caltech101/101_ObjectCategories for CLASS/\*.jpg"),
        (notmnist.load, "notMNIST_small"),
    ],
)
def test_absent_files_are_named_and_nothing_is_left(load: Any, expected: str, tmp_path: Path) -> None:
    with pytest.raises(GenclError, match=expected):
        load(tmp_path, download=False)
    assert not any(tmp_path.iterdir())


def test_a_download_that_fails_leaves_nothing(tmp_path: Path) -> None:
    kind = type(
        "Unreachable",
        (SVHN,),
        {"split_list": {part: [f"http://127.0.0.1:9/{part}", f"{part}_32x32.mat", "0"] for part in ("train", "test")}},
    )  # nothing listens there
    with pytest.raises(GenclError, match="svhn is absent and cannot be downloaded"):
        svhn.read(kind, tmp_path, True)
    assert not any(tmp_path.iterdir())


def test_one_process_at_a_time_downloads_and_none_removes_what_another_has(tmp_path: Path) -> None:
    """The second waits for the first, finds what it wanted, and does not fetch it; one that fails leaves the rest."""
    made, began, fetched = tmp_path / "root" / "set", threading.Event(), []

    def first() -> None:
        began.set()
        made.mkdir()
        time.sleep(0.3)
        (made / "images").write_bytes(b"1")

    def get(download: Callable[[], object]) -> None:
        there = (made / "images").is_file
        attempt("set", made.parent, made, download, True, "look elsewhere", there)

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(get, first)
        began.wait()
        get(lambda: fetched.append("twice"))
        waiting.result()
    assert not fetched and (made / "images").is_file()

    def failing() -> None:
        raise OSError("no network")

    with pytest.raises(GenclError, match="other is absent and cannot be downloaded \\(no network\\)"):
        attempt("other", made.parent, made.parent / "other", failing, True, "look elsewhere", lambda: False)
    assert (made / "images").is_file()
    with pytest.raises(GenclError, match="cannot be downloaded"):  # as torchvision's sets, which make the root
        attempt("other", made.parent, made.parent, failing, True, "look elsewhere", lambda: False)
    assert (made / "images").is_file()
    with pytest.raises(GenclError, match="cannot be downloaded"):
        attempt("new", tmp_path / "new", tmp_path / "new" / "set", failing, True, "look elsewhere", lambda: False)
    assert not (tmp_path / "new").exists()
