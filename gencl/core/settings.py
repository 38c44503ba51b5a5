"""The settings of a run: one resolved tree, from a preset or a file plus ``--set KEY=VALUE``.

A wrong key or value raises a `UsageError` that names its place, what is wrong and what would be right.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import (
    Field,
    field_validator,
    model_validator,
)

from gencl.core import yaml_files
from gencl.core.files import absolute, hub_path, is_path
from gencl.core.part import Part, YesOrNo, check, yes_or_no
from gencl.core.train_settings import TrainSettings

Place = Literal["auto", "device", "host"]
Broken = Literal["refuse", "skip"]


class DataSettings(Part):
    """``data.*``"""

    name: str = Field(
        "digits", description="the data set, the path of a folder (with a /), hf:OWNER/NAME or torchvision:NAME"
    )
    image: str | None = Field(None, description="column of the images of a data set hf:OWNER/NAME, if it has several")
    label: str | None = Field(
        None, description="column of the labels of a data set hf:OWNER/NAME, if none is marked as such"
    )
    size: int | None = Field(None, ge=4, le=1024, description="height and width to which images are resized, in pixels")
    channels: Literal[1, 3] | None = Field(None, description="1: images become grey; 3: they become RGB")
    test: float = Field(
        0.2, gt=0, le=0.9, description="share of the images held out for testing, if the data set has no test part"
    )
    validation: float = Field(
        0.0, ge=0, le=0.9, description="share of each class's training images held out for choosing settings"
    )
    limit: int | None = Field(None, ge=2, description="maximum number of training images per task; null: no limit")
    broken: Broken = Field(
        "refuse",
        description="what to do with picture files of a folder that cannot be used: broken, too large or too small",
    )
    flip: YesOrNo = Field("no", description="whether training images are mirrored left to right at random")
    place: Place = Field(
        "auto",
        description="where images are kept. device: in the device's memory; host: in the host's memory, folders on "
        "disk and read when needed; auto: on the device if they fit",
    )
    later = ("image", "label", "flip", "place")
    _flip = field_validator("flip", mode="before")(yes_or_no)

    @field_validator("name")
    @classmethod
    def _same_from_everywhere(cls, value: str) -> str:
        return absolute(value)


_ACCELERATION = ("precision", "compile")
"""Settings of ``train.*`` that `Settings.tree` omits at their default, so that older runs' settings still compare."""


class EvaluateSettings(Part):
    """``evaluate.*``"""

    samples: int = Field(1000, ge=2, le=10**6, description="generated images per task")
    split: Literal["test", "validation"] = Field(
        "test", description="real images that generated ones are compared with"
    )
    features: str = Field("auto", description="feature extractor: a name, none, or auto (one that suits the data)")
    also: tuple[str, ...] = Field((), description="further feature extractors, for distances at the end of the run")

    within: YesOrNo = Field(
        "no", description="whether learned tasks are also measured within a task, at every line of log.jsonl"
    )
    by_class: YesOrNo = Field(
        "no",
        description="whether scores per class are measured at the end; always done for classes that several tasks "
        "contain",
    )
    later = ("also", "within", "by_class")
    _answers = field_validator("within", "by_class", mode="before")(yes_or_no)


class Added(Part):
    """An entry of ``extend``: a task added after those of the scenario. A plain text stands for its ``data``."""

    data: str = Field(
        min_length=1, description="a data set, or the path of a folder (with a /); all its classes are learned"
    )
    train: dict[str, Any] = Field({}, description="settings of train.* that differ for this task")
    known: YesOrNo = Field(
        "no", description="whether classes that have the names of learned classes are more pictures of those"
    )
    later = ("known",)
    _known = field_validator("known", mode="before")(yes_or_no)

    @model_validator(mode="before")
    @classmethod
    def _data_alone(cls, value: object) -> object:
        return {"data": value} if isinstance(value, str) else value


class Settings(Part):
    """All settings of a run. ``scenario``, ``model`` and ``method`` are validated by the classes they name.

    ``extend`` lists the tasks that were added to the finished run (`gencl.extend`), in order. A run that starts with
    them learns as if it had been extended task by task. ``plugins`` records which plug-ins the settings need
    (`gencl.plugins.needed`). gencl derives it from the other settings.
    """

    preset: str = Field(
        "custom", pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$", max_length=80, description="name of the experiment"
    )
    seed: int = Field(
        0,
        ge=0,
        lt=2**63,
        description="seed of all random choices of the run, such as initial weights",
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
        description="versions of the learner that are kept: the trained model only, or one after every task too "
        "(for gencl analyze)",
    )
    plugins: dict[str, list[str]] = {}

    @model_validator(mode="after")
    def _trains_as_added_tasks_want(self) -> Settings:
        self.train_of(len(self.extend))
        return self

    def train_of(self, tasks: int) -> list[TrainSettings]:
        """Return the settings ``train`` for each of ``tasks`` tasks; the last tasks are those of ``extend``."""
        run = self.train.model_dump(mode="json")
        added = [check(TrainSettings, {**run, **task.train}, "extend", "train.") for task in self.extend]
        return [self.train] * (tasks - len(added)) + added

    def before(self, tasks: int) -> Settings:
        """Return the settings before the last ``tasks`` entries of ``extend`` were added."""
        return self.model_copy(update={"extend": self.extend[: len(self.extend) - tasks]})

    def tree(self, unread: Sequence[str] = ()) -> dict[str, Any]:
        """Return plain values for YAML and JSON, without ``plugins``, which does not affect the run.

        Keys of ``data.*`` that the scenario does not read (``unread``) are omitted at their default.
        """
        unset = dict.fromkeys(_at_default(self, ("extend", "keep")), True)
        train, data = _at_default(self.train, _ACCELERATION), _at_default(self.data, unread)
        left_out: dict[str, Any] = {"plugins": True, **unset, "train": train, "data": data}
        return self.model_dump(mode="json", by_alias=True, exclude=left_out)

    def placeless(self) -> dict[str, Any]:
        """Return the tree with the paths of folders masked, since folders may move; fingerprints compare the images."""
        tree = self.tree()
        tree["data"]["name"] = _unplaced(self.data.name)
        for scenario in (tree["scenario"], tree["scenario"].get("of")):  # some scenarios wrap another
            if isinstance(scenario, dict) and isinstance(domains := scenario.get("domains"), list):
                scenario["domains"] = [_unplaced(name) for name in domains]
        for task in tree.get("extend", ()):
            task["data"] = _unplaced(task["data"])
        return tree

    def to_yaml(self, unread: Sequence[str] = ()) -> str:
        """Return all settings, including ``plugins``, as the text of config.yaml; ``unread`` as in `tree`."""
        plugins = {"plugins": self.plugins} if self.plugins else {}
        return yaml_files.dump({**self.tree(unread), **plugins}, allow_unicode=True)


def _unplaced(name: object) -> object:
    return "(a folder)" if isinstance(name, str) and (is_path(name) or hub_path(name)) else name


def _at_default(part: Part, names: Sequence[str]) -> set[str]:
    """Return those of the named settings that have their default."""
    return {name for name in names if getattr(part, name) == type(part).model_fields[name].default}
