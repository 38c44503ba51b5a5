"""A start from trained weights: files in torchvision's format, read safely and needed in training only."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

import gencl
from gencl.core.errors import GenclError, UsageError
from gencl.learners.learner import Learner
from gencl.learners.vgg9 import VGG9
from gencl.runs.build import make_learner

SETS = ["model.name=vgg9", "train.steps=2", "scenario.tasks=2", "data.size=16", "data.limit=40", "train.batch_size=8"]


def vgg16_part() -> dict[str, Tensor]:
    """What VGG-9 takes of torchvision's VGG-16 with batch normalisation, with values of its own, and more."""
    torch.manual_seed(0)
    from torchvision.models import vgg16_bn

    with torch.device("meta"):
        shapes = {name: tensor.shape for name, tensor in vgg16_bn().features[:31].state_dict().items()}
    return {f"features.{name}": torch.rand(shape) for name, shape in shapes.items()}


def fresh(weights: object, channels: int = 3, **settings: object) -> Learner:
    model = {"name": "vgg9", "weights": str(weights), **settings}
    return make_learner(model, (channels, 16, 16), 0, "cpu")


@pytest.mark.parametrize("heads", ["task", "class"])
@pytest.mark.parametrize("ending", ["pth", "safetensors"])
def test_convolutions_and_norms_come_from_the_file(ending: str, heads: str, tmp_path: Path) -> None:
    stored, path = vgg16_part(), tmp_path / f"vgg.{ending}"
    (torch.save if ending == "pth" else save_file)(stored, path)  # type: ignore[operator]
    learner = fresh(path, heads=heads)
    linear = learner.trunk.hidden[7].linear.weight.clone()
    assert not torch.equal(learner.trunk.hidden[1].linear.weight, stored["features.3.weight"])
    learner.load_pretrained()
    places = (0, 3, 7, 10, 14, 17, 20)
    for layer, place in zip(learner.trunk.hidden, places, strict=False):
        assert torch.equal(layer.linear.weight, stored[f"features.{place}.weight"])
        assert torch.equal(layer.rest[0].bias, stored[f"features.{place + 1}.bias"])
        if heads == "class":
            assert torch.equal(layer.rest[0].running_var, stored[f"features.{place + 1}.running_var"])
    assert torch.equal(learner.trunk.hidden[7].linear.weight, linear)


def test_nine_convolutions_take_two_more(tmp_path: Path) -> None:
    stored, path = vgg16_part(), tmp_path / "vgg.safetensors"
    save_file(stored, path)
    learner = fresh(path, convolutions=9)
    learner.load_pretrained()
    for layer, place in zip(learner.trunk.hidden[7:], (24, 27), strict=True):
        assert torch.equal(layer.linear.weight, stored[f"features.{place}.weight"])
        assert torch.equal(layer.rest[0].bias, stored[f"features.{place + 1}.bias"])


def test_a_trained_run_loads_without_the_file(tmp_path: Path) -> None:
    path = tmp_path / "vgg.safetensors"
    save_file(vgg16_part(), path)
    run = gencl.train(
        "digits-mlp", "sgd-f", 0, tmp_path / "run", set=[*SETS, f"model.weights={path}"], progress="silent"
    )
    path.unlink()
    learner = run.learner()
    assert isinstance(learner, VGG9)
    assert learner.prepare(torch.zeros(1, 1, 16, 16)).shape == (1, 3, 16, 16)  # grey images are repeated
    assert learner.prepare(torch.full((1, 3, 2, 2), 0.485))[0, 0].abs().max() < 1e-6


def test_absent_weights_say_where_to_put_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENCL_CACHE", str(tmp_path))
    monkeypatch.setattr(
        "gencl.learners.networks.pretrained._published_url", lambda _: f"file://{tmp_path}/no/vgg-6c64b313.pth"
    )
    with pytest.raises(GenclError, match=r"cannot be downloaded .*: put vgg-6c64b313.pth into .*weights, or name it"):
        fresh("imagenet").load_pretrained()
    (tmp_path / "weights" / "vgg-6c64b313.pth").write_bytes(b"not what was published")
    with pytest.raises(GenclError, match="is damaged: its sha256"):
        fresh("imagenet").load_pretrained()


class Harmful:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("unpickled",)


def test_wrong_files_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "w.pth"
    with pytest.raises(UsageError, match=r"model\.weights: .*w\.pth: there is no such file"):
        fresh(path).load_pretrained()
    for content in (b"", b"junk", pickle.dumps({"features.0.weight": Harmful()})):
        path.write_bytes(content)
        with pytest.raises(GenclError, match=r"w\.pth cannot be read as weights"):
            fresh(path).load_pretrained()
    assert "unpickled" not in capsys.readouterr().out
    torch.save([torch.zeros(2)], path)
    with pytest.raises(GenclError, match="not a table of named tensors"):
        fresh(path).load_pretrained()
    stored = vgg16_part()
    torch.save({**stored, "features.7.weight": torch.zeros(3, 3)}, path)
    with pytest.raises(UsageError, match=r"features\.7\.weight has shape \(3, 3\) in .*, and \(128, 64, 3, 3\)"):
        fresh(path).load_pretrained()
    del stored["features.20.bias"]
    torch.save(stored, path)
    with pytest.raises(UsageError, match=r"has no features\.20\.bias; .*VGG16_BN"):
        fresh(path).load_pretrained()


def test_settings_that_do_not_go_together() -> None:
    with pytest.raises(UsageError, match=r"model\.weights: imagenet is for model\.width=1, not 0\.5"):
        fresh("imagenet", width=0.5)
    with pytest.raises(UsageError, match="1 or 3 channels, not 4"):
        fresh("imagenet", channels=4)


def test_resnet18_gives_the_features_of_torchvision(tmp_path: Path) -> None:
    from torchvision.models import resnet18

    torch.manual_seed(0)
    theirs, path = resnet18().eval(), tmp_path / "resnet18.safetensors"
    theirs.bn1.running_mean.uniform_()
    save_file(theirs.state_dict(), path)
    learner = make_learner({"name": "resnet18", "weights": str(path), "heads": "class"}, (3, 32, 32), 0, "cpu").eval()
    learner.load_pretrained()
    theirs.fc = torch.nn.Identity()
    images = torch.rand(2, 3, 32, 32)
    assert torch.equal(learner.trunk(learner.prepare(images)), theirs(learner.prepare(images)))
