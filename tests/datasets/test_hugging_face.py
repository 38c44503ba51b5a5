"""Data sets as the library ``datasets`` reads them: local Parquet files, folders and shards; nothing is fetched."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import gencl
from gencl.core.errors import GenclError, UsageError
from gencl.core.settings import DataSettings
from gencl.datasets.dataset import Dataset
from gencl.datasets.load import load_dataset
from tests.conftest import tiny
from tests.datasets.test_folder import fill, noise

datasets = pytest.importorskip("datasets", reason="the extra datasets is not installed")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path) -> Path:
    """A cache of the test's own for the library."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "home")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    return tmp_path / "home"


def png(seed: int, *shape: int) -> dict[str, Any]:
    buffer = io.BytesIO()
    noise(seed, *(shape or (8, 8, 3))).save(buffer, "PNG")
    return {"bytes": buffer.getvalue(), "path": None}


def parquet(path: Path, label: Any, columns: dict[str, list[Any]], part: str = "train", **more: Any) -> Path:
    """A Parquet file with a column ``image``, one of labels, and others."""
    path.mkdir(parents=True, exist_ok=True)
    images = [png(seed + 100 * (part != "train")) for seed in range(len(next(iter(columns.values()))))]
    features = datasets.Features({"image": datasets.Image(), **label})
    datasets.Dataset.from_dict({"image": images, **columns}, features=features).to_parquet(path / f"{part}.parquet")
    return path


def read(path: Path, **data: Any) -> Dataset:
    return load_dataset(f"hf:{path}", DataSettings(**data))


CATS_AND_DOGS = {"label": datasets.ClassLabel(names=["cat", "dog"])}


def test_a_parquet_file_gives_its_pictures_and_the_names_of_its_classes(tmp_path: Path) -> None:
    path = parquet(tmp_path / "own", CATS_AND_DOGS, {"label": [0, 1] * 6})
    parquet(path, CATS_AND_DOGS, {"label": [0, 1, 1]}, part="test")
    found = read(path)
    assert found.name == "hf:own" and found.classes == ("cat", "dog")
    assert found.train.shape == (3, 8, 8) and found.train.labels.tolist() == [0] * 6 + [1] * 6
    assert found.test.labels.tolist() == [0, 1, 1]
    of_cats = {np.asarray(noise(seed, 8, 8, 3)).tobytes() for seed in range(0, 12, 2)}
    cats = found.train.images[:6].permute(0, 2, 3, 1).contiguous().numpy()
    assert {image.tobytes() for image in cats} == of_cats


def test_it_is_decoded_once_and_shares_of_classes_are_kept_for_testing(tmp_path: Path, cache: Path) -> None:
    path = parquet(tmp_path / "own", CATS_AND_DOGS, {"label": [0, 1] * 10})
    found = read(path, size=4, channels=1)
    (file,) = cache.iterdir()
    made = file.stat().st_mtime_ns, file.stat().st_ino
    again = read(path, size=4, channels=1)
    assert (file.stat().st_mtime_ns, file.stat().st_ino) == made and again.train.store.on_disk
    assert found.train.shape == (1, 4, 4) and found.test.labels.tolist() == [0, 0, 1, 1]
    assert found.test.fingerprint() == again.test.fingerprint()


def test_a_folder_of_pictures_is_what_gencl_makes_of_it(tmp_path: Path) -> None:
    for name in ("left", "right"):
        fill(tmp_path / "own" / "train" / name, range(len(name), len(name) + 9), (8, 8, 3))
        fill(tmp_path / "own" / "test" / name, range(50 + len(name), 52 + len(name)), (8, 8, 3))
    library, ours = read(tmp_path / "own"), load_dataset(str(tmp_path / "own"), DataSettings())
    assert library.classes == ours.classes
    assert torch.equal(library.train.images, ours.train.images) and torch.equal(library.test.images, ours.test.images)


def shard(path: Path, entries: dict[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for name, content in entries.items():
            about = tarfile.TarInfo(name)
            about.size = len(content)
            tar.addfile(about, io.BytesIO(content))
    return path.parent


def test_shards_of_webdataset_give_their_classes_by_number(tmp_path: Path) -> None:
    entries: dict[str, bytes] = {}
    for seed in range(12):
        entries |= {f"{seed:03}.png": png(seed)["bytes"], f"{seed:03}.cls": str(seed % 3).encode()}
    path = shard(tmp_path / "own" / "train-0000.tar", entries)
    with pytest.raises(UsageError, match=r"no column of labels.*data\.label: .*cls"):
        read(path)
    found = read(path, label="cls")
    assert found.classes == ("0", "1", "2") and len(found.train) + len(found.test) == 12


def test_pickles_in_shards_are_not_opened(tmp_path: Path) -> None:
    trap = tmp_path / "opened"
    path = shard(
        tmp_path / "own" / "train.tar",
        {
            "0.png": png(0)["bytes"],
            "0.cls": b"0",
            "0.pkl": f"cos\nmkdir\n(V{trap}\ntR.".encode(),
        },
    )
    with pytest.raises(UsageError, match="too few pictures"):
        read(path, label="cls")
    assert not trap.exists()


def lists(kind: Any) -> Any:
    return getattr(datasets, "List", datasets.Sequence)(kind)


REFUSED: dict[str, tuple[dict[str, Any], dict[str, list[Any]], dict[str, str], str]] = {
    "no labels": (
        {"caption": datasets.Value("string")},
        {"caption": ["a", "b"]},
        {},
        r"has no column of labels; .*choose it with data\.label: image \(Image\), caption \(Value\)",
    ),
    "several labels": (
        {**CATS_AND_DOGS, "size": datasets.ClassLabel(names=["small", "large"])},
        {"label": [0, 1], "size": [0, 1]},
        {},
        r"several columns of labels \(label, size\); choose one: data\.label=label",
    ),
    "several images": (
        {"mask": datasets.Image(), **CATS_AND_DOGS},
        {"mask": [png(7), png(8)], "label": [0, 1]},
        {},
        r"several columns of images \(image, mask\); choose one: data\.image=image",
    ),
    "multi-label": (
        {"labels": lists(datasets.ClassLabel(names=["cat", "dog"]))},
        {"labels": [[0], [0, 1]]},
        {},
        "gives a picture several labels; gencl learns one class per picture",
    ),
    "a column that is not there": (CATS_AND_DOGS, {"label": [0, 1]}, {"label": "labels"}, "did you mean label"),
    "a column of no images": (CATS_AND_DOGS, {"label": [0, 1]}, {"image": "label"}, r"holds no images \(image\)"),
    "numbers that are no classes": (
        {"weight": datasets.Value("float32")},
        {"weight": [0.5, 0.25]},
        {"label": "weight"},
        r"weight \(float32\) names no classes",
    ),
    "pictures without a label": (CATS_AND_DOGS, {"label": [0, -1]}, {}, "pictures of its part train have no label"),
    "a class without a picture": (CATS_AND_DOGS, {"label": [0, 0]}, {}, "part train has no picture of class dog"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_are_no_labelled_images_is_refused_with_the_reason(name: str, tmp_path: Path) -> None:
    label, columns, data, reason = REFUSED[name]
    with pytest.raises(UsageError, match=reason):
        read(parquet(tmp_path / "own", label, columns), **data)


def test_columns_may_be_chosen(tmp_path: Path) -> None:
    label = {"mask": datasets.Image(), "kind": datasets.Value("string")}
    columns = {"mask": [png(50 + seed, 6, 6) for seed in range(8)], "kind": ["a", "b"] * 4}
    found = read(parquet(tmp_path / "own", label, columns), image="mask", label="kind")
    assert found.classes == ("a", "b") and found.train.shape == (1, 6, 6) and found.symbols


def test_a_table_without_images_is_refused(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "train.csv").write_text("text,label\nhello,1\n")
    with pytest.raises(UsageError, match=r"no column of images; its columns are text \(Value\), label \(Value\)"):
        read(tmp_path / "own")


def test_code_of_a_data_set_is_never_run(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "own.py").write_text(f"open({str(tmp_path / 'run')!r}, 'w')")
    with pytest.raises(GenclError, match="needs code of its own to be read, which gencl never runs"):
        read(tmp_path / "own")
    assert not (tmp_path / "run").exists()


def test_a_test_part_without_labels_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = parquet(tmp_path / "own", CATS_AND_DOGS, {"label": [0, 1] * 5})
    parquet(path, CATS_AND_DOGS, {"label": [-1, -1]}, part="test")
    assert len(read(path).test) == 2 and "its part test has no labels" in capsys.readouterr().err


def test_broken_pictures_are_named_or_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = [png(seed) for seed in range(10)]
    images[3] = {"bytes": b"no picture", "path": None}
    features = datasets.Features({"image": datasets.Image(), **CATS_AND_DOGS})
    (tmp_path / "own").mkdir()
    table = datasets.Dataset.from_dict({"image": images, "label": [0, 1] * 5}, features=features)
    table.to_parquet(tmp_path / "own" / "train.parquet")
    with pytest.raises(GenclError, match=r"own/train/3 cannot be used: it is none of PNG"):
        read(tmp_path / "own")
    found = read(tmp_path / "own", broken="skip")
    assert len(found.train) + len(found.test) == 9 and "left out 1 of 10 pictures" in capsys.readouterr().err


def test_a_run_learns_it_and_names_it(tmp_path: Path) -> None:
    path = parquet(tmp_path / "own", CATS_AND_DOGS, {"label": [0, 1] * 10})
    sets = [*tiny("digits-mlp"), f"data.name=hf:{path}", "data.size=8", "data.channels=1"]
    sets += ["scenario.tasks=2", "scenario.classes_per_task=1"]
    run = gencl.train("digits-mlp", "sgd", out=tmp_path / "run", set=sets, progress="silent")
    metrics = json.loads((run.path / "metrics.json").read_text())
    assert sorted(metrics["tasks"]) == ["cat", "dog"] and metrics["data"] == ["hf:own"]
    assert run.settings.data.name == f"hf:{path}" and run.settings.placeless()["data"]["name"] == "(a folder)"
