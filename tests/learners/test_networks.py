"""The classifiers' networks: sizes as published, any image, and errors that say what to do."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torchvision.models import resnet18

import gencl
from gencl.core.errors import UsageError
from gencl.learners.classifier import Classifier
from gencl.learners.learner import Learner
from gencl.learners.networks.norms import TaskBatchNorm2d, of_tasks
from gencl.methods.units import weights_between
from gencl.runs.build import make_learner

pytestmark = pytest.mark.numeric

NETWORKS = ["lenet", "vgg9", "resnet18", "cnn-narrow", "cnn-wide"]


def made(name: str, shape: tuple[int, int, int] = (1, 28, 28), **settings: object) -> Learner:
    learner = make_learner({"name": name, **settings}, shape, 0, "cpu")
    learner.grow([0, 1, 2], 0)
    learner.grow([3, 4], 1)
    return learner


def test_lenet_has_the_layers_of_the_paper() -> None:
    sizes = [parameter.numel() for parameter in made("lenet").shared().values()]
    assert sizes == [800, 32, 51_200, 64, 1_605_632, 512, 131_072, 256]  # ANPyC table IV
    assert sum(sizes) == 1_789_568


def test_vgg9_has_nine_weight_layers() -> None:
    learner = made("vgg9", (3, 32, 32))
    weights = [name for name, parameter in learner.shared().items() if parameter.ndim > 1]
    assert len(weights) + 1 == 9  # and the head
    narrow = made("vgg9", (3, 32, 32), width=0.5)
    assert narrow.shared()[weights[3]].shape == (64, 64, 3, 3)


def test_vgg9_with_nine_convolutions() -> None:
    learner = made("vgg9", (3, 32, 32), convolutions=9)
    weights = {name: p.shape for name, p in learner.shared().items() if p.ndim > 1}
    assert len(weights) == 9 and all(shape[2:] == (3, 3) for shape in weights.values())
    assert list(weights.values())[-1] == (512, 512, 3, 3) and learner.own(0)["head.0.weight"].shape == (3, 512)


def test_narrow_network_of_clnp() -> None:
    sizes = [p.numel() for p in made("cnn-narrow", (3, 32, 32)).shared().values() if p.ndim > 1]
    assert sizes == [864, 9216, 18_432, 36_864, 2_097_152]  # 95 % of the parameters are in the dense layer, as there


def test_head_of_the_wide_network_is_a_convolution_and_its_mean() -> None:
    """CLNP table 3 ends with a convolution 3 x 3 to the classes and the mean over positions."""
    learner = cast(Classifier, made("cnn-wide", (3, 32, 32), width=0.02)).eval()
    images, head = torch.rand(2, 3, 32, 32), learner.head[0]
    scores, _ = learner.logits(images, torch.zeros(2, dtype=torch.long))
    units = images
    with of_tasks(learner._norms, torch.zeros(2, dtype=torch.long)):
        for layer in learner.trunk.hidden:
            for part in (layer.linear, *layer.rest):
                units = units if isinstance(part, nn.AvgPool2d) else part(units)
    assert units.shape == (2, 41, 5, 5)
    convolved = F.conv2d(units, head.weight.view(3, 41, 3, 3), head.bias)
    assert torch.allclose(scores, convolved.mean((2, 3)), atol=1e-5)


@pytest.mark.parametrize("heads", ["task", "class"])
@pytest.mark.parametrize("stem", ["imagenet", "small"])
def test_resnet18_is_that_of_torchvision(stem: str, heads: str) -> None:
    learner = made("resnet18", (3, 32, 32), stem=stem, heads=heads)
    theirs = {n: p.shape for n, p in resnet18().named_parameters() if not n.startswith("fc.")}
    ours = {n: p.shape for n, p in learner.trunk.named_parameters()}
    assert list(ours) == list(theirs)
    assert {n for n in ours if ours[n] != theirs[n]} == (set() if stem == "imagenet" else {"conv1.weight"})
    assert any(isinstance(module, TaskBatchNorm2d) for module in learner.modules()) == (heads == "task")
    assert any(isinstance(module, nn.BatchNorm2d) for module in learner.modules()) == (heads != "task")


def test_reduced_resnet18_of_gem() -> None:
    """A third of the channels (Lopez-Paz and Ranzato 2017): 20, 40, 80 and 160 in their code."""
    learner = made("resnet18", (3, 32, 32), stem="small", width=0.3125)
    shapes = {name: tuple(p.shape) for name, p in learner.shared().items() if p.ndim > 1}
    assert shapes["trunk.conv1.weight"] == (20, 3, 3, 3) and shapes["trunk.layer1.0.conv1.weight"] == (20, 20, 3, 3)
    assert shapes["trunk.layer4.0.downsample.0.weight"] == (160, 80, 1, 1)
    assert learner.own(0)["head.0.weight"].shape == (3, 160)
    assert round(sum(p.numel() for p in learner.shared().values()) / 1e6, 2) == 1.09
    assert learner.eval().predict(torch.rand(4, 3, 32, 32), torch.tensor([0, 2, 3, 4])).shape == (4,)


def test_resnet18_computes_what_torchvisions_does() -> None:
    learner, theirs = made("resnet18", (3, 32, 32), heads="class"), resnet18().train()
    theirs.fc = nn.Identity()
    theirs.load_state_dict(learner.trunk.state_dict())
    images = torch.rand(4, 3, 32, 32)
    assert torch.allclose(learner.trunk.train()(images), theirs(images), atol=1e-5)


def test_closed_channels_of_residual_blocks_count_for_nothing() -> None:
    trunk = made("resnet18", (3, 32, 32), heads="class").trunk.eval().double()
    torch.manual_seed(0)
    gates = [(torch.rand(1, layer.units) < 0.5).double() for layer in trunk.layers()]
    images = torch.rand(2, 3, 32, 32, dtype=torch.float64)
    with torch.no_grad():
        before, parameters = trunk(images, gates), dict(trunk.named_parameters())
        kept = weights_between(trunk.layers(), parameters, [gate[0].bool() for gate in gates])
        assert set(kept) == set(parameters)
        for name, mask in kept.items():  # all that HAT leaves free takes other values
            parameters[name].copy_(torch.where(mask, parameters[name], torch.randn_like(parameters[name])))
        assert torch.equal(trunk(images, gates), before)
        first = next(iter(kept))
        parameters[first].add_(kept[first] * 0.1)
        assert not torch.equal(trunk(images, gates), before)


def test_batch_normalisation_needs_two_samples(tmp_path: Path) -> None:
    assert made("lenet").smallest_batch == 1
    sets = ["model.name=vgg9", "train.batch_size=1"]
    with pytest.raises(UsageError, match=r"train\.batch_size: 1 in each process is too little for batch normalisation"):
        gencl.train("digits-mlp", "sgd", 0, tmp_path / "run", set=sets)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("shape", [(1, 16, 16), (3, 17, 30), (3, 32, 32)])
@pytest.mark.parametrize("name", NETWORKS)
def test_any_image_of_16_pixels_or_more(name: str, shape: tuple[int, int, int]) -> None:
    learner = made(name, shape, **({} if name == "lenet" else {"width": 0.1})).eval()
    images = torch.rand(4, *shape)
    assert learner.predict(images, torch.tensor([0, 2, 3, 4])).shape == (4,)


@pytest.mark.parametrize("name", NETWORKS)
def test_smaller_images_are_refused(name: str) -> None:
    with pytest.raises(
        UsageError, match=rf"{name} takes images of 16 x 16 pixels or more, not 8 x 28; .*data\.size=32"
    ):
        made(name, (1, 8, 28))
