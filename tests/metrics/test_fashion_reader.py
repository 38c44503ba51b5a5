"""The bundled reader of clothes: features of digits from a network that never saw one."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

import gencl
from gencl.core.errors import UsageError
from gencl.metrics.fashion_reader import FashionReader
from gencl.runs.build import make_scenario
from gencl.scenarios.task import DataSource
from tests.conftest import gencl as command


def test_its_features_are_bundled() -> None:
    features, logits = FashionReader()(torch.zeros(3, 1, 28, 28, dtype=torch.uint8))
    assert features.shape == (3, 128) and logits.shape == (3, 10)
    assert torch.equal(features, FashionReader()(torch.zeros(3, 1, 28, 28, dtype=torch.uint8))[0])


def test_it_measures_a_digits_run_without_reading_classes() -> None:
    done = command("evaluate", "digits-cgan-anpyc", "--features", "fashion", "--metrics", "fid,kid", "--n", "40")
    assert done.returncode == 0 and "fashion features" in done.stdout
    refused = command("evaluate", "digits-cgan-anpyc", "--features", "fashion", "--metrics", "conditional_accuracy")
    assert refused.returncode == 2 and "conditional" in refused.stderr


def test_images_that_it_does_not_suit_are_refused() -> None:
    scenario = make_scenario(gencl.resolve("digits-cgan"), None)
    seen = replace(scenario, sources=(DataSource("fashion-mnist", 10, lambda: pytest.fail("read")),))
    with pytest.raises(UsageError, match="was trained on Fashion-MNIST"):
        FashionReader.for_scenario(seen)
    with pytest.raises(UsageError, match="28x28 only, and these images are 8x8"):
        FashionReader.for_scenario(make_scenario(gencl.resolve("digits-cgan", assignments=["data.size=8"]), None))
