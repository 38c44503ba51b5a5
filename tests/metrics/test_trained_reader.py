"""The reader that is trained on the data sets' own training images: which images it sees, who shares it, its cache."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import gencl
from gencl.experiments.compare import compare
from gencl.metrics import trained_reader
from gencl.metrics.extractors import make_extractor
from gencl.metrics.lessons import Lessons, TrainingPlan
from gencl.metrics.trained_reader import TrainedReader
from tests.metrics.folders import domains_of, fill, scenario_of

BRIEF = TrainingPlan(steps=4, fewest_steps=4)


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return fill(tmp_path / "colours", ["red", "green", "blue"])


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GENCL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(trained_reader, "TRAINING_PLAN", BRIEF)
    return tmp_path / "cache" / "readers"


def weights(cache: Path) -> list[bytes]:
    return [file.read_bytes() for file in sorted(cache.glob("*.safetensors"))]


def test_trained_once_to_the_same_bytes_and_then_taken_from_the_cache(
    folder: str, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scenario = scenario_of(f"data.name={folder}")
    state = torch.get_rng_state()
    first = TrainedReader.for_scenario(scenario)
    assert torch.equal(state, torch.get_rng_state())
    said = capsys.readouterr().err
    assert "training a reader of colours, 3 classes, 24 images" in said and "of 6 held-out images right" in said
    before = weights(cache)
    again = TrainedReader.for_scenario(scenario)
    assert capsys.readouterr().err == ""
    images = scenario.tasks[0].test.images
    assert torch.equal(first(images)[0], again(images)[0]) and not again.training
    assert first.version == again.version and first.accuracy == again.accuracy
    for file in cache.iterdir():
        file.unlink()
    TrainedReader.for_scenario(scenario, progress="silent")
    assert weights(cache) == before and capsys.readouterr().err == ""


@pytest.mark.parametrize("damage", ["weights cut off", "card altered", "card gone", "weights gone", "not JSON"])
def test_a_damaged_cache_is_said_and_made_again(
    damage: str, folder: str, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scenario = scenario_of(f"data.name={folder}")
    version = TrainedReader.for_scenario(scenario).version
    before = weights(cache)
    (file,), (card,) = cache.glob("*.safetensors"), cache.glob("*.json")
    if damage == "weights cut off":
        file.write_bytes(before[0][:999])
    elif damage == "card altered":
        card.write_text(json.dumps({**json.loads(card.read_text()), "accuracy": 7}))
    elif damage == "not JSON":
        card.write_text("{")
    else:
        (file if damage == "weights gone" else card).unlink()
    capsys.readouterr()
    assert TrainedReader.for_scenario(scenario).version == version
    assert "is damaged and trained again" in capsys.readouterr().err and weights(cache) == before


def test_a_cache_that_cannot_be_written_costs_time_only(folder: str, cache: Path) -> None:
    scenario = scenario_of(f"data.name={folder}")
    version = TrainedReader.for_scenario(scenario).version
    for file in cache.iterdir():
        file.unlink()
    cache.rmdir()
    cache.write_text("a file in the way")
    assert TrainedReader.for_scenario(scenario).version == version


def test_limits_orders_groups_and_number_of_tasks_share_a_reader() -> None:
    variants: list[tuple[str, ...]] = [
        (),
        ("data.limit=20",),
        ("scenario.order=[3,1,2,0,4,5,6,7,8,9]",),
        ("scenario.classes_per_task=5",),
        ("scenario.tasks=2",),
        ("data.validation=0.3",),
        ("scenario.name=domains", "scenario.domains=[digits]"),
    ]
    lessons = [Lessons(scenario_of("data.size=14", *more), "test", BRIEF) for more in variants]
    assert len({one.key for one in lessons}) == 1 and {len(one.train) for one in lessons} == {1437}
    others = [scenario_of("data.size=15"), scenario_of("data.size=14", "data.channels=3")]
    assert len({lessons[0].key, *(Lessons(other, "test", BRIEF).key for other in others)}) == 3
    assert Lessons(scenario_of("data.size=14"), "test", TrainingPlan(version=99)).key != lessons[0].key


def test_tasks_that_are_added_later_change_no_reader(folder: str, tmp_path: Path) -> None:
    more = f"extend=[{{data: {fill(tmp_path / 'more', ['white', 'dark'])}}}]"
    first, longer = (scenario_of(f"data.name={folder}", *extended) for extended in ((), (more,)))
    assert len(longer.tasks) == len(first.tasks) + 1
    one, two = (TrainedReader.for_scenario(scenario) for scenario in (first, longer))
    assert one.version == two.version and torch.equal(one.head.weight, two.head.weight)
    extractor = make_extractor(scenario_of(more), gencl.resolve().evaluate)
    assert extractor is not None and extractor.name == "digits"


def test_what_scores_compare_with_is_not_seen() -> None:
    scenario = scenario_of("data.size=14", "data.validation=0.3", "scenario.classes_per_task=5")

    def contents(*splits: gencl.datasets.dataset.Split) -> set[bytes]:
        return {image.numpy().tobytes() for split in splits for image in split.images}

    test, validation = (contents(*(getattr(task, part) for task in scenario.tasks)) for part in ("test", "validation"))
    everything, without = (Lessons(scenario, split, BRIEF).train for split in ("test", "validation"))
    assert len(everything) == 1437 and not contents(everything) & test
    assert len(validation) > 400 and not contents(without) & validation
    assert len(without) == sum(len(task.train) for task in scenario.tasks)


def test_in_mixed_domains_the_class_numbers_are_the_scenarios(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trained_reader, "TRAINING_PLAN", TrainingPlan(steps=60, fewest_steps=60))
    a, b = fill(tmp_path / "a", ["red", "green", "blue"]), fill(tmp_path / "b", ["white", "dark"])
    for names in ((a, b), (b, a)):
        scenario = domains_of(*names)
        reader = make_extractor(scenario, gencl.resolve().evaluate)
        assert isinstance(reader, TrainedReader) and reader.accuracy == 1
        for task in scenario.tasks:
            logits = reader(task.test.images)[1]
            assert logits.shape[1] == 5 and torch.equal(logits.argmax(1), task.test.labels)
    assert len(weights(cache)) == 1  # the order of domains does not matter


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (3, 96, 96), (1, 4, 4), (3, 20, 45)])
def test_images_of_all_sizes_can_be_read(shape: tuple[int, int, int]) -> None:
    reader = TrainedReader(shape=shape, classes=7).eval()
    features, logits = reader(torch.zeros(2, 3, *shape[1:], dtype=torch.uint8))
    assert features.shape == (2, 128) and logits.shape == (2, 7)
    with pytest.raises(ValueError, match="uint8"):
        reader(torch.zeros(2, 3, 50, 50, dtype=torch.uint8))


def test_a_run_learns_the_same_whether_a_reader_is_trained_or_not(folder: str, tmp_path: Path) -> None:
    sets = [f"data.name={folder}", "train.steps=3", "model.width=4", "evaluate.samples=6", "scenario.tasks=2"]
    none, read = (
        gencl.train(
            "digits-cgan", "sgd", out=tmp_path / name, set=[*sets, f"evaluate.features={name}"], progress="silent"
        )
        for name in ("none", "auto")
    )
    models = [(run.path / "model.safetensors").read_bytes() for run in (none, read)]
    assert models[0] == models[1]
    assert not none.metrics["matrices"]
    assert set(read.metrics["matrices"]) == {"fid", "kid", "conditional_accuracy"}
    features = read.metrics["features"]
    assert features["name"] == "reader" and len(features["version"]) == 12 and 0 <= features["accuracy"] <= 1
    result = gencl.evaluate(read.path)
    assert result["features"] == features and result["tasks"][1]["fid"] == read.metrics["matrices"]["fid"][1][1]


def test_a_comparison_trains_the_reader_once_before_its_cells(
    folder: str, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # the cells run in processes of their own, so with this plan
    monkeypatch.setattr(trained_reader, "TRAINING_PLAN", TrainingPlan())
    sets = [f"data.name={folder}", "train.steps=2", "model.width=4", "evaluate.samples=6", "scenario.tasks=2"]
    result = compare("sgd", [0], tmp_path / "c", "digits-cgan", set=sets, threads=1, device="cpu")
    assert "fid" in result["methods"]["sgd"] and "training a reader" in capsys.readouterr().err
    (card,) = cache.glob("*.json")
    metrics = json.loads((tmp_path / "c" / "sgd" / "seed-0" / "metrics.json").read_text())
    assert metrics["features"]["version"] == json.loads(card.read_text())["sha256"][:12]


@pytest.mark.data
def test_a_short_training_reads_fashion(data_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENCL_DATA", str(data_root))
    scenario = scenario_of("data.name=fashion-mnist", "data.limit=2", "scenario.tasks=2")
    reader = TrainedReader.for_scenario(scenario, recipe=TrainingPlan(steps=25, fewest_steps=25))
    assert reader.accuracy > 0.5
