"""Trains a bundled reader, on training images only.

    PYTHONPATH=. python gencl/metrics/weights/train_reader.py digits --data-root DIR
    PYTHONPATH=. python gencl/metrics/weights/train_reader.py fashion --data-root DIR

Writes digits-reader.safetensors or fashion-reader.safetensors beside itself and prints the accuracies on what was held
out. That of digits learns from MNIST and the embedded digits together, that of clothes from Fashion-MNIST. The bundled
weights came from these functions, 0.79 MB each: with two threads MNIST test 99.45 %, embedded digits held out 99.72 %
(359 of 360); with one thread 88.45 % on Fashion-MNIST's test images.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from gencl.core.folders import data_root
from gencl.datasets import digits, mnist
from gencl.datasets.dataset import Split
from gencl.metrics.bundled import BundledReader
from gencl.metrics.digits_reader import DigitsReader
from gencl.metrics.fashion_reader import FashionReader

DIGITS_REPEATS = 8  # there are 2 % as many embedded digits as MNIST images; eight times per epoch they weigh 16 %


def augment(images: Tensor) -> Tensor:
    """Shift images (n, 1, 28, 28) in [0, 1] by up to 2 pixels, turn by up to 10 degrees, scale by up to 10 %."""
    n = len(images)
    angle = (torch.rand(n) * 2 - 1) * 0.175
    scale = 1 + (torch.rand(n) * 2 - 1) * 0.1
    shift = (torch.rand(n, 2) * 2 - 1) * 2 / 14
    cos, sin = angle.cos() * scale, angle.sin() * scale
    theta = torch.stack([cos, -sin, shift[:, 0], sin, cos, shift[:, 1]], dim=1).view(n, 2, 3)
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)


def accuracy(reader: BundledReader, split: Split) -> float:
    """Return the share of the split that the classifier gets right."""
    reader.eval()
    with torch.no_grad():
        predicted = torch.cat([reader(part)[1].argmax(1) for part in split.images.split(1000)])
    return (predicted == split.labels).float().mean().item()


def fit(reader: BundledReader, train: Split, held_out: dict[str, Split], epochs: int) -> None:
    """Train a classifier from scratch, print its accuracies after each epoch, and write its weights."""
    reader.requires_grad_(True)
    for module in reader.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    optimizer = torch.optim.AdamW(reader.parameters(), lr=2e-3, weight_decay=1e-2)
    batches = len(train) // 128
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=epochs * batches)
    for epoch in range(epochs):
        reader.train()
        order = torch.randperm(len(train))
        for rows in order[: batches * 128].view(batches, 128):
            images = augment(train.images[rows].float() / 255)
            loss = F.cross_entropy(reader.head(F.relu(reader.read(images))), train.labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        figures = ", ".join(f"{name} {accuracy(reader, split):.4f}" for name, split in held_out.items())
        print(f"epoch {epoch + 1}: {figures}", flush=True)
    save_file({name: value.contiguous() for name, value in reader.state_dict().items()}, reader.weights)
    print(f"{reader.weights.name}: {reader.weights.stat().st_size / 1e6:.2f} MB")


def digit_reader(root: Path, epochs: int) -> None:
    """Train the digit classifier on MNIST and the embedded digits."""
    large, small = mnist.load(root), digits.load()
    train = Split.concatenate([large.train] + [small.train] * DIGITS_REPEATS)
    held_out = {"MNIST test": large.test, "embedded digits held out": small.test}
    fit(DigitsReader(trained=False), train, held_out, epochs)


def fashion_reader(root: Path, epochs: int) -> None:
    """Train the classifier of clothes on Fashion-MNIST."""
    clothes = mnist.load_fashion(root)
    fit(FashionReader(trained=False), clothes.train, {"Fashion-MNIST test": clothes.test}, epochs)


READERS = {"digits": (digit_reader, 10), "fashion": (fashion_reader, 4)}
"""The function that trains each classifier, and its number of epochs."""


def main() -> None:
    """Train the chosen classifier and write its weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reader", choices=READERS)
    parser.add_argument("--data-root", type=Path)
    parser.add_argument("--epochs", type=int)
    chosen = parser.parse_args()
    train, epochs = READERS[chosen.reader]
    torch.manual_seed(0)
    train(data_root(chosen.data_root), chosen.epochs or epochs)


if __name__ == "__main__":
    main()
