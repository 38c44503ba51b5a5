"""Joint training with a fixed number of images of each task in a batch (Golkar et al. 2019, appendix A)."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import torch

import gencl
from gencl.core.errors import UsageError
from gencl.presets import resolve
from gencl.runs.build import make_scenario
from gencl.scenarios.task import Task
from tests.conftest import killed_at, tiny
from tests.training.test_resuming import model_bytes


def tasks(*more: str) -> tuple[Task, ...]:
    return make_scenario(resolve("digits-mlp", assignments=["scenario.order=given", *more]), None).tasks


def test_each_batch_has_as_many_images_of_each_task_as_shares_say() -> None:
    parts = tasks("scenario.tasks=3")
    merged = Task.merge(parts, (5, 1, 1))
    source, of_task = merged.source(28, 7), {c: part.index for part in parts for c in part.classes}
    batches = [source.batch(step) for step in range(60)]
    for batch in batches:
        assert Counter(of_task[c] for c in batch.classes.tolist()) == {0: 20, 1: 4, 2: 4}
    # the order within a task is that in which it is learned alone
    alone = parts[0].source(20, 7).batch(3).index
    assert alone is not None and batches[3].index is not None
    assert set(batches[3].index[batches[3].index < len(parts[0].train)].tolist()) == set(alone.tolist())
    visits = Counter(row for batch in batches for row in batch.index.tolist())
    first = [visits[row] for row in range(len(parts[0].train))]
    assert max(first) - min(first) <= 1 and sum(first) == 1200  # begins again as its images run out


def test_images_are_those_of_their_rows_mirrored_or_not() -> None:
    plain, flipped = (Task.merge(tasks("scenario.tasks=2", *more), (3, 1)) for more in ((), ("data.flip=yes",)))
    same = []
    for step in range(20):
        one, other = plain.source(16, 3).batch(step), flipped.source(16, 3).batch(step)
        kept = (one.inputs == other.inputs).flatten(1).all(1)
        assert (kept | (one.inputs == other.inputs.flip(3)).flatten(1).all(1)).all()
        same.append(kept)
    assert 0.35 < torch.cat(same).float().mean() < 0.65


def test_processes_have_all_tasks_in_their_part() -> None:
    parts = tasks("scenario.tasks=2")
    source = Task.merge(parts, (1, 1)).source(64, 0)
    shares = [source.batch(2, rank, 2) for rank in range(2)]
    assert torch.equal(torch.cat([share.classes for share in shares]), source.batch(2).classes)
    for share in shares:
        assert set(share.classes.tolist()) & set(parts[0].classes)
        assert set(share.classes.tolist()) & set(parts[1].classes)


def test_a_task_that_comes_back_is_dealt_once() -> None:
    first, second = tasks("scenario.tasks=2")
    again = Task(2, "again", first.classes, first.train, first.validation, first.test, again=0)
    merged = Task.merge((first, second, again), (2, 1, 1))
    classes = merged.source(30, 0).batch(0).classes
    assert sum(c in first.classes for c in classes.tolist()) == 20


SETS = [*tiny("digits-mlp"), "method.shares=[5,1]", "train.batch_size=28", "train.checkpoint_every=1"]


def test_a_run_learns_from_them_and_resumes(tmp_path: Path) -> None:
    def train(name: str, sets: list[str]) -> gencl.Run:
        return gencl.train("digits-mlp", "joint", 0, tmp_path / name, set=sets, progress="silent")

    whole = train("whole", SETS)
    plain = train("plain", [one for one in SETS if not one.startswith("method")])
    assert model_bytes(whole) != model_bytes(plain) and "shares" not in (plain.path / "config.yaml").read_text()
    with killed_at(3):
        train("stopped", SETS)
    resumed = gencl.train(out=tmp_path / "stopped", resume=True, progress="silent")
    assert model_bytes(resumed) == model_bytes(whole)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["train.batch_size=3"], "train.batch_size: 3 leaves task 3 without an image in a batch; raise it to 7"),
        (["method.shares=[1,1,1,1,1,1,1,1,1,1,1,1]"], "are more numbers than the"),
        (["method.shares=[0]"], "method.shares"),
    ],
)
def test_what_cannot_be_dealt_is_refused(more: list[str], message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        gencl.train("digits-mlp", "joint", 0, tmp_path / "run", set=[*SETS, *more], progress="silent")
    assert not (tmp_path / "run").exists()
