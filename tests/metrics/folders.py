"""Folders of small pictures, a colour a class, and scenarios of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

import gencl
from gencl.runs.build import make_scenario
from gencl.scenarios.task import Scenario

COLOURS = {
    "red": (200, 30, 30),
    "green": (30, 200, 30),
    "blue": (30, 30, 200),
    "white": (200, 200, 200),
    "dark": (9,) * 3,
}


def fill(folder: Path, names: list[str], each: int = 10) -> str:
    """Pictures of 12x12, one colour a class, with noise."""
    for name in names:
        (folder / name).mkdir(parents=True)
        random = np.random.default_rng(sum(name.encode()))
        for number in range(each):
            pixels = np.array(COLOURS[name]) + random.integers(-9, 40, (12, 12, 3))
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / name / f"{number}.png")
    return str(folder)


def scenario_of(*assignments: str) -> Scenario:
    return make_scenario(gencl.resolve("digits-cgan", assignments=assignments), None)


def domains_of(*folders: str, more: tuple[str, ...] = ()) -> Scenario:
    return scenario_of("scenario.name=domains", f"scenario.domains=[{','.join(folders)}]", *more)
