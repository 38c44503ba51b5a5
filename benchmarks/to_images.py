"""A generator's last layer against torch's own transposed convolution, interleaved, as ratios.

python -m benchmarks.to_images [--threads N] [--rounds N]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import nn

from gencl.learners.networks.to_images import ToImages

CASES = {"28x28 grey": (16, 1, 4, 14), "32x32 colour": (16, 3, 4, 16), "64x64 colour, stride 4": (32, 3, 8, 16)}
"""(channels in, channels out, kernel, side in); the stride is half the kernel, a batch has 32 images."""


def seconds(work: Callable[[], object], repeats: int = 10) -> float:
    begun = time.perf_counter()
    for _ in range(repeats):
        work()
    return (time.perf_counter() - begun) / repeats


def both_ways(layer: nn.Module, units: torch.Tensor) -> None:
    layer(units).sum().backward()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=11)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for name, (inner, channels, kernel, side) in CASES.items():
        shape = (inner, channels, kernel, kernel // 2, kernel // 4)
        layers = {"torch": nn.ConvTranspose2d(*shape), "ours": ToImages(*shape)}
        units = torch.randn(32, inner, side, side, requires_grad=True)
        taken: dict[str, list[float]] = {f"{which} {way}": [] for which in layers for way in ("forward", "both ways")}
        for _ in range(options.rounds):
            for which, layer in layers.items():
                with torch.no_grad():
                    taken[f"{which} forward"].append(seconds(partial(layer, units)))
                taken[f"{which} both ways"].append(seconds(partial(both_ways, layer, units)))
        middle = {key: statistics.median(values) for key, values in taken.items()}
        ratios = {way: middle[f"torch {way}"] / middle[f"ours {way}"] for way in ("forward", "both ways")}
        print(f"{name}: torch's takes", ", ".join(f"{ratio:.1f} x {way}" for way, ratio in ratios.items()))


if __name__ == "__main__":
    main()
