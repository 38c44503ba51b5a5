"""Whether KID is biased where the feature extractor was trained on the images that it compares.

    python -m benchmarks.seen_images --data-root DIR

Trains the digit reader on half of MNIST's training images, then takes KID between equally many images of each digit:
both of the half it saw, one of each half, both of the other half, and each half against the test images. If seeing
images drew their features together, a seen half would be far from the unseen half of the same training images. The last
rows give the same for `fashion`, which saw none of them. Means over the ten digits, and their standard errors.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

import torch

from gencl.datasets import mnist
from gencl.datasets.dataset import Split, data_root
from gencl.metrics.digits_reader import DigitsReader
from gencl.metrics.fashion_reader import FashionReader
from gencl.metrics.kid import kernel_distance
from gencl.metrics.reader import Reader
from gencl.metrics.weights.train_digits_reader import arguments, fit

EACH = 850
"""Images of a digit on each side: the rarest one has 892 test images."""


def distances(reader: Reader, seen: Split, unseen: Split, test: Split) -> dict[str, list[float]]:
    """KID of every digit, for each pair of sets."""

    def features(split: Split, digit: int, part: int = 0) -> torch.Tensor:
        images = split.images[split.labels == digit][part * EACH : (part + 1) * EACH]
        return torch.cat([reader(some)[0] for some in images.split(500)])

    found: dict[str, list[float]] = {}
    for digit in range(10):
        one, other, held_out = (features(split, digit) for split in (seen, unseen, test))
        pairs = {
            "seen, seen": (one, features(seen, digit, 1)),
            "seen, unseen": (one, other),
            "unseen, unseen": (other, features(unseen, digit, 1)),
            "seen, test": (one, held_out),
            "unseen, test": (other, held_out),
            "seen, next digit": (one, features(seen, (digit + 1) % 10)),
        }
        for name, pair in pairs.items():
            found.setdefault(name, []).append(kernel_distance(*pair))
    return found


def main() -> None:
    """Trains the reader and prints the table."""
    chosen = arguments(__doc__, 8)
    torch.manual_seed(0)
    data = mnist.load(data_root(chosen.data_root))
    order = torch.randperm(len(data.train))
    seen, unseen = (data.train.select(rows) for rows in order.chunk(2))
    half = DigitsReader()
    with tempfile.TemporaryDirectory() as folder:
        fit(half, seen, {"MNIST test": data.test}, chosen.epochs, Path(folder) / "half.safetensors")
    print("| extractor | images | KID |\n| --- | --- | ---: |")
    for reader in (half.eval(), FashionReader()):
        with torch.no_grad():
            found = distances(reader, seen, unseen, data.test)
        for name, values in found.items():
            error = statistics.stdev(values) / len(values) ** 0.5
            print(f"| {reader.name} | {name} | {statistics.fmean(values):.1f} ± {error:.1f} |")


if __name__ == "__main__":
    main()
