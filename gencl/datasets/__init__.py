"""Named images and labels, as tensors."""

from gencl.registry import Registry

DATASETS = Registry(
    "data set",
    {
        "digits": (
            "gencl.datasets.digits:load",
            "1,797 real handwritten digits, 8x8 enlarged to 28x28; embedded, no network",
        ),
        "mnist": ("gencl.datasets.mnist:load", "70,000 handwritten digits, 28x28; torchvision's files"),
    },
    group="gencl.datasets",
)
