"""Generators that learn a user's own folders: presets, names, paths, and runs that repeat."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
import yaml
from PIL import Image
from scipy.io import savemat
from torchvision.datasets import SVHN

import gencl
from gencl import presets
from gencl.core.errors import UsageError
from gencl.datasets import svhn
from gencl.datasets.load import load_dataset
from gencl.drawing.grids import draw_grid
from gencl.drawing.names import LETTERS
from gencl.metrics import trained_reader
from gencl.metrics.lessons import TrainingPlan
from gencl.presets import resolve
from gencl.runs.build import make_scenario
from tests.datasets.test_folder import fill
from tests.datasets.test_official import RANDOM, md5

QUICK = ["train.steps=3", "evaluate.samples=4", "model.width=4", "train.batch_size=4"]


def domains(*folders: Path) -> str:
    return "scenario.domains=" + repr([str(folder) for folder in folders])


def test_own_folders_with_odd_names_are_learned_and_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few pictures, names that would break tables, HTML and pictures; the run's config.yaml repeats it elsewhere."""
    odd = ["<script>alert(1)<b>", "line\nbreak [red]", "-dash", "ünï", os.fsdecode(b"raw\xff"), "w" * 200]
    for i, name in enumerate(odd):
        fill(tmp_path / "own" / "pictures of mine" / name, range(9 * i, 9 * i + 3), (40, 24, 3))
    fill(tmp_path / "own" / "grey", range(3), (24, 40))
    monkeypatch.chdir(tmp_path / "own")
    sets = [*QUICK, "scenario.domains=['./pictures of mine', ./grey]"]
    first = gencl.train("folders-cgan", "anpyc", out=tmp_path / "first", set=sets, progress="silent")
    assert first.metrics["tasks"] == ["pictures of mine", "grey"] and first.card.image_shape == [3, 64, 64]
    assert r"line\nbreak [red]" in first.card.class_names and all(n.isprintable() for n in first.card.class_names)
    report = (first.path / "report.html").read_text()
    assert "<script>alert" not in report
    assert "name" not in yaml.safe_load((first.path / "config.yaml").read_text())["data"]  # domains say what is read
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    again = gencl.train(config=first.path / "config.yaml", out=tmp_path / "again", progress="silent")
    model = [(run.path / "model.safetensors").read_bytes() for run in (first, again)]
    assert model[0] == model[1]


def test_the_vae_learns_own_folders_too(tmp_path: Path) -> None:
    one, two = fill(tmp_path / "one", range(4), (40, 24, 3)), fill(tmp_path / "two", range(4, 8), (24, 24))
    sets = [*QUICK, "model.features=16", domains(one, two)]
    run = gencl.train("folders-vae", "sgd", out=tmp_path / "run", set=sets, progress="silent")
    assert run.metrics["tasks"] == run.card.class_names == ["one", "two"] and run.card.image_shape == [3, 64, 64]


def test_names_that_several_domains_have_are_told_apart(tmp_path: Path) -> None:
    one, two = tmp_path / "one" / "faces", tmp_path / "two" / "faces"
    for folder in (one, two):
        fill(folder / "0", range(4)), fill(folder / folder.parent.name, range(4, 8))
    scenario = make_scenario(resolve("folders-cgan", assignments=[domains(one, two), "data.size=8"]), None)
    assert [task.name for task in scenario.tasks] == ["faces", "two/faces"]
    assert scenario.class_names == ("faces 0", "one", "two/faces 0", "two")


def test_paths_are_stored_absolute_and_links_to_one_folder_are_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = resolve("folders-cgan", assignments=["scenario.domains=[./a, ~/b, digits]", "data.name=./c"])
    assert settings.scenario["domains"] == [f"{tmp_path}/a", f"{Path.home()}/b", "digits"]
    assert settings.data.name == f"{tmp_path}/c"
    (tmp_path / "a").mkdir()
    (tmp_path / "link").symlink_to("a")
    with pytest.raises(UsageError, match=r"\./link is named twice"):
        resolve("folders-cgan", assignments=["scenario.domains=[./a, ./link]"])
    with pytest.raises(UsageError, match=r"scenario\.domains: name data sets or folders"):
        make_scenario(resolve("folders-cgan"), None)


def test_limit_and_validation_are_of_each_task(tmp_path: Path) -> None:
    for name in "ab":
        fill(tmp_path / "one" / name, range(ord(name) * 20, ord(name) * 20 + 20)), fill(tmp_path / "two", range(10))
    sets = [domains(tmp_path / "one", tmp_path / "two"), "data.size=8", "data.limit=5", "data.validation=0.25"]
    scenario = make_scenario(resolve("folders-cgan", assignments=sets), None)
    assert [len(task.train) for task in scenario.tasks] == [5, 5]
    assert [len(task.validation) for task in scenario.tasks] == [8, 2]
    assert [len(task.test) for task in scenario.tasks] == [8, 2]


def test_long_names_leave_room_for_the_images() -> None:
    image = torch.zeros(1, 28, 28, dtype=torch.uint8)
    short, long = (draw_grid([[image]], ["w" * n], ["w" * n]) for n in (LETTERS, 200))
    assert abs(short.width - long.width) < 20


@pytest.mark.parametrize(
    ("preset", "shape", "tasks"),
    [("svhn-cgan", (3, 32, 32), ["0,1,2,3,4", "5,6,7,8,9"]), ("mnist-svhn-cgan", (3, 32, 32), ["mnist", "svhn"])],
)
def test_svhn_in_its_official_format(
    preset: str, shape: tuple[int, ...], tasks: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "svhn").mkdir()
    table = {}
    for part, n in (("train", 40), ("test", 20)):
        file = tmp_path / "svhn" / f"{part}_32x32.mat"
        images = RANDOM.integers(0, 256, (32, 32, 3, n), dtype="uint8")
        savemat(file, {"X": images, "y": (RANDOM.permutation(n) % 10 + 1)[:, None]})
        table[part] = ["", file.name, md5(file)]
    monkeypatch.setattr(trained_reader, "TRAINING_PLAN", TrainingPlan(steps=4, fewest_steps=4))
    monkeypatch.setattr(SVHN, "split_list", table)  # the tiny files' own sums
    for digit in range(10):  # MNIST as a folder of classes
        for part, seeds in (("train", range(4)), ("test", range(50, 52))):
            fill(tmp_path / "mnist" / part / str(digit), seeds, (28, 28))
    assert len(svhn.load(tmp_path).train) == 40
    run = gencl.train(
        preset, "sgd", out=tmp_path / "run", set=[*QUICK, "data.validation=0"], data_root=tmp_path, progress="silent"
    )
    assert run.metrics["tasks"] == tasks and tuple(run.card.image_shape) == shape
    assert len(run.card.class_names) == len(set(run.card.class_names)) == (10 if preset == "svhn-cgan" else 20)


@pytest.mark.data
def test_faces_then_drawn_ones(data_root: Path, tmp_path: Path) -> None:
    for kind in ("celeba_faces", "anime_faces"):  # a hundred of each: tests/datasets/test_faces.py reads them all
        folder = tmp_path / "data" / kind / "0"
        folder.mkdir(parents=True)
        for picture in sorted((data_root / kind / "0").iterdir())[:100]:
            (folder / picture.name).symlink_to(picture.resolve())
    sets, data_root = [*QUICK, "data.limit=50"], tmp_path / "data"
    run = gencl.train(
        "celeba-anime-cgan", "sgd", out=tmp_path / "run", set=sets, data_root=data_root, progress="silent"
    )
    assert run.metrics["tasks"] == ["celeba", "anime"] and run.card.class_names == ["face", "anime"]
    assert Image.open(run.path / "samples" / "task-02.png").size[1] > 2 * 64
    assert presets.about("celeba-anime-cgan")
    assert load_dataset("anime", run.settings.data, data_root).train.shape == (3, 64, 64)


def test_a_folder_of_two_pictures_is_doubtful(tmp_path: Path) -> None:
    few = fill(tmp_path / "few", range(2), (8, 8, 3))
    settings = resolve("folders-cgan", assignments=[domains(few), "data.size=8", "data.validation=0"])
    doubts = make_scenario(settings, None).doubts
    assert len(doubts) == 1 and doubts[0].startswith("few training images: few (")
