"""FID with the bundled reader: torch-fidelity's own figure, whatever the batches; and what measuring must not
disturb."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset
from torch_fidelity import calculate_metrics
from torch_fidelity.registry import FEATURE_EXTRACTORS_REGISTRY, register_feature_extractor

import gencl
from gencl.datasets import digits, mnist
from gencl.datasets.dataset import Split
from gencl.metrics.digits_reader import DigitsReader
from gencl.metrics.evaluator import Evaluator
from gencl.metrics.fidelity import frechet_distance
from gencl.metrics.statistics import cached_statistics, statistics_of
from tests.conftest import grown, tiny


class Images(TorchDataset):
    def __init__(self, images: Tensor) -> None:
        self.images = images.repeat(1, 3, 1, 1)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        return self.images[index]


def test_agrees_with_torch_fidelity() -> None:
    data = digits.load().train
    real, other = data.images[data.labels == 3], data.images[data.labels == 8]
    if "digits" not in FEATURE_EXTRACTORS_REGISTRY:
        register_feature_extractor("digits", DigitsReader)
    theirs = calculate_metrics(
        input1=Images(other),
        input2=Images(real),
        feature_extractor="digits",
        fid=True,
        cuda=False,
        verbose=False,
        cache=False,
    )["frechet_inception_distance"]
    reader = DigitsReader()
    ours = frechet_distance(statistics_of(reader(other)[:1]), statistics_of(reader(real)[:1]))
    assert ours == pytest.approx(theirs, rel=1e-4)


def test_independent_of_batches_and_near_zero_on_itself() -> None:
    images, reader = digits.load().train.images[:300], DigitsReader()
    once = statistics_of(reader(images)[:1])
    pieces = statistics_of(reader(part)[0] for part in images.split(37))
    assert once.n == pieces.n == 300
    assert (once.outer - pieces.outer).abs().max() < 1e-5 * once.outer.abs().max()
    scale = once.gaussian()["sigma"].trace()
    assert frechet_distance(once, pieces) < 1e-3 * scale
    halves = [statistics_of(reader(images[rows])[:1]) for rows in (slice(0, 150), slice(150, 300))]
    assert ((halves[0] + halves[1]).total - once.total).abs().max() < 1e-5 * once.total.abs().max()


def test_statistics_are_cached_by_content_not_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENCL_CACHE", str(tmp_path))
    data = digits.load().train.select(torch.arange(40))
    reader = DigitsReader()
    first = cached_statistics(reader, data, 16)
    (file,) = (tmp_path / "statistics").iterdir()
    calls = 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    reader.register_forward_hook(count)
    again = cached_statistics(reader, data, 40)
    assert calls == 0 and torch.equal(first.outer, again.outer)
    changed = Split(data.images.clone(), data.labels)
    changed.images[0, 0, 0, 0] += 1
    cached_statistics(reader, changed, 40)
    assert calls == 1
    file.write_bytes(file.read_bytes()[:50])  # damaged: made again
    mended = cached_statistics(reader, data, 40)
    assert (mended.outer - first.outer).abs().max() < 1e-5 * first.outer.abs().max()
    assert calls == 2


def test_evaluation_leaves_random_states_and_the_learner_alone() -> None:
    settings = gencl.resolve("digits-cgan", assignments=tiny("digits-cgan"))
    learner, scenario = grown(settings)
    learner.train()
    evaluator = Evaluator(learner, scenario, settings.evaluate, 0)
    state, before = torch.get_rng_state(), {k: v.clone() for k, v in learner.state_dict().items()}
    first = evaluator.measure(evaluator.snapshot(), scenario.tasks[:1])
    second = evaluator.measure(evaluator.snapshot(), scenario.tasks[:1])
    assert first == second
    assert torch.equal(state, torch.get_rng_state()) and learner.training
    assert all(torch.equal(before[name], value) for name, value in learner.state_dict().items())


def test_reader_is_small_and_reads_the_held_out_digits() -> None:
    reader, test = DigitsReader(), digits.load().test
    accuracy = (reader(test.images)[1].argmax(1) == test.labels).float().mean()
    assert len(test) == 360 and accuracy >= 0.985
    from gencl.metrics.digits_reader import WEIGHTS

    assert WEIGHTS.stat().st_size < 1_000_000


@pytest.mark.data
def test_reader_reads_mnist(data_root: Path) -> None:
    reader, test = DigitsReader(), mnist.load(data_root).test
    found = torch.cat([reader(part)[1].argmax(1) for part in test.images.split(1000)])
    assert (found == test.labels).float().mean() >= 0.99


def test_reader_takes_colour_and_refuses_other_sizes() -> None:
    reader, images = DigitsReader(), digits.load().test.images[:4]
    assert torch.allclose(reader(images)[0], reader(images.repeat(1, 3, 1, 1))[0], atol=1e-4)
    with pytest.raises(ValueError, match="28x28"):
        reader(torch.zeros(1, 1, 32, 32, dtype=torch.uint8))
