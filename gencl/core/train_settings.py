"""Settings of training: ``train.*``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from gencl.core.part import Part, only_where, yes_or_no

Share = Annotated[float, Field(ge=0, lt=1)]
Compile = Literal["no", "yes", "reduce-overhead"]


class TrainSettings(Part):
    """``train.*``"""

    boundaries: Literal["given", "inferred"] = Field(
        "given",
        description="where tasks begin: as the scenario says, or inferred from the inputs alone, batch by batch",
    )
    hazard: float = Field(
        0.01,
        gt=0,
        lt=1,
        description="for inferred boundaries: probability that the task changes from one batch to the next",
    )
    steps: int = Field(200, ge=1, le=10**9, description="optimiser steps per task, retraining after pruning included")
    epochs: float | None = Field(None, gt=0, le=10**6, description="passes over a task's images, instead of steps")
    first: float = Field(
        1.0, gt=0, le=1000, description="factor on the steps of the first task, which starts from random weights"
    )
    batch_size: int = Field(32, ge=1, le=65_536, description="samples per step, over all processes together")
    optimizer: Literal["adam", "sgd", "rmsprop"] = Field(
        "adam",
        description="optimiser of every task: Adam (see betas), SGD (see momentum), or RMSProp in DQN's form (see "
        "momentum)",
    )
    lr: float = Field(1e-3, gt=0, description="learning rate at the start of a task")
    shared_lr: float = Field(
        1.0, ge=0, le=1, description="factor on the learning rate of shared parameters, from the second task on"
    )
    lr_flat: float = Field(
        0.6, ge=0, le=1, description="share of a task's steps after which the learning rate begins to fall linearly"
    )
    lr_end: float = Field(0.1, ge=0, le=1, description="learning rate at a task's end, as a share of lr")
    half_life: float | Literal["auto"] = Field(
        "auto",
        description="half-life, in images, of the moving average that replaces the weights at the end of each "
        "stage; 0: no average; auto: a value that suits the learner",
    )
    precision: Literal["float32", "bf16"] = Field(
        "float32",
        description="number format in which the networks compute during training; parameters and losses stay float32",
    )
    compile: Compile = Field(
        "no",
        description="whether PyTorch compiles the networks before training; reduce-overhead also records them as "
        "CUDA graphs",
    )
    betas: tuple[Share, Share] = Field((0.5, 0.99), description="decay rates of Adam's two moving averages")
    momentum: float = Field(0.9, ge=0, lt=1, description="momentum of SGD and RMSProp")
    weight_decay: float = Field(
        0.0, ge=0, le=1, description="strength of L2 regularisation: this factor of W is added to the gradient of W"
    )
    drops: list[Share] = Field(
        [], description="points at which the learning rate is multiplied by drop, as shares of a task's steps"
    )
    drop: float = Field(0.1, gt=0, le=1, description="factor on the learning rate at each point of drops")
    patience: int | None = Field(
        None,
        ge=1,
        description="a stage ends early after this many epochs without a lower mean loss; null: never",
    )
    log_every: int = Field(50, ge=1, description="steps from one line of log.jsonl to the next")
    checkpoint_every: int = Field(500, ge=1, description="steps from one checkpoint to the next, within a task")
    later = ("boundaries", "hazard", "weight_decay", "drops", "drop", "patience")

    @field_validator("half_life", mode="before")
    @classmethod
    def _images_or_auto(cls, value: object) -> object:
        number = isinstance(value, int | float) and 0 <= value <= 10**12
        if value != "auto" and not number:
            raise ValueError("write a number of images, 0 for no average, or auto")
        return value

    _compile = field_validator("compile", mode="before")(yes_or_no)

    @model_validator(mode="after")
    def _read_somewhere(self) -> TrainSettings:
        only_where(self, "boundaries is inferred", self.boundaries == "inferred", ("hazard",))
        only_where(self, "drops names points", bool(self.drops), ("drop",))
        # betas and momentum stay free: presets set them, and --set train.optimizer alone must do
        return self
