"""Avalanche's side, in its own environment: the same batches, initial weights and optimiser. Imports nothing of gencl.

Strategies are `Naive` with avalanche-lib's plugins; `Given` hands them the batches, as its `ReplayPlugin` does. The
optimiser's momentum starts afresh with each task (``reset_optimizer_state``), as gencl's does; by default it goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from avalanche.benchmarks import benchmark_from_datasets, with_classes_timeline, with_task_labels
from avalanche.benchmarks.utils import _make_taskaware_tensor_classification_dataset as dataset_of
from avalanche.models import IncrementalClassifier, MultiHeadClassifier, MultiTaskModule
from avalanche.training import Naive
from avalanche.training.plugins import (
    EvaluationPlugin,
    EWCPlugin,
    LwFPlugin,
    MASPlugin,
    ReplayPlugin,
    SupervisedPlugin,
    SynapticIntelligencePlugin,
)
from avalanche.training.storage_policy import ClassBalancedBuffer
from safetensors.torch import load_file
from torch import Tensor, nn

from benchmarks.peers.serving import serve

Tensors = dict[str, Tensor]


def of(tensors: Tensors, what: str) -> list[Tensor]:
    """Task by task."""
    return [tensors[f"{what}.{task}"] for task in range(sum(name.startswith(f"{what}.") for name in tensors))]


@torch.no_grad()
def take(layer: nn.Linear, rows: Any, tensors: Tensors, name: str) -> None:
    """Gives units of a layer their initial weights."""
    layer.weight[rows] = tensors[f"weights.{name}.weight"]
    layer.bias[rows] = tensors[f"weights.{name}.bias"]


class Heads(MultiHeadClassifier):  # type: ignore[misc]
    """A head per task, with the given initial weights."""

    def __init__(self, features: int, tensors: Tensors) -> None:
        super().__init__(features, initial_out_features=len(tensors["weights.head.0.bias"]), masking=False)
        self.tensors = tensors

    def adaptation(self, experience: Any) -> None:
        super().adaptation(experience)
        task = experience.task_label
        take(self.classifiers[str(task)].classifier, slice(None), self.tensors, f"head.{task}")


class Growing(IncrementalClassifier):  # type: ignore[misc]
    """One head over all classes so far, with the given initial weights."""

    def __init__(self, features: int, tensors: Tensors) -> None:
        super().__init__(features, initial_out_features=len(tensors["weights.head.0.bias"]), masking=False)
        self.tensors = tensors

    def adaptation(self, experience: Any) -> None:
        super().adaptation(experience)
        rows = sorted(experience.classes_in_this_experience)
        take(self.classifier, rows, self.tensors, f"head.{experience.current_experience}")


class MultiHeadMLP(MultiTaskModule):  # type: ignore[misc]
    def __init__(self, trunk: nn.Module, head: Heads) -> None:
        super().__init__()
        self.trunk, self.head = trunk, head

    def forward_single_task(self, x: Tensor, task_label: int) -> Any:
        return self.head.forward_single_task(self.trunk(x), task_label)


def network(tensors: Tensors, heads: str) -> nn.Module:
    """Layers with ReLU, of the shapes of the given weights, and a head per task or one that grows."""
    names = [name for name in tensors if name.startswith("weights.trunk.") and name.endswith(".weight")]
    parts: list[nn.Module] = [nn.Flatten()]
    for name in sorted(names):
        outer, inner = tensors[name].shape
        layer = nn.Linear(inner, outer)
        take(layer, slice(None), tensors, name.removeprefix("weights.").removesuffix(".weight"))
        parts += [layer, nn.ReLU()]
    trunk = nn.Sequential(*parts)
    return (
        MultiHeadMLP(trunk, Heads(outer, tensors)) if heads == "task" else nn.Sequential(trunk, Growing(outer, tensors))
    )


class Given(SupervisedPlugin):  # type: ignore[misc]
    """The batches of each task, in place of the strategy's own order."""

    def __init__(self, tensors: Tensors, heads: str) -> None:
        super().__init__()
        self.tensors, self.heads = tensors, heads

    def batches(self, task: int) -> list[list[Tensor]]:
        if f"batches.images.{task}" in self.tensors:
            made = zip(self.tensors[f"batches.images.{task}"], self.tensors[f"batches.labels.{task}"], strict=True)
            return [[images.float() / 255, labels, torch.zeros_like(labels)] for images, labels in made]
        images, labels = self.tensors[f"train.images.{task}"], self.tensors[f"train.labels.{task}"]
        tasks = torch.full_like(labels, task if self.heads == "task" else 0)
        return [[images[rows], labels[rows], tasks[rows]] for rows in self.tensors[f"order.{task}"]]

    def before_training_exp(self, strategy: Any, **_: Any) -> None:
        strategy.dataloader = self.batches(strategy.clock.train_exp_counter)


class Replay(ReplayPlugin):  # type: ignore[misc]
    """ReplayPlugin's own batches, in which the first ``batch_size`` rows are those of the given batch."""

    def __init__(self, given: Given, **settings: Any) -> None:
        super().__init__(**settings)
        self.given = given

    def before_training_exp(self, strategy: Any, **_: Any) -> None:
        task, kept = strategy.clock.train_exp_counter, self.batch_size
        if len(self.storage_policy.buffer):
            rows = self.given.tensors[f"order.{task}"][:, :kept].flatten().tolist()
            strategy.adapted_dataset = strategy.adapted_dataset.subset(rows)
            super().before_training_exp(strategy)
            strategy.dataloader = self.replaced(strategy.dataloader, self.given.batches(task))

    def replaced(self, mixed: Any, given: list[list[Tensor]]) -> Any:
        for batch, current in zip(mixed, given, strict=True):
            kept = self.batch_size
            for part, replacement in zip(batch, current, strict=True):
                part[:kept] = replacement[:kept]
            yield batch


class PerImageEWC(EWCPlugin):  # type: ignore[misc]
    """EWCPlugin with batches of one image where it measures the Fisher."""

    def compute_importances(
        self, model: Any, criterion: Any, optimizer: Any, dataset: Any, device: Any, *_: Any, **more: Any
    ) -> Any:
        return super().compute_importances(model, criterion, optimizer, dataset, device, 1, **more)


class PerImageMAS(MASPlugin):  # type: ignore[misc]
    """MASPlugin with batches of one image where it measures the sensitivity."""

    def _get_importance(self, strategy: Any) -> Any:
        size, strategy.train_mb_size = strategy.train_mb_size, 1
        try:
            return super()._get_importance(strategy)
        finally:
            strategy.train_mb_size = size


class CopyingSI(SynapticIntelligencePlugin):  # type: ignore[misc]
    """SynapticIntelligencePlugin with copies of the weights.

    On a CPU ``param.detach().cpu().flatten()`` is the parameter's own memory: weights before and after a step are the
    same tensor, so that the path is 0 and so is all importance. The plugin calls its functions by its own name, so
    the repaired one takes its place there; a job is a process of its own.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        original = SynapticIntelligencePlugin.extract_weights

        def extract_weights(model: Any, target: Any, excluded_parameters: Any) -> None:
            original(model, target, excluded_parameters)
            for name, _ in SynapticIntelligencePlugin.allowed_parameters(model, excluded_parameters):
                target[name].data = target[name].data.clone()

        SynapticIntelligencePlugin.extract_weights = staticmethod(extract_weights)


class UnclippedSI(CopyingSI):
    """Without the bound of 0.001 on importance."""

    def after_training_exp(self, strategy: Any, **_: Any) -> None:
        self.update_ewc_data(
            strategy.model, self.ewc_data, self.syn_data, float("inf"), self.excluded_parameters, 1, eps=self.eps
        )


def plugins(name: str, settings: dict[str, Any], given: Given) -> list[Any]:
    if name == "naive":
        return [given]
    if name == "replay":
        policy = ClassBalancedBuffer(settings["mem_size"]) if settings.pop("by_class") else None
        return [given, Replay(given, storage_policy=policy, **settings)]
    return [given, PLUGINS[name](**settings)]


PLUGINS = {
    "ewc": EWCPlugin, "ewc per image": PerImageEWC, "mas": MASPlugin, "mas per image": PerImageMAS,
    "si": SynapticIntelligencePlugin, "si copying": CopyingSI, "si unclipped": UnclippedSI, "lwf": LwFPlugin,
}  # fmt: skip


def run(job: dict[str, Any], _: Callable[[], float]) -> dict[str, float]:
    torch.manual_seed(job["seed"])
    tensors, heads = load_file(job["data"]), job["heads"]
    model = network(tensors, heads)
    streams = {
        part: [
            dataset_of(images, labels, task_labels=task if heads == "task" else 0)
            for task, (images, labels) in enumerate(
                zip(of(tensors, f"{part}.images"), of(tensors, f"{part}.labels"), strict=True)
            )
        ]
        for part in ("train", "test")
    }
    scenario = with_classes_timeline(with_task_labels(benchmark_from_datasets(**streams)))
    strategy = Naive(
        model=model, optimizer=torch.optim.SGD(model.parameters(), job["lr"], job["momentum"]),
        criterion=nn.CrossEntropyLoss(), train_mb_size=job["batch_size"], train_epochs=1,
        evaluator=EvaluationPlugin(loggers=[]), plugins=plugins(job["plugin"], job["settings"], Given(tensors, heads)),
    )  # fmt: skip
    for experience in scenario.train_stream:
        strategy.train(experience, reset_optimizer_state=True)
    model.eval()
    right = []
    with torch.no_grad():
        for task, (images, labels) in enumerate(
            zip(of(tensors, "test.images"), of(tensors, "test.labels"), strict=True)
        ):
            answers = model(images, torch.full((len(images),), task)) if heads == "task" else model(images)
            right.append(float((answers.argmax(1) == labels).float().mean()))
    return {"accuracy": sum(right) / len(right)}


if __name__ == "__main__":
    serve(run, {"wall": time.perf_counter})
