"""Torchvision's data sets: the parts of those with one class per picture, and why the others are refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_Options = dict[str, Any]


def _by_train(*names: str, **others: Any) -> dict[str, Sequence[_Options]]:
    return {name: [{"train": True, **others}, {"train": False, **others}] for name in names}


def _by_split(train: str, test: str, *names: str, **others: Any) -> dict[str, Sequence[_Options]]:
    return {name: [{"split": train, **others}, {"split": test, **others}] for name in names}


PARTS: Mapping[str, Sequence[_Options]] = {
    **_by_train("CIFAR10", "CIFAR100", "FashionMNIST", "KMNIST", "MNIST", "QMNIST", "USPS"),
    **_by_train("EMNIST", split="balanced"),
    **_by_split("train", "test", "Country211", "DTD", "FER2013", "Flowers102", "Food101", "GTSRB", "PCAM"),
    **_by_split("train", "test", "RenderedSST2", "StanfordCars", "STL10", "SVHN"),
    **_by_split("trainval", "test", "FGVCAircraft", "OxfordIIITPet"),
    **_by_split("train", "val", "CLEVRClassification", "ImageNet", "Imagenette"),
    **_by_split("train-standard", "val", "Places365", small=True),
    "INaturalist": [{"version": "2021_train"}, {"version": "2021_valid"}],
    **{name: [{}] for name in ("Caltech101", "Caltech256", "EuroSAT", "Omniglot", "SEMEION", "SUN397")},
}
"""The options of the training part, and of the test part if there is one."""


def _because(reason: str, *names: str) -> dict[str, str]:
    return dict.fromkeys(names, reason)


REFUSED: Mapping[str, str] = {
    **_because("its targets are boxes of objects", "CocoDetection", "Kitti", "VOCDetection", "WIDERFace"),
    **_because("its targets are segmentations", "Cityscapes", "SBDataset", "VOCSegmentation"),
    **_because(
        "a picture has several attributes; gencl learns one class per picture (its faces alone: data.name=celeba)",
        "CelebA",
    ),
    **_because("its targets are captions", "CocoCaptions", "Flickr30k", "Flickr8k", "SBU"),
    **_because("it holds videos", "HMDB51", "Kinetics", "MovingMNIST", "UCF101"),
    **_because("its targets say whether two pictures belong together", "LFWPairs", "PhotoTour"),
    **_because("its test part shows other people than its training part", "LFWPeople"),
    **_because("its index is a pickle, which gencl never opens", "LSUN", "LSUNClass"),
    **_because(
        "its targets are movements between pictures", "FlyingChairs", "FlyingThings3D", "HD1K", "KittiFlow", "Sintel"
    ),
    **_because(
        "its targets are distances", "CarlaStereo", "CREStereo", "ETH3DStereo", "FallingThingsStereo", "InStereo2k",
        "Kitti2012Stereo", "Kitti2015Stereo", "Middlebury2014Stereo", "SceneFlowStereo", "SintelStereo",
    ),
    **_because("it is noise", "FakeData"),
    **_because("folders are named by their path, such as ./pictures", "DatasetFolder", "ImageFolder"),
}  # fmt: skip
