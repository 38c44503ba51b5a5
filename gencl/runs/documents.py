"""Models of the JSON files of a run and of a comparison. They check only what gencl relies on."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from gencl.plugins.needed import check_record

Size = Annotated[int, Field(ge=1, le=4096)]
ClassNumber = Annotated[int, Field(ge=0, le=1_000_000)]


class ModelCard(BaseModel):
    """model.json: what is needed to rebuild a trained learner, and the checksum of its weights."""

    model_config = ConfigDict(extra="ignore", strict=True, protected_namespaces=())

    model: dict[str, Any]
    image_shape: Annotated[list[Size], Field(min_length=3, max_length=3)]
    tasks: Annotated[list[Annotated[list[ClassNumber], Field(min_length=1)]], Field(min_length=1)]
    class_names: list[str]
    seed: Annotated[int, Field(ge=0)]
    extended: Annotated[int, Field(ge=0)] = 0
    plugins: Annotated[dict[str, list[str]], AfterValidator(check_record)] = {}
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

    @model_validator(mode="after")
    def _classes_have_names(self) -> ModelCard:
        if any(len(set(task)) != len(task) for task in self.tasks) or max(self.classes) >= len(self.class_names):
            raise ValueError("a task must name each of its classes once, and class_names each of them")
        return self

    @property
    def classes(self) -> list[int]:
        """The classes in the order learned, each once."""
        return list(dict.fromkeys(c for task in self.tasks for c in task))


class Average(BaseModel):
    """A figure over several runs: mean, sample standard deviation (None for one run), number of runs, 95% interval."""

    model_config = ConfigDict(allow_inf_nan=False)

    mean: float
    std: float | None
    n: int
    ci95: tuple[float, float] | None = None


class Difference(BaseModel):
    """Paired differences to another method over the common seeds, as `gencl.reports.significance` computes them."""

    model_config = ConfigDict(allow_inf_nan=False)

    n: int
    mean: float | None
    ci95: tuple[float, float] | None
    t_p_holm: float | None
    wilcoxon_p_holm: float | None
    tied: bool | None = None


class Comparison(BaseModel):
    """How the methods compare in one figure: the best one, and differences to it and to the baseline."""

    best: str
    to_best: dict[str, Difference]
    to_baseline: dict[str, Difference] = {}


class Metrics(BaseModel):
    """metrics.json, as far as tables and reports rely on it."""

    model_config = ConfigDict(extra="allow", allow_inf_nan=False)

    preset: str
    method: str
    seed: int
    kind: str
    tasks: Annotated[list[str], Field(min_length=1)]
    matrices: dict[str, list[list[float | None]]]
    summary: dict[str, float]
    floor: dict[str, float] = {}
    parameters: dict[str, int]
    cost: dict[str, Any]
    environment: dict[str, Any]

    @model_validator(mode="after")
    def _whole(self) -> Metrics:
        n = len(self.tasks)
        for name, matrix in self.matrices.items():
            if len(matrix) != n or any(len(row) != n for row in matrix):
                raise ValueError(f"matrix {name} is not {n} by {n}")
        costs = {"train_seconds", "importance_seconds", "eval_seconds", "steps", "peak_memory_bytes"}
        wanted = {key for key in costs if not isinstance(self.cost.get(key), int | float)}
        wanted |= {"shared", "per_task", "total", "method_state_bytes"} - set(self.parameters)
        if wanted:
            raise ValueError(f"{min(wanted)} is missing")
        return self


class Results(BaseModel):
    """results.json of a comparison, as far as reports and analyses rely on it."""

    model_config = ConfigDict(extra="allow", allow_inf_nan=False)

    preset: str
    seeds: Annotated[list[int], Field(min_length=1)]
    methods: dict[str, dict[str, Average | str]]
    baseline: str | None = None
    comparisons: dict[str, Comparison] = {}
    features: dict[str, Any] = {}
    networks: dict[str, Annotated[dict[str, list[str]], Field(min_length=2)]] = {}
    paper: dict[str, dict[str, float | str]]


class Evaluation(BaseModel):
    """evaluation.json: each task's scores, their means, and the feature extractor they depend on."""

    model_config = ConfigDict(extra="allow")

    features: dict[str, Any]
    n: int
    tasks: list[dict[str, Any]]
    mean: dict[str, float]
    summary: dict[str, float] = {}
    floor: dict[str, float] = {}
