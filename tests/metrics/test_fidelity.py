"""Scores in features: torch-fidelity's own figures, whatever the batches; and what measuring must not disturb."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset
from torch_fidelity import calculate_metrics
from torch_fidelity.registry import FEATURE_EXTRACTORS_REGISTRY, register_feature_extractor

import gencl
from gencl.core.processes import Processes
from gencl.datasets import digits, mnist
from gencl.datasets.dataset import Split
from gencl.metrics.digits_reader import DigitsReader
from gencl.metrics.evaluator import Evaluator
from gencl.metrics.fidelity import frechet_distance
from gencl.metrics.inception_score import inception_score
from gencl.metrics.kid import kernel_distances
from gencl.metrics.precision_recall import precision_recall
from gencl.metrics.reading import Reading, read
from gencl.metrics.real import read_real
from tests.conftest import grown, tiny

pytestmark = pytest.mark.numeric

CPU = torch.device("cpu")


class Images(TorchDataset):
    def __init__(self, images: Tensor) -> None:
        self.images = images.repeat(1, 3, 1, 1)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        return self.images[index]


def reading(images: Tensor, batch_size: int = 500) -> Reading:
    return read(DigitsReader(), len(images), images.__getitem__, batch_size, CPU, Processes(), keep=True)


@pytest.fixture(scope="module")
def pair() -> tuple[Tensor, Tensor]:
    """Eights, and half eights and half threes: near enough for precision and recall above 0."""
    data = digits.load().train
    eights, threes = (data.images[data.labels == c] for c in (8, 3))
    return torch.cat([eights[:60], threes[:60]]), eights


def test_agrees_with_torch_fidelity(pair: tuple[Tensor, Tensor]) -> None:
    if "digits" not in FEATURE_EXTRACTORS_REGISTRY:
        register_feature_extractor("digits", DigitsReader)
    theirs = calculate_metrics(
        **dict(zip(("input1", "input2"), map(Images, pair), strict=True)),
        feature_extractor="digits",
        **dict.fromkeys(("fid", "kid", "prc", "isc"), True),
        kid_subsets=10,
        kid_subset_size=120,
        cuda=False,
        verbose=False,
        cache=False,
        save_cpu_ram=True,
    )
    generated, real = map(reading, pair)
    assert generated.features is not None and real.features is not None and generated.logits is not None
    both = precision_recall(generated.features, real.features)
    ours = {
        "frechet_inception_distance": frechet_distance(generated.statistics, real.statistics),
        "kernel_inception_distance_mean": kernel_distances(generated.features, real.features)[0],
        "precision": both["precision"],
        "recall": both["recall"],
        "inception_score_mean": inception_score(generated.logits),
    }
    assert 0 < both["precision"] < 1 and 0 < both["recall"] < 1
    for name, value in ours.items():
        assert value == pytest.approx(theirs[name], rel=1e-4), name


def test_independent_of_batches_and_near_zero_on_itself() -> None:
    images = digits.load().train.images[:300]
    once, pieces = (reading(images, size) for size in (500, 37))
    assert once.statistics.n == pieces.statistics.n == 300
    assert torch.equal(once.answers, pieces.answers)
    torch.testing.assert_close(once.features, pieces.features, rtol=1e-4, atol=1e-3)
    scale = once.statistics.gaussian()["sigma"].trace()
    assert frechet_distance(once.statistics, pieces.statistics) < 1e-3 * scale
    halves = [reading(images[rows]).statistics for rows in (slice(0, 150), slice(150, 300))]
    total = once.statistics.total
    assert ((halves[0] + halves[1]).total - total).abs().max() < 1e-5 * total.abs().max()


def test_autocast_around_it_changes_nothing(pair: tuple[Tensor, Tensor]) -> None:
    plain = reading(pair[0])
    with torch.autocast("cpu", torch.bfloat16):
        cast = reading(pair[0])
    assert torch.equal(plain.statistics.outer, cast.statistics.outer)


def test_mode_collapse_keeps_precision_and_kills_recall(pair: tuple[Tensor, Tensor]) -> None:
    _, eights = pair
    half = len(eights) // 2
    real = reading(eights[half:]).features
    assert real is not None
    varied = reading(eights[:half]).features
    assert varied is not None
    typical = int((varied - real.mean(0)).square().sum(1).argmin())
    collapsed = reading(eights[typical : typical + 1].repeat(half, 1, 1, 1)).features
    assert collapsed is not None
    both, one = precision_recall(varied, real), precision_recall(collapsed, real)
    assert one["precision"] == 1 >= both["precision"]
    assert one["recall"] <= 0.02 < 0.5 < both["recall"]
    floor = kernel_distances(varied, real)[0]
    assert abs(floor) < 0.25 * kernel_distances(collapsed, real)[0]


def test_readings_are_cached_by_content_not_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENCL_CACHE", str(tmp_path))
    data = digits.load().train.select(torch.arange(40))
    reader, alone = DigitsReader(), Processes()
    first = read_real(reader, data, 40, alone)
    (file,) = (tmp_path / "statistics").iterdir()
    calls = 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    reader.register_forward_hook(count)
    again = read_real(reader, data, 40, alone)
    assert calls == 0 and torch.equal(first.statistics.outer, again.statistics.outer)
    changed = Split(data.images.clone(), data.labels)
    changed.images[0, 0, 0, 0] += 1
    read_real(reader, changed, 40, alone)
    assert calls == 1
    file.write_bytes(file.read_bytes()[:50])  # damaged: made again
    mended = read_real(reader, data, 40, alone)
    assert torch.equal(mended.statistics.outer, first.statistics.outer) and calls == 2
    kept = read_real(reader, data, 40, alone, keep=True)  # statistics alone were there
    assert calls == 3 and kept.features is not None and kept.features.shape == (40, 128)
    assert torch.equal(read_real(reader, data, 40, alone, keep=True).features, kept.features)  # type: ignore[arg-type]
    assert calls == 3


def test_what_was_read_in_other_batches_first_changes_no_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, reader, alone = digits.load().train.select(torch.arange(100)), DigitsReader(), Processes()
    sums = []
    for cache, sizes in (("alone", (100,)), ("after", (7, 100))):
        monkeypatch.setenv("GENCL_CACHE", str(tmp_path / cache))
        sums.append([read_real(reader, data, size, alone).statistics.outer for size in sizes][-1])
    assert torch.equal(*sums)


def test_a_cache_that_cannot_be_written_costs_time_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("GENCL_CACHE", str(tmp_path / "file"))
    data = digits.load().train.select(torch.arange(10))
    assert read_real(DigitsReader(), data, 16, Processes()).statistics.n == 10


def test_evaluation_leaves_random_states_and_the_learner_alone() -> None:
    settings = gencl.resolve("digits-cgan", assignments=tiny("digits-cgan"))
    learner, scenario = grown(settings)
    learner.train()
    evaluator = Evaluator(learner, scenario, settings.evaluate, 0)
    state, before = torch.get_rng_state(), {k: v.clone() for k, v in learner.state_dict().items()}
    first, second = (evaluator.evaluation(evaluator.snapshot(scenario.tasks[:1], final=True)) for _ in range(2))
    assert first == second and first["mean"].keys() > {"fid", "kid", "precision", "recall"}
    assert torch.equal(state, torch.get_rng_state()) and learner.training
    assert all(torch.equal(before[name], value) for name, value in learner.state_dict().items())


def test_reader_is_small_and_reads_the_held_out_digits() -> None:
    reader, test = DigitsReader(), digits.load().test
    accuracy = (reader(test.images)[1].argmax(1) == test.labels).float().mean()
    assert len(test) == 360 and accuracy >= 0.985
    assert DigitsReader.weights.stat().st_size < 1_000_000


@pytest.mark.data
def test_reader_reads_mnist(data_root: Path) -> None:
    reader, test = DigitsReader(), mnist.load(data_root).test
    answers = torch.cat([reader(part)[1].argmax(1) for part in test.images.split(1000)])
    assert (answers == test.labels).float().mean() >= 0.99


def test_reader_takes_colour_and_refuses_other_sizes() -> None:
    reader, images = DigitsReader(), digits.load().test.images[:4]
    assert torch.allclose(reader(images)[0], reader(images.repeat(1, 3, 1, 1))[0], atol=1e-4)
    with pytest.raises(ValueError, match="28x28"):
        reader(torch.zeros(1, 1, 32, 32, dtype=torch.uint8))
