"""Where images lie: on disk, in the host's memory, on the device; what is taken is the same and comes to the labels."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from gencl.core.errors import UsageError
from gencl.core.settings import DataSettings
from gencl.datasets import placing
from gencl.datasets.dataset import Split
from gencl.datasets.folder import read_folder
from gencl.datasets.placing import placed
from gencl.presets import resolve
from gencl.runs.build import make_scenario
from gencl.scenarios.source import Ahead
from gencl.scenarios.task import Scenario, Task
from tests.datasets.test_folder import fill

DEVICE = "meta"
"""One that is not the CPU, and is always there: it has shapes and no content."""


@pytest.fixture
def part(tmp_path: Path) -> Split:
    """Pictures on disk, of two classes."""
    fill(tmp_path / "own" / "one", range(20)), fill(tmp_path / "own" / "two", range(50, 70))
    return read_folder(tmp_path / "own", DataSettings()).train


def scenario(folder: Path, *more: str) -> Scenario:
    return make_scenario(resolve("digits-mlp", assignments=[f"data.name={folder}", *more]), None)


def test_on_a_cpu_images_stay_on_disk_unless_they_are_asked_into_memory(part: Split) -> None:
    for place in ("auto", "host"):
        (kept,) = placed([part], "cpu", place)
        assert kept.store is part.store
    (moved,) = placed([part], "cpu", "device")
    assert not moved.store.on_disk and torch.equal(moved.images, part.images)
    assert moved.fingerprint() == part.fingerprint()


def test_only_what_is_shown_is_moved_and_what_several_show_is_there_once(part: Split) -> None:
    pixels = torch.randperm(64)
    splits = [part.select(torch.arange(8)), part.select(torch.arange(4, 12)).permuted(pixels), part.permuted(pixels)]
    some = placed(splits[:2], "cpu", "device")
    assert some[0].store is some[1].store and len(some[0].store) == 12 < len(part.store)
    for moved, split in zip(placed(splits, "cpu", "device") + some, [*splits, *splits[:2]], strict=True):
        assert torch.equal(moved.images, split.images) and torch.equal(moved.labels, split.labels)
        assert torch.equal(moved.select(moved.labels == 1).images, split.images[split.labels == 1])


def test_images_in_memory_are_not_copied_on_their_device() -> None:
    plain = Split(torch.zeros(3, 1, 2, 2, dtype=torch.uint8), torch.arange(3))
    assert all(placed([plain], "cpu", place)[0].store is plain.store for place in ("auto", "host", "device"))


def test_images_that_stay_with_the_host_come_to_the_labels(part: Split) -> None:
    (kept,), (moved,) = placed([part], DEVICE, "host"), placed([part], DEVICE, "auto")
    assert kept.store is part.store and moved.store.device.type == DEVICE
    assert [one.resident for one in (part, kept, moved)] == [False, False, True]
    rows = torch.tensor([3, 1])
    for split in (kept, moved):
        assert split.labels.device.type == DEVICE and len(split) == len(part)
        assert split.take(rows).device.type == DEVICE and split.take(rows).shape == (2, 1, 8, 8)
        assert split.images.device.type == DEVICE and split.images.shape == part.images.shape
        assert split.select(rows).take(torch.tensor([0])).device.type == DEVICE
    assert kept.select(rows).store is part.store
    joined = Split.concatenate([kept, *placed([Split(part.images, part.labels)], DEVICE, "host")])
    assert joined.store.device.type == "cpu" and joined.take(rows).shape == (2, 1, 8, 8)


def test_a_device_without_room_leaves_them_with_the_host(part: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    needed = len(part) * 64
    for free, place in ((2 * needed, DEVICE), (2 * needed - 2, "cpu")):
        monkeypatch.setattr(placing, "_free", lambda device, free=free: float(free))
        assert placed([part], DEVICE, "auto")[0].store.device.type == place
    monkeypatch.setattr(placing, "_free", lambda device: needed - 1.0)
    for device in (DEVICE, "cpu"):
        with pytest.raises(UsageError, match=rf"data\.place: the images take .* {device} has .*use data\.place=host"):
            placed([part], device, "device")


def test_batches_of_images_with_the_host_are_those_of_images_on_the_device(tmp_path: Path) -> None:
    for name in "ab":
        fill(tmp_path / "own" / name, range(30 * ord(name), 30 * ord(name) + 30))
    whole = scenario(tmp_path / "own", "scenario.classes_per_task=2", "data.flip=yes")
    sources = [whole.to("cpu", place).tasks[0].source(16, 3) for place in ("host", "device")]
    for step in (0, 1, 2, 7, 3):
        one, other = (source.batch(step) for source in sources)
        assert all(torch.equal(tensor, other.tensors()[name]) for name, tensor in one.tensors().items())
    batch = whole.to(DEVICE, "host").tasks[0].source(16, 3).batch(5)
    assert batch.inputs.device.type == batch.classes.device.type == DEVICE and batch.inputs.shape == (16, 1, 8, 8)


def test_reading_ahead_gives_what_is_asked_for_whatever_was_foreseen() -> None:
    read: list[int] = []

    def look(rows: torch.Tensor) -> torch.Tensor:
        read.append(int(rows[0]))
        return 10 * rows

    ahead, rows = Ahead(look), [torch.tensor([step, step + 1]) for step in range(9)]
    for step in (0, 1, 2, 3):
        assert ahead.take(rows[step], rows[step + 1]).tolist() == [10 * step, 10 * step + 10]
    assert read[:4] == [0, 1, 2, 3]  # each once, and in their order
    for step in (7, 2, 3):
        assert ahead.take(rows[step], rows[step + 1]).tolist() == [10 * step, 10 * step + 10]


def test_what_cannot_be_read_ahead_is_an_error_of_its_own_step() -> None:
    def look(rows: torch.Tensor) -> torch.Tensor:
        if rows.item() == 1:
            raise OSError("gone")
        return rows

    ahead = Ahead(look)
    ahead.take(torch.tensor([0]), torch.tensor([1]))
    with pytest.raises(OSError, match="gone"):
        ahead.take(torch.tensor([1]), torch.tensor([2]))


def test_merged_tasks_of_several_folders_stay_on_disk(tmp_path: Path) -> None:
    folders = [fill(tmp_path / name, range(9 * i, 9 * i + 9)) for i, name in enumerate("ab")]
    chosen = ["scenario.domains=" + repr([str(folder) for folder in folders]), "data.size=8", "data.channels=1"]
    tasks = make_scenario(resolve("folders-cgan", assignments=[*chosen, "data.validation=0"]), None).tasks
    merged = Task.merge(tasks)
    assert merged.train.store.on_disk and len(merged.train) == sum(len(task.train) for task in tasks)
    assert torch.equal(merged.train.images, torch.cat([task.train.images for task in tasks]))
