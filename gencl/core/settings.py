"""What a run is told: one resolved tree of settings, from a preset or a file plus ``--set KEY=VALUE``.

Every wrong key or value becomes one `UsageError` that names where it stands, what is wrong and what would be right.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    Field,
    field_validator,
    model_validator,
)

from gencl.core.boundaries import BoundarySettings
from gencl.core.files import absolute, hub_path, is_path
from gencl.core.part import Part, check

Share = Annotated[float, Field(ge=0, lt=1)]
Place = Literal["auto", "device", "host"]
YesOrNo = Literal["no", "yes"]
Compile = Literal["no", "yes", "reduce-overhead"]
Broken = Literal["refuse", "skip"]


def yes_or_no(value: object) -> object:
    """What YAML makes of yes and no, truth values, as what was written."""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value


class DataSettings(Part):
    """``data.*``"""

    name: str = Field(
        "digits", description="the data set, the path of a folder (with a /), hf:OWNER/NAME or torchvision:NAME"
    )
    image: str | None = Field(None, description="the column of images of a data set hf:..., where it has several")
    label: str | None = Field(
        None, description="the column of labels of a data set hf:..., where none is marked as such"
    )
    size: int | None = Field(None, ge=4, le=1024, description="sides of the images, to which they are resized")
    channels: Literal[1, 3] | None = Field(None, description="1 makes the images grey, 3 makes them RGB")
    test: float = Field(0.2, gt=0, le=0.9, description="share kept for testing where a data set has no test part")
    validation: float = Field(0.0, ge=0, le=0.9, description="share of each class's training images kept for choosing")
    limit: int | None = Field(None, ge=2, description="most training images per task; null: all")
    broken: Broken = Field(
        "refuse", description="what becomes of a folder's picture files that cannot be used: broken, too large or small"
    )
    flip: YesOrNo = Field("no", description="whether training images are mirrored left to right at random")
    place: Place = Field(
        "auto",
        description="where images are kept: in the device's memory, in the host's (those of folders: on disk, and read "
        "as needed), or on the device if they fit",
    )
    later = ("image", "label", "flip", "place")
    _flip = field_validator("flip", mode="before")(yes_or_no)

    @field_validator("name")
    @classmethod
    def _same_from_everywhere(cls, value: str) -> str:
        return absolute(value)


class TrainSettings(BoundarySettings):
    """``train.*``"""

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
    later = (*BoundarySettings.later, "weight_decay", "drops", "drop", "patience")

    @field_validator("half_life", mode="before")
    @classmethod
    def _images_or_auto(cls, value: object) -> object:
        number = isinstance(value, int | float) and 0 <= value <= 10**12
        if value != "auto" and not number:
            raise ValueError("write a number of images, 0 for no average, or auto")
        return value

    _compile = field_validator("compile", mode="before")(yes_or_no)

    @model_validator(mode="before")
    @classmethod
    def _average_of_a_share_of_the_steps(cls, values: Any) -> Any:
        """Runs of the first version say ``average: 0.0``."""
        if not isinstance(values, dict) or "average" not in values:
            return values
        if values["average"]:
            raise ValueError("average became half_life, in images; for example train.half_life=10000")
        return {"half_life": 0.0, **{name: value for name, value in values.items() if name != "average"}}


_ACCELERATION = ("precision", "compile")
"""Of ``train.*``; where none is asked for, a run's settings are those of a gencl that had none."""


class EvaluateSettings(Part):
    """``evaluate.*``"""

    samples: int = Field(1000, ge=2, le=10**6, description="generated images per task")
    split: Literal["test", "validation"] = Field("test", description="real images to compare with")
    features: str = Field("auto", description="feature extractor: auto (what suits the data), a name, or none")
    also: tuple[str, ...] = Field((), description="further extractors: distances in their features, at the end")

    within: YesOrNo = Field(
        "no", description="whether the learned tasks are measured within a task too, at each line of log.jsonl"
    )
    by_class: YesOrNo = Field(
        "no",
        description="whether scores per class are measured at the end; where a class comes in several tasks they are "
        "in any case",
    )
    later = ("also", "within", "by_class")
    _answers = field_validator("within", "by_class", mode="before")(yes_or_no)


class Added(Part):
    """An entry of ``extend``: a task that came after the scenario's own. A plain text is its ``data``."""

    data: str = Field(min_length=1, description="a data set, or the path of a folder (with a /): all its classes")
    train: dict[str, Any] = Field({}, description="what of train.* differs for this task")
    known: YesOrNo = Field(
        "no", description="whether its classes that are called as classes of the run are more pictures of these"
    )
    later = ("known",)
    _known = field_validator("known", mode="before")(yes_or_no)

    @model_validator(mode="before")
    @classmethod
    def _data_alone(cls, value: object) -> object:
        return {"data": value} if isinstance(value, str) else value


class Settings(Part):
    """All settings of a run; ``scenario``, ``model`` and ``method`` are checked by what they name.

    ``extend`` names the tasks that a run learned once it had finished (`gencl.extend`), in order. A run that starts
    with them learns as if it had been extended one by one. ``plugins`` says from where what is named here, and is not
    of gencl, comes (`gencl.plugins.needed`); it follows from the rest.
    """

    preset: str = Field(
        "custom", pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$", max_length=80, description="name of the experiment"
    )
    seed: int = Field(
        0,
        ge=0,
        lt=2**63,
        description="number from which all random choices of the run are drawn, such as initial weights",
    )
    data: DataSettings = DataSettings()
    scenario: dict[str, Any] = Field(default_factory=lambda: {"name": "split"})
    model: dict[str, Any] = Field(default_factory=lambda: {"name": "cgan"})
    method: dict[str, Any] = Field(default_factory=lambda: {"name": "anpyc"})
    train: TrainSettings = TrainSettings()
    evaluate: EvaluateSettings = EvaluateSettings()
    extend: tuple[Added, ...] = Field(
        (), description="tasks added to the finished run, in order: data sets or folders (gencl extend writes them)"
    )
    keep: Literal["model", "tasks"] = Field(
        "model",
        description="what a run keeps of the learner: the trained model, or it after every task (gencl analyze)",
    )
    plugins: dict[str, list[str]] = {}

    @model_validator(mode="after")
    def _trains_as_added_tasks_want(self) -> Settings:
        self.train_of(len(self.extend))
        return self

    def train_of(self, tasks: int) -> list[TrainSettings]:
        """``train`` as it is for each of so many tasks, the last of which are those of ``extend``."""
        run = self.train.model_dump(mode="json")
        added = [check(TrainSettings, {**run, **task.train}, "extend", "train.") for task in self.extend]
        return [self.train] * (tasks - len(added)) + added

    def before(self, tasks: int) -> Settings:
        """The settings before the last ``tasks`` of ``extend`` were added."""
        return self.model_copy(update={"extend": self.extend[: len(self.extend) - tasks]})

    def tree(self, unread: Sequence[str] = ()) -> dict[str, Any]:
        """Plain values, ready for YAML and JSON; without ``plugins``, which decides nothing.

        Keys of ``data.*`` that the scenario leaves ``unread`` are there only if somebody set them.
        """
        unset = dict.fromkeys(_at_default(self, ("extend", "keep")), True)
        train, data = _at_default(self.train, _ACCELERATION), _at_default(self.data, unread)
        left_out: dict[str, Any] = {"plugins": True, **unset, "train": train, "data": data}
        return self.model_dump(mode="json", by_alias=True, exclude=left_out)

    def placeless(self) -> dict[str, Any]:
        """The tree without the paths of folders, which may be moved; fingerprints tell whether images are the same."""
        tree = self.tree()
        tree["data"]["name"] = _unplaced(self.data.name)
        for scenario in (tree["scenario"], tree["scenario"].get("of")):  # tasks of another scenario may come back
            if isinstance(scenario, dict) and isinstance(domains := scenario.get("domains"), list):
                scenario["domains"] = [_unplaced(name) for name in domains]
        for task in tree.get("extend", ()):
            task["data"] = _unplaced(task["data"])
        return tree

    def to_yaml(self, unread: Sequence[str] = ()) -> str:
        """All of it, as config.yaml holds it; ``unread`` as in `tree`."""
        plugins = {"plugins": self.plugins} if self.plugins else {}
        return yaml.safe_dump({**self.tree(unread), **plugins}, sort_keys=False, allow_unicode=True)


def _unplaced(name: object) -> object:
    return "(a folder)" if isinstance(name, str) and (is_path(name) or hub_path(name)) else name


def _at_default(part: Part, names: Sequence[str]) -> set[str]:
    """Those of these settings that are as they are where nothing is said."""
    return {name for name in names if getattr(part, name) == type(part).model_fields[name].default}
