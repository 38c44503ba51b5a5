"""Images out of a run: as a tensor, in a folder per class, as one NumPy file."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import gencl
from gencl.core import files
from gencl.core.errors import GenclError, UsageError
from gencl.uses.class_folders import names_of
from gencl.uses.numbered import BLOCK
from tests import forked
from tests.conftest import gencl as command
from tests.conftest import tiny

N = 2 * BLOCK + 9
"""Of three classes: 46 or 45 each; of one: two blocks and a part of a third."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> gencl.Run:
    """A GAN of three digits, hardly trained."""
    out = tmp_path_factory.mktemp("runs") / "gan"
    return gencl.train("digits-cgan", "sgd", 0, out, set=tiny("digits-cgan"), progress="silent")


def pictures(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.png"))}


def test_an_image_is_the_same_whatever_else_is_asked_for(run: gencl.Run) -> None:
    images = run.generate(n=11)
    assert images.dtype == torch.uint8 and images.shape == (11, 1, 28, 28)
    assert len(images.unique(dim=0)) == 11
    assert run.generate([2, 0], 3).equal(torch.cat([images[8:10], images[:1]]))  # classes have 4, 4 and 3
    many = run.generate([1], N)
    assert many[:4].equal(images[4:8]) and run.generate([1], BLOCK + 1).equal(many[: BLOCK + 1])
    assert not run.generate([1], 4, seed=1).equal(many[:4])


def test_a_folder_per_class_and_one_file(run: gencl.Run, tmp_path: Path) -> None:
    folder, archive = tmp_path / "new" / "images", tmp_path / "x.npz"
    done = command("sample", run.path, "--n", str(N), "--to", folder, "--npz", archive)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [str(folder), str(archive)]
    assert [len(list((folder / name).iterdir())) for name in "012"] == [46, 46, 45]
    images, labels = run.generate(n=N).numpy(), torch.arange(3).repeat_interleave(torch.tensor([46, 46, 45])).numpy()
    with np.load(archive, allow_pickle=False) as content:
        assert (content["arr_0"] == images.transpose(0, 2, 3, 1)).all() and content["arr_0"].dtype == np.uint8
        assert (content["arr_1"] == labels).all()
    shown = np.stack([np.asarray(Image.open(path)) for path in sorted(folder.rglob("*.png"))])
    assert (shown == images[:, 0]).all()
    assert command("sample", run.path, "--n", str(N), "--npz", tmp_path / "y.npz").returncode == 0
    assert archive.read_bytes() == (tmp_path / "y.npz").read_bytes()


def test_what_is_there_is_not_made_again(run: gencl.Run, tmp_path: Path) -> None:
    run.save_images(tmp_path / "x", classes=[0, 2], n=20)
    before = pictures(tmp_path / "x")
    gone, cut, kept = (tmp_path / "x" / "2" / f"{number:08d}.png" for number in (3, 4, 5))
    gone.unlink()
    cut.write_bytes(b"")
    kept.write_bytes(b"kept")
    (gone.parent / f".{gone.name}.00000042.part").write_bytes(b"half of it")
    run.save_images(tmp_path / "x", classes=[0, 2], n=20)
    assert pictures(tmp_path / "x") == {**before, "2/00000005.png": b"kept"}
    assert not list(gone.parent.glob(".*"))


def test_a_call_that_was_killed_at_its_start_goes_on(
    run: gencl.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(path: Path, **options: object) -> None:
        make_folder(path, **options)
        if path != tmp_path / "x":
            raise KeyboardInterrupt

    make_folder = files.make_folder
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(files, "make_folder", killed)
        run.save_images(tmp_path / "x", n=3)
    (tmp_path / "y").mkdir()
    (tmp_path / "y" / ".generated.json.abcd1234.part").write_bytes(b"{")  # killed while it wrote the record
    for name in "xy":
        run.save_images(tmp_path / name, n=3)
        assert len(pictures(tmp_path / name)) == 3 and not list((tmp_path / name).glob(".*"))


def test_the_classes_of_a_task(run: gencl.Run, tmp_path: Path) -> None:
    run.save_images(tmp_path / "x", n=2, task=2)
    assert list(pictures(tmp_path / "x")) == ["1/00000000.png", "1/00000001.png"]
    assert json.loads((tmp_path / "x" / "generated.json").read_text())["classes"] == [1]


def test_colliding_and_impossible_names() -> None:
    assert names_of(["cat", "../a b", "é"]) == ["cat", "___a b", "é"]
    assert names_of(["cat", "Cat", "/"]) == ["0-cat", "1-Cat", "2-_"]
    assert names_of(["", "x"]) == ["0-", "1-x"]


@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")
def test_processes_share_the_work(run: gencl.Run, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    run.save_images(one, tmp_path / "one.npz", n=4 * BLOCK + 5, device="cpu")
    words = ["sample", run.path, "--samples", 4 * BLOCK + 5, "--to", two, "--npz", tmp_path / "two.npz"]
    ranks = forked.ranks(*map(str, words), "--device", "cpu")
    assert forked.ended(ranks) == [0, 0], ranks[0].errors + ranks[1].errors
    assert "".join(rank.output for rank in ranks).splitlines() == [str(two), str(tmp_path / "two.npz")]
    assert pictures(two) == pictures(one)
    assert (tmp_path / "two.npz").read_bytes() == (tmp_path / "one.npz").read_bytes()


def test_folders_that_are_not_of_the_same_call(run: gencl.Run, tmp_path: Path) -> None:
    folder = tmp_path / "x"
    run.save_images(folder, n=3)
    before = pictures(folder)
    for change, message in (
        ({"n": 4}, r"another call \(n: 3, not 4\); name a new folder"),
        ({"n": 3, "seed": 1}, r"\(seed: 0, not 1\)"),
        ({"n": 3, "classes": [1, 0, 2]}, r"\(classes: \[0, 1, 2\], not \[1, 0, 2\]\)"),
    ):
        with pytest.raises(UsageError, match=message):
            run.save_images(folder, **change)
    (folder / "generated.json").write_text("[]")
    with pytest.raises(GenclError, match=r"generated.json is damaged"):
        run.save_images(folder, n=3)
    (folder / "generated.json").unlink()
    with pytest.raises(UsageError, match="is not empty, and gencl sample did not write it"):
        run.save_images(folder, n=3)
    assert pictures(folder) == before
    with pytest.raises(UsageError, match="is a file; name a folder"):
        run.save_images(folder / "0" / "00000000.png", n=3)


def test_more_than_the_disk_holds(run: gencl.Run, tmp_path: Path) -> None:
    for where in ({"to": tmp_path / "x"}, {"npz": tmp_path / "x.npz"}):
        with pytest.raises(UsageError, match=r"10,000,000,000,000 images take about .* GiB, and the disk of .* free"):
            run.save_images(**where, n=10**13)
    assert not any(tmp_path.iterdir())


WRONG = [
    (["--n", "0", "--to", "x"], "'--n'"),
    (["--n", "10001"], "a grid has at most 10,000 images; --to DIR writes more"),
    (["--to", "x", "--out", "y.png"], "--out draws a grid"),
    (["--to", "x", "--classes", "7"], "7 was not learned"),
    (["--npz", "x.zip"], "ends in .npz"),
    (["--npz", "no/x.npz"], "there is no folder no"),
    (["--npz", "folder.npz"], "is a folder"),
    (["--to", "x", "--device", "cuda"], "no GPU"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG)
def test_wrong_use(arguments: list[str], message: str, run: gencl.Run, tmp_path: Path) -> None:
    (tmp_path / "folder.npz").mkdir()
    done = command("sample", run.path, *arguments, cwd=tmp_path)
    assert done.returncode == 2 and message in done.stderr and len(done.stderr.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["folder.npz"]


def test_a_classifier_has_no_images(tmp_path: Path) -> None:
    out = tmp_path / "mlp"
    run = gencl.train("digits-mlp", "sgd", 0, out, set=tiny("digits-mlp"), progress="silent")
    for call in (run.generate, lambda: run.save_images(tmp_path / "x")):
        with pytest.raises(UsageError, match="holds a classifier"):
            call()
    with pytest.raises(UsageError, match="name a folder"):
        run.save_images()
