"""Settings of training: ``train.*``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from gencl.core.part import Part, yes_or_no

Share = Annotated[float, Field(ge=0, lt=1)]
Compile = Literal["no", "yes", "reduce-overhead"]


class TrainSettings(Part):
    """``train.*``"""

    boundaries: Literal["given", "inferred"] = Field(
        "given",
        description="whether tasks are as the scenario gives them, or inferred batch by batch from the inputs alone",
    )
    hazard: float = Field(
        0.01,
        gt=0,
        lt=1,
        description="of inferred boundaries: how probable it is, before a batch is seen, that the task changes",
    )
    steps: int = Field(200, ge=1, le=10**9, description="optimiser steps per task, pruning stages included")
    epochs: float | None = Field(None, gt=0, le=10**6, description="passes over a task's images, instead of steps")
    first: float = Field(
        1.0, gt=0, le=1000, description="factor on the steps of the first task, which starts from random weights"
    )
    batch_size: int = Field(32, ge=1, le=65_536, description="samples per step, over all processes together")
    optimizer: Literal["adam", "sgd", "rmsprop"] = Field(
        "adam",
        description="optimiser of every task: Adam (see betas), SGD with momentum (see momentum), or RMSProp as DQN "
        "has it (see momentum)",
    )
    lr: float = Field(1e-3, gt=0, description="learning rate at the start of a task")
    shared_lr: float = Field(
        1.0, ge=0, le=1, description="factor on the rate of shared parameters from the second task on"
    )
    lr_flat: float = Field(0.6, ge=0, le=1, description="share of a task's steps before the rate falls linearly")
    lr_end: float = Field(0.1, ge=0, le=1, description="the rate at a task's end, as a share of lr")
    half_life: float | Literal["auto"] = Field(
        "auto",
        description="images after which a step counts half in the average that the parameters become; 0: no average; "
        "auto: what suits the learner",
    )
    precision: Literal["float32", "bf16"] = Field(
        "float32", description="what the networks of a step compute in; parameters and losses stay float32"
    )
    compile: Compile = Field(
        "no",
        description="whether the networks of a step are compiled first; reduce-overhead: and recorded as CUDA graphs",
    )
    betas: tuple[Share, Share] = Field((0.5, 0.99), description="coefficients of Adam's two running averages")
    momentum: float = Field(0.9, ge=0, lt=1, description="momentum of SGD and RMSProp")
    weight_decay: float = Field(0.0, ge=0, le=1, description="factor of W that is added to its gradient (L2)")
    drops: list[Share] = Field([], description="shares of a task's steps after each of which the rate drops by drop")
    drop: float = Field(0.1, gt=0, le=1, description="factor on the rate at each of drops")
    patience: int | None = Field(
        None,
        ge=1,
        description="epochs without a lower mean loss after which a stage ends; null: after its steps",
    )
    log_every: int = Field(50, ge=1, description="steps between lines of log.jsonl")
    checkpoint_every: int = Field(500, ge=1, description="steps between checkpoints within a task")
    later = ("boundaries", "hazard", "weight_decay", "drops", "drop", "patience")

    @field_validator("half_life", mode="before")
    @classmethod
    def _images_or_auto(cls, value: object) -> object:
        number = isinstance(value, int | float) and 0 <= value <= 10**12
        if value != "auto" and not number:
            raise ValueError("write a number of images, 0 for no average, or auto")
        return value

    _compile = field_validator("compile", mode="before")(yes_or_no)
