"""Weights for measuring: the file shows what it is, its name's checksum holds, and nothing in it is run."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

import gencl
from gencl.core.errors import GenclError, UsageError
from gencl.core.files import sha256
from gencl.metrics.inception import Inception
from gencl.metrics.perceptual import Perceptual
from gencl.metrics.weight_files import ALEXNET, INCEPTION, VGG16, Network, find
from gencl.runs.build import make_scenario
from tests.conftest import tiny


def test_the_file_shows_what_it_is(alexnet_weights: Path, inception_weights: Path) -> None:
    both = [alexnet_weights, inception_weights]
    for network, path in ((ALEXNET, alexnet_weights), (INCEPTION, inception_weights)):
        weight_file = find(network, both)
        assert weight_file is not None
        assert (weight_file.path, weight_file.version, weight_file.published) == (path, sha256(path)[:12], False)


def test_absent_ones_are_found_in_the_cache_or_not_at_all(
    alexnet_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENCL_CACHE", str(tmp_path))
    assert find(VGG16, [alexnet_weights], download=False) is None
    digest = sha256(alexnet_weights)[:8]
    network = Network("AlexNet", ALEXNET.tensor, ALEXNET.shape, f"file://{tmp_path}/no/alexnet-{digest}.safetensors")
    with pytest.raises(GenclError, match=rf"AlexNet is absent .*put alexnet-{digest}\S* into .*, or name it by --we"):
        find(network, [])
    (tmp_path / "weights").mkdir(exist_ok=True)
    shutil.copy(alexnet_weights, tmp_path / "weights" / f"alexnet-{digest}.safetensors")
    weight_file = find(network, [], download=False)
    assert weight_file is not None and weight_file.published
    (tmp_path / "weights" / f"alexnet-{digest}.safetensors").write_bytes(b"not what was published")
    with pytest.raises(GenclError, match="is damaged: its sha256 does not start with"):
        find(network, [])


class Harmful:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("unpickled",)


def test_wrong_files_are_refused(
    alexnet_weights: Path, inception_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "w.pth"
    with pytest.raises(UsageError, match=r"--weights: .*w\.pth: there is no such file; give a file of weights"):
        find(ALEXNET, [path])
    for content in (pickle.dumps({"features.0.weight": Harmful()}), b"\x89PNG\r\n", b"a text"):
        path.write_bytes(content)
        with pytest.raises(GenclError, match=r"cannot be read as weights: it is neither a \.safetensors file nor a st"):
            find(ALEXNET, [path])
    assert "unpickled" not in capsys.readouterr().out
    torch.save({"weight": torch.zeros(2)}, path)
    with pytest.raises(
        UsageError, match=r"holds the weights of none of these: Inception-v3 for FID, DINOv2, AlexNet, VGG-16"
    ):
        find(ALEXNET, [path])
    shutil.copy(alexnet_weights, tmp_path / "alexnet-00c0ffee.safetensors")
    with pytest.raises(GenclError, match=r"is damaged: its sha256 begins with .*, and its name says 00c0ffee"):
        find(ALEXNET, [tmp_path / "alexnet-00c0ffee.safetensors"])
    torch.save({ALEXNET.tensor: torch.zeros(ALEXNET.shape)}, path)
    with pytest.raises(UsageError, match=r"--weights: .*w\.pth has no features\.0\.bias; it must hold what AlexNet"):
        Perceptual.of([path])
    torch.save({INCEPTION.tensor: torch.zeros(INCEPTION.shape)}, path)
    weight_file = find(INCEPTION, [path])
    assert weight_file is not None
    with pytest.raises(UsageError, match=r"w\.pth does not fit Inception-v3: .*Missing key"):
        Inception(weight_file)


def test_inception_gives_the_features_of_torch_fidelity(inception_weights: Path) -> None:
    images = torch.randint(0, 256, (2, 1, 28, 28), dtype=torch.uint8)
    weight_file = find(INCEPTION, [inception_weights])
    assert weight_file is not None
    ours = Inception(weight_file)(images)
    theirs = FeatureExtractorInceptionV3("t", ["2048", "logits_unbiased"], str(inception_weights))
    assert all(map(torch.equal, ours, theirs(images.repeat(1, 3, 1, 1))))


def test_inception_measures_what_no_reader_can(inception_weights: Path) -> None:
    """Its classes are ImageNet's: there is no share of right answers. That its weights are others is said."""
    settings = gencl.resolve("digits-cgan", assignments=[*tiny("digits-cgan"), "evaluate.features=inception"])
    scenario = make_scenario(settings, None)
    made = Inception.for_scenario(scenario, [inception_weights])
    assert (made.name, made.version, made.published) == ("inception", sha256(inception_weights)[:12], False)


def test_lpips_is_the_packages_own(alexnet_weights: Path) -> None:
    import lpips

    perceptual = Perceptual.of([alexnet_weights])
    assert perceptual is not None and not perceptual.published and perceptual.version == sha256(alexnet_weights)[:12]
    torch.manual_seed(0)
    one, other = torch.randint(0, 256, (2, 3, 3, 64, 64), dtype=torch.uint8)
    theirs = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False)
    stored: dict[str, Tensor] = load_file(alexnet_weights)
    state = {f"{name}": tensor for name, tensor in theirs.net.state_dict().items()}
    theirs.net.load_state_dict({name: stored[f"features.{name.split('.', 1)[1]}"] for name in state})
    expected = theirs(one.float() / 127.5 - 1, other.float() / 127.5 - 1).flatten()
    torch.testing.assert_close(perceptual.distances(one, other, batch_size=2), expected, rtol=1e-4, atol=1e-6)
    assert float(perceptual.distances(one, one).abs().max()) < 1e-6
    grey = torch.randint(0, 256, (2, 1, 28, 28), dtype=torch.uint8)
    assert perceptual.resize(grey.shape[1:]) == [64, 64] and perceptual.resize((3, 64, 80)) is None
    assert perceptual.distances(grey, grey.flip(0)).shape == (2,)
    with pytest.raises(GenclError, match="equal shape"):
        perceptual.distances(one, grey)
