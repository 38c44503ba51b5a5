"""What is compared: gencl's settings and avalanche-lib's. They mean the same but for what ``differs`` names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Row:
    """One comparison.

    ``ours`` are gencl's settings of ``method``, run as it is or as a variant (`benchmarks.calibration.variants`);
    ``theirs`` those of avalanche-lib's ``plugin``. ``strength`` is gencl's lambda where both measure importance in
    one unit; the plugin's setting ``key`` is ``factor`` times it. Where gencl's importance has mean 1 per task,
    ``measured`` names an earlier row, of a variant: lambda is then multiplied by the mean that its importance had per
    task.
    """

    name: str
    method: str
    plugin: str
    ours: tuple[str, ...] = ()
    theirs: Mapping[str, Any] = field(default_factory=dict)
    variant: str | None = None
    strength: float | None = None
    key: str = ""
    factor: float = 1.0
    measured: str | None = None
    heads: str = "task"
    differs: str = ""

    def plugin_settings(self) -> dict[str, Any]:
        strength = {} if self.strength is None else {self.key: self.factor * self.strength}
        return {**self.theirs, **strength}


LOSS, UNSCALED = "method.consolidation=loss", "method.scale=none"
EWC: dict[str, Any] = {"method": "ewc", "strength": 1e5, "key": "ewc_lambda"}
SI: dict[str, Any] = {"method": "si", "strength": 100.0, "key": "si_lambda", "factor": 2.0}
MAS: dict[str, Any] = {"method": "mas", "strength": 0.1, "key": "lambda_reg"}
"""Strengths, one each and not searched: on seed 10 they help and the penalty in the loss does not diverge."""
BATCH, MEMORY = 64, 200
ER: dict[str, Any] = {
    "method": "er", "heads": "class", "ours": (f"method.memory={MEMORY}", "method.share=0.5")
}  # fmt: skip
REPLAY = {"mem_size": MEMORY, "batch_size": BATCH // 2, "batch_size_mem": BATCH // 2}

ROWS = (
    Row("plain training", "finetune", "naive"),
    Row("ewc, Fisher per batch", plugin="ewc", ours=(LOSS,), variant="ewc per batch", **EWC),
    Row(
        "ewc, Fisher per image", plugin="ewc per image", ours=(LOSS, UNSCALED, "method.fisher=empirical"),
        **{**EWC, "strength": 1e3},
    ),
    Row(
        "ewc, each as it comes", plugin="ewc", measured="ewc, Fisher per batch", **EWC,
        differs="gencl: Fisher per image, targets drawn from the prediction, each task's scaled to mean 1, proximal. "
        "avalanche-lib: true targets, square of a batch's mean gradient",
    ),
    Row("si, clipped", plugin="si copying", ours=(LOSS,), variant="si clipped", **SI),
    Row(
        "si, damped", plugin="si unclipped", ours=(LOSS, UNSCALED, "method.damping=0.1"),
        theirs={"eps": 0.1}, **{**SI, "strength": 10.0},
        differs="gencl: path of the task's loss alone, a task's negative importance is 0. avalanche-lib: path of loss "
        "and penalty, negative importance stays",
    ),
    Row(
        "si, each as it comes (avalanche-lib repaired)", plugin="si copying", measured="si, clipped", **SI,
        differs="as above, and gencl: damping 0.1, scaled to mean 1, proximal. avalanche-lib: damping 1e-7, importance "
        "at most 0.001",
    ),
    Row(
        "plain training, si of avalanche-lib unrepaired", "finetune", "si", theirs={"si_lambda": 200.0},
        differs="avalanche-lib's plugin keeps no copy of the weights on a CPU, so that its importance is 0",
    ),
    Row("mas, sensitivity per batch", plugin="mas", ours=(LOSS,), variant="mas per batch", **MAS),
    Row("mas, sensitivity per image", plugin="mas per image", ours=(LOSS,), variant="mas per image", **MAS),
    Row(
        "mas, each as it comes", plugin="mas", measured="mas, sensitivity per batch", **MAS,
        differs="gencl: sensitivity per image, each task's scaled to mean 1, sum over tasks, proximal. avalanche-lib: "
        "absolute value of a batch's mean gradient, running average over tasks",
    ),
    Row(
        "lwf", "lwf", "lwf", ours=("method.temperature=2",), theirs={"temperature": 2.0}, strength=3.0, key="alpha"
    ),
    Row("er, the same replayed images", plugin="naive", variant="er recorded", **ER),
    Row(
        "er, each draws its own", plugin="replay", theirs={"by_class": True, **REPLAY}, **ER,
        differs="which images are in memory; gencl draws them with replacement, avalanche-lib in turn",
    ),
    Row(
        "er, as many of each task", plugin="replay", theirs={"by_class": False, **REPLAY}, **ER,
        differs="as above; avalanche-lib keeps as many images of each task, whatever their classes",
    ),
)  # fmt: skip
