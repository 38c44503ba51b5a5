"""``gencl reconstruct`` and ``gencl interpolate``: what they draw, and what they say when they cannot."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from PIL import Image

import gencl
from gencl.commands import cli
from gencl.core.errors import GenclError, UsageError
from gencl.drawing.grids import GAP
from gencl.uses.classes import class_numbers
from gencl.uses.latent_space import ROWS, best_classes
from tests.conftest import gencl as command
from tests.conftest import grown, tiny


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A VAE, a GAN and a classifier, hardly trained."""
    folder = tmp_path_factory.mktemp("runs")
    for kind in ("vae", "cgan", "mlp"):
        preset = f"digits-{kind}"
        gencl.train(preset, "sgd", 0, folder / kind, set=[*tiny(preset), "train.steps=2"], progress="silent")
    return folder


@pytest.fixture
def pictures(tmp_path: Path) -> list[str]:
    """A grey image of the models' size, and a coloured one of another."""
    paths = [str(tmp_path / name) for name in ("a.png", "b.jpg")]
    Image.linear_gradient("L").resize((28, 28)).save(paths[0])
    Image.new("RGB", (50, 40), (200, 30, 90)).save(paths[1])
    return paths


def cells(path: Path, label: int = 0) -> tuple[int, int]:
    """Columns and rows of a grid of 28x28 images shown at twice their size, without names at the left."""
    width, height = Image.open(path).size
    return (width - GAP) // (56 + GAP), (height - label - GAP) // (56 + GAP)


def test_reconstruct_held_out_images_and_files(runs: Path, pictures: list[str], tmp_path: Path) -> None:
    out = tmp_path / "x.png"
    done = command("reconstruct", runs / "vae", "--n", "5", "--out", out)
    assert done.returncode == 0 and done.stdout.strip() == str(out)
    assert cells(out)[1] == 6  # two rows for each of three tasks
    done = command("reconstruct", runs / "vae", "--n", "5", "--task", "2", "--out", out)
    assert done.returncode == 0 and cells(out)[1] == 2
    done = command("reconstruct", runs / "vae", *pictures, "--n", "5", "--out", out)
    assert done.returncode == 2 and "--n is for held-out images" in done.stderr
    done = command("reconstruct", runs / "vae", *pictures, "--task", "3", "--out", out)
    assert done.returncode == 0 and cells(out)[1] == 2
    assert done.stderr.strip() == f"gencl: {pictures[1]} is 50x40: its middle is cropped and resized to 28x28"


def test_interpolate(runs: Path, pictures: list[str], tmp_path: Path) -> None:
    out = tmp_path / "x.png"
    assert command("interpolate", runs / "vae", *pictures, "--steps", "4", "--out", out).returncode == 0
    assert cells(out)[0] == 6
    for kind in ("vae", "cgan"):
        for arguments, rows in (
            ((), 3),
            (("--task", "2"), 1),
            (("--classes", "1"), ROWS),
            (("--classes", "0,2"), ROWS),
        ):
            done = command("interpolate", runs / kind, *arguments, "--steps", "3", "--out", out)
            assert done.returncode == 0, done.stderr
            assert cells(out)[1] == rows


def test_the_ends_are_the_two_images_reconstructions(runs: Path, pictures: list[str], tmp_path: Path) -> None:
    between = gencl.interpolate(runs / "vae", [pictures[0], pictures[0]], task=1, steps=2)
    pair = gencl.reconstruct(runs / "vae", [pictures[0]], task=1)
    step = 56 + GAP
    size = between.height
    ends = [between.crop((GAP + i * step, size - step, GAP + i * step + 56, size - GAP)) for i in range(4)]
    left = pair.width - step
    rows = [pair.crop((left, GAP + i * step, left + 56, GAP + i * step + 56)) for i in range(2)]
    image, decoded = rows
    assert [end.tobytes() for end in ends] == [part.tobytes() for part in (image, decoded, decoded, image)]


def test_task_and_classes_exclude_each_other(runs: Path) -> None:
    run = gencl.load_run(runs / "cgan")
    for draw in (run.sample, run.interpolate):
        with pytest.raises(UsageError, match="--task and --classes exclude each other"):
            draw(classes="1", task=1)


def test_pictures_are_read_by_the_layers_of_the_classes_that_came_with_theirs() -> None:
    """A later task may have an old class first, whose latent layers are another task's."""
    learner, _ = grown(gencl.resolve("digits-vae", assignments=tiny("digits-vae")), tasks=2)
    (old, *_), new = learner.classes, max(learner.classes) + 1
    learner.grow((old, new), seed=5)
    pictures = torch.randint(256, (9, 1, 28, 28), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    best = best_classes(learner, pictures, [2])
    errors = []
    for c in (old, new):
        back = learner.reconstruct(pictures / 255, torch.full((9,), c))
        errors.append((back - pictures / 255).square().sum((1, 2, 3)))
    assert best.tolist() == [(old, new)[row] for row in torch.stack(errors).argmin(0).tolist()]
    assert new in best


def test_a_model_alone_needs_images(runs: Path, pictures: list[str], tmp_path: Path) -> None:
    for name in ("model.json", "model.safetensors"):
        shutil.copy(runs / "vae" / name, tmp_path)
    assert gencl.reconstruct(tmp_path, pictures[:1]).height > 56
    with pytest.raises(UsageError, match="which names the data; give images"):
        gencl.reconstruct(tmp_path)


WRONG = [
    ("cgan", ["reconstruct"], UsageError, "holds a ConditionalGAN, which has no encoder"),
    ("mlp", ["reconstruct"], UsageError, "holds a classifier"),
    ("mlp", ["interpolate"], UsageError, "holds a classifier"),
    ("vae", ["reconstruct", "--task", "4"], UsageError, "--task 4: the run learned tasks 1 to 3"),
    ("vae", ["reconstruct", "none.png"], UsageError, "there is no image none.png"),
    ("vae", ["reconstruct", "."], UsageError, "is a folder"),
    ("vae", ["reconstruct", "text.png"], GenclError, "text.png cannot be read as an image"),
    ("vae", ["interpolate", "a.png"], UsageError, "give two images to go from one to the other, or none, not 1"),
    ("vae", ["interpolate", "a.png", "a.png", "--classes", "1"], UsageError, "--classes is for latents"),
    ("vae", ["interpolate", "a.png", "a.png", "--seed", "1"], UsageError, "--seed is for latents"),
    ("cgan", ["interpolate", "a.png", "a.png"], UsageError, "has no encoder"),
    ("cgan", ["interpolate", "--classes", "0,7"], UsageError, "7 was not learned"),
    ("cgan", ["interpolate", "--classes", "0,1,2"], UsageError, "name one class, or two"),
]


@pytest.mark.parametrize(("kind", "arguments", "error", "message"), WRONG)
def test_wrong_use(
    kind: str,
    arguments: list[str],
    error: type[GenclError],
    message: str,
    runs: Path,
    pictures: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.png").write_text("no image")
    words = [arguments[0], str(runs / kind), *arguments[1:], "--out", "x.png"]
    done = CliRunner().invoke(cli, words)
    assert type(done.exception) is error and message in str(done.exception)
    assert not (tmp_path / "x.png").exists()


def test_a_range_is_of_names_or_of_numbers(runs: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(runs / "cgan", tmp_path / "numbered")
    card = folder / "model.json"
    content = json.loads(card.read_text())
    card.write_text(json.dumps(content | {"class_names": [str(int(name) + 1) for name in content["class_names"]]}))
    run = gencl.load_run(folder)
    assert run.class_names()[:3] == ["1", "2", "3"]
    learner = run.generator("cpu")
    for text, numbers in (("1-3", [0, 1, 2]), ("0-2", [0, 1, 2]), ("1-2", [0, 1]), ("3", [2]), ("0-1,3", [0, 1, 2])):
        assert class_numbers(learner, run.class_names(), text) == numbers, text
    with pytest.raises(UsageError, match="'0-1,1' names a class twice"):
        class_numbers(learner, run.class_names(), "0-1,1")


def test_classes_have_names(runs: Path, tmp_path: Path) -> None:
    """A folder run's classes are called as its folders are."""
    folder = shutil.copytree(runs / "cgan", tmp_path / "named")
    card = folder / "model.json"
    card.write_text(card.read_text().replace('"0",', '"cats",', 1).replace('"1",', '"Dogs",', 1))
    run = gencl.load_run(folder)
    assert run.class_names()[:2] == ["cats", "Dogs"]
    assert run.generate(["dogs", 0], 4).equal(run.generate([1, 0], 4))
    out = tmp_path / "x.png"
    for arguments in (("sample", "--classes", "cats,2"), ("interpolate", "--classes", "cats,dogs")):
        assert command(arguments[0], folder, *arguments[1:], "--out", out, "--device", "cpu").returncode == 0
    done = command("sample", folder, "--classes", "cat", "--out", out)
    assert done.returncode == 2
    assert "cat was not learned; did you mean cats?; the run knows 0 (cats), 1 (Dogs), 2" in done.stderr
    done = command("sample", folder, "--classes", "11", "--out", out)
    assert "11 was not learned; the run knows 0 (cats)" in done.stderr, "no name is near a number"
    done = command("sample", folder, "--classes", "cats,cats", "--out", out)
    assert done.returncode == 2 and "names a class twice" in done.stderr


def test_many_images_of_few_classes_are_no_strip(runs: Path) -> None:
    run = gencl.load_run(runs / "cgan")
    wide, high = run.sample([1], 64).size
    assert 0.8 < wide / high < 1.3
    assert run.sample([0, 1, 2], 12 * 3).size[1] == GAP + 3 * (56 + GAP)  # a row each


def test_a_number_is_a_name_where_a_class_is_called_so(runs: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(runs / "cgan", tmp_path / "numbered")
    card = folder / "model.json"
    card.write_text(card.read_text().replace('"0",', '"one",', 1).replace('"1",', '"0",', 1))
    run = gencl.load_run(folder)
    assert run.generate(["0"], 4).equal(run.generate([1], 4)) and run.generate([0], 4).equal(run.generate(["one"], 4))
    for name in ("0", "one"):
        done = command("sample", folder, "--classes", name, "--out", tmp_path / f"{name}.png", "--device", "cpu")
        assert done.returncode == 0
    assert (tmp_path / "0.png").read_bytes() != (tmp_path / "one.png").read_bytes()
