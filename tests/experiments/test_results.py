"""What a comparison gathers of its cells: what is compared with what, and what is averaged."""

from __future__ import annotations

from pathlib import Path

from tests.experiments.test_compare import compare

INFERRED = "sgd:train.boundaries=inferred:train.lr_end=1:train.steps=12"


def test_forward_transfer_is_not_against_joint_training_on_other_tasks(tmp_path: Path) -> None:
    """Tasks that are cut from a stream, which joint training with given boundaries has not learned."""
    rows = compare(tmp_path / "c", f"sgd,joint,{INFERRED}")["methods"]
    assert rows[INFERRED]["status"] == "done" and "fwt" not in rows[INFERRED] and "fwt" in rows["sgd"]
