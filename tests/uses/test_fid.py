"""`gencl fid` between runs, folders and data sets, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gencl.api import train
from gencl.core.errors import UsageError
from gencl.core.settings import DataSettings
from gencl.datasets import digits
from gencl.drawing.grids import to_picture
from gencl.run import Run
from gencl.uses.fid import fid
from gencl.uses.images import images_of, side_of
from tests.conftest import gencl, tiny


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("runs") / "digits"
    return train("digits-cgan", "sgd", 0, folder, set=tiny("digits-cgan"), progress="silent")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The held-out digits as pictures, in two sub-folders."""
    path = tmp_path_factory.mktemp("digits")
    for i, image in enumerate(digits.load().test.images):
        place = path / ("even" if i % 2 == 0 else "odd") / f"{i}.png"
        place.parent.mkdir(exist_ok=True)
        to_picture(image).save(place)
    return path


def scores(*arguments: str | Path) -> dict[str, float]:
    result = gencl("fid", *arguments, "--json")
    assert result.returncode == 0, result.stderr
    scores: dict[str, float] = json.loads(result.stdout)["scores"]
    return scores


def test_a_folder_of_a_data_sets_own_images_is_no_distance_away(folder: Path) -> None:
    result = scores(folder, "digits", "--features", "digits")
    assert result.keys() == {"fid", "kid", "precision", "recall", "isc"}
    assert result["fid"] < 1e-3 and result["precision"] == result["recall"] == 1


def test_generated_pictures_get_the_size_that_is_asked_for(run: Run) -> None:
    made = images_of(side_of(str(run.path), None), DataSettings(size=14, channels=3), None, "test", 6)
    assert made.make(torch.arange(2)).shape == (2, 3, 14, 14)


def test_a_run_against_its_own_held_out_images_or_others(run: Run, folder: Path) -> None:
    result = gencl("fid", run.path, "--n", "60")
    assert result.returncode == 0, result.stderr
    assert "(60) against the run's" in " ".join(result.stdout.split())
    assert "(60 generated and 96 real images in all)" in result.stderr
    assert "60 generated and 96 real images are no more than the 128 features" in result.stderr
    other = scores(run.path, folder, "--n", "60")  # 28x28 and grey as the run is
    assert other["fid"] > 100 and scores(run.path, folder, "--n", "60") == other


def test_what_is_refused(run: Run, folder: Path, tmp_path: Path) -> None:
    cases = [
        (["digits"], 2, "digits is no run: name what its images are compared with as well"),
        (["digits", "nothing"], 2, "no data set or ready model is called 'nothing'; there are: anime, "),
        (["mnist-cgan-sdg", "digits"], 2, "is called 'mnist-cgan-sdg'; did you mean mnist-cgan-sgd"),
        ([run.path, tmp_path], 2, "holds no pictures"),
        (["digits", "digits", "--n", "1"], 2, "1 is not in the range"),
        (["digits", "digits", "--n", "9999"], 2, "9,999 images were asked for, and digits has 360"),
        ([folder, "digits", "--features", "reader"], 2, "neither side is a run"),
        ([folder, folder, "--features", "digits", "--size", "16"], 2, "takes uint8 images of 1 channels and 28x28"),
        ([folder, folder, "--features", "nothing"], 2, "no feature extractor is called 'nothing'"),
        ([folder, folder, "--features", "inception", "--weights", tmp_path / "no.pth"], 2, "there is no such file"),
        ([run.path, "--weights", tmp_path / "no.pth"], 2, "no network that measures here reads"),
        (["digits", "digits", "--weights", tmp_path / "no.pth"], 2, "--features inception, --features dinov2 or"),
        ([run.path, "emoji-cgan-anpyc+align", "--n", "20"], 2, "takes uint8 images of 1 channels and 28x28"),
        ([run.path, "digits", "--size", "32", "--n", "20"], 2, "takes uint8 images of 1 channels and 28x28"),
        ([run.path, "digits", "--data-root", tmp_path / "no"], 2, "no"),
    ]
    for arguments, status, words in cases:
        result = gencl("fid", *arguments)
        assert result.returncode == status, (arguments, result.stderr)
        assert words in result.stderr and result.stderr.count("\n") <= 3, (arguments, result.stderr)
        assert "Traceback" not in result.stderr and not result.stdout
    Image.new("L", (9, 9)).save(tmp_path / "a.png")
    Image.new("L", (8, 8)).save(tmp_path / "b.png")
    result = gencl("fid", tmp_path, "digits")
    assert result.returncode == 2 and "pictures of several sizes" in result.stderr


def test_it_can_skip_broken_files_and_advises_its_own_options(tmp_path: Path) -> None:
    for name in ("made", "real"):
        folder = tmp_path / name
        folder.mkdir()
        for seed in range(4):
            pixels = np.random.default_rng(seed).integers(0, 256, (28, 28), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{seed}.png")
    (tmp_path / "made" / "broken.png").write_text("no picture")
    options = (tmp_path / "made", tmp_path / "real", "--features", "digits")
    ended = gencl("fid", *options)
    assert ended.returncode == 1 and "leave all such out with --broken skip" in ended.stderr
    assert "--set" not in ended.stderr and "--broken skip" in gencl("data", "check", tmp_path / "made").stderr
    assert gencl("fid", *options, "--broken", "skip").returncode == 0
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "made" / "small.png")
    for words in (("data", "check", tmp_path / "made"), ("fid", *options)):
        assert "such as --size 64" in gencl(*words, "--broken", "skip").stderr


def test_what_would_change_nothing_is_refused(run: Run) -> None:
    for option in ("--split=train", "--size=16", "--channels=3", "--broken=skip"):
        for first in (["fid", str(run.path)], ["fid", "digits-cgan", "--real"]):
            told = gencl(*first, option)
            assert told.returncode == 2 and len(told.stderr.splitlines()) <= 4, option
    with pytest.raises(UsageError, match="--split training: it must be test or train"):
        fid(run.path, "digits", split="training")
