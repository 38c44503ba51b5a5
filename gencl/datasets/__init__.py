"""Data sets: named images and labels as tensors, and their registry."""

from gencl.core.registry import Registry

DATASETS = Registry(
    "data set",
    {
        "digits": (
            "gencl.datasets.digits:load",
            "1,797 real handwritten digits, 8x8 enlarged to 28x28; embedded, no network",
        ),
        "mnist": ("gencl.datasets.mnist:load", "70,000 handwritten digits, 28x28; torchvision's files"),
        "fashion-mnist": (
            "gencl.datasets.mnist:load_fashion",
            "70,000 articles of clothing, 28x28; as MNIST",
        ),
        "notmnist": ("gencl.datasets.notmnist:load", "letters A to J in many fonts, 28x28; a folder"),
        "cifar10": ("gencl.datasets.cifar:load_cifar10", "60,000 photographs, 10 classes, 32x32; torchvision's files"),
        "cifar100": (
            "gencl.datasets.cifar:load_cifar100",
            "60,000 photographs, 100 classes, 32x32; as CIFAR-10",
        ),
        "svhn": ("gencl.datasets.svhn:load", "99,289 house-number digits, 32x32; torchvision's files"),
        "stl10": ("gencl.datasets.stl10:load", "13,000 photographs, 10 classes, 96x96; torchvision's files"),
        "caltech101": (
            "gencl.datasets.caltech101:load",
            "9,144 pictures less the background class: 101 classes, of many sizes; torchvision's archive",
        ),
        "tiny-imagenet": (
            "gencl.datasets.tiny_imagenet:load",
            "photographs, 200 classes, 64x64; the official folder, or some of its classes in a folder",
        ),
        "emoji": ("gencl.datasets.emoji:load", "1,520 Noto emoji, 8 categories, 64x64; an npm package or a folder"),
        "celeba": (
            "gencl.datasets.faces:load_celeba",
            "202,599 photographs of faces; the official files (by hand, from Google Drive) or a folder",
        ),
        "anime": ("gencl.datasets.faces:load_anime", "faces of drawn characters; a folder"),
    },
    group="gencl.datasets",
    check="gencl.datasets.check:problem",
)


def has_name(data: str) -> bool:
    """Return whether ``data`` is the fixed name of a data set.

    A user's folder has none: renaming it changes nothing.
    """
    return ":" in data or data in DATASETS
