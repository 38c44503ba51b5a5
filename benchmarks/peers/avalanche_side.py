"""Avalanche's side, in its own environment: `serve` answers jobs. Nothing of gencl is imported here."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from avalanche.benchmarks import benchmark_from_datasets, with_classes_timeline, with_task_labels
from avalanche.benchmarks.utils import _make_taskaware_tensor_classification_dataset as dataset_of
from avalanche.models import MultiHeadClassifier, MultiTaskModule
from avalanche.training import EWC, MAS, LwF, Naive, SynapticIntelligence
from avalanche.training.plugins import EvaluationPlugin
from safetensors.torch import load_file
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parent))
from serving import serve

STRATEGIES: dict[str, tuple[Any, dict[str, float]]] = {
    "naive": (Naive, {}),
    "lwf": (LwF, {"alpha": 1.0, "temperature": 2.0}),
    "si": (SynapticIntelligence, {"si_lambda": 1.0}),
    "mas": (MAS, {"lambda_reg": 1.0}),
    "ewc": (EWC, {"ewc_lambda": 100.0}),
}


class MLP(MultiTaskModule):  # type: ignore[misc]
    """784-512-256 and a head a task, without masks of units that no task here needs."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Flatten(), nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU())
        self.head = MultiHeadClassifier(256, initial_out_features=classes, masking=False)

    def forward(self, x: Tensor, task_labels: Tensor | None) -> Any:
        return self.forward_all_tasks(x) if task_labels is None else self.head(self.trunk(x), task_labels)

    def forward_single_task(self, x: Tensor, task_label: int) -> Any:
        return self.head.forward_single_task(self.trunk(x), task_label)

    def forward_all_tasks(self, x: Tensor) -> Any:
        features = self.trunk(x)
        return {int(task): head(features) for task, head in self.head.classifiers.items()}


def stream(tensors: dict[str, Tensor], part: str) -> list[Any]:
    parts = zip(of(tensors, f"{part}.images"), of(tensors, f"{part}.labels"), strict=True)
    return [dataset_of(images, labels, task_labels=task) for task, (images, labels) in enumerate(parts)]


def of(tensors: dict[str, Tensor], what: str) -> list[Tensor]:
    """Task by task."""
    return [tensors[f"{what}.{task}"] for task in range(sum(name.startswith(what) for name in tensors))]


def run(job: dict[str, Any], clock: Callable[[], float]) -> dict[str, float]:
    torch.manual_seed(0)
    tensors = load_file(job["data"])
    scenario = benchmark_from_datasets(train=stream(tensors, "train"), test=stream(tensors, "test"))
    scenario = with_classes_timeline(with_task_labels(scenario))
    model = MLP(int(tensors["train.labels.0"].max()) + 1)
    optimizer = torch.optim.SGD(model.parameters(), job["lr"], job["momentum"])
    strategy_of, settings = STRATEGIES[job["method"]]
    strategy = strategy_of(
        model=model, optimizer=optimizer, criterion=nn.CrossEntropyLoss(), train_mb_size=job["batch_size"],
        train_epochs=job["epochs"], eval_mb_size=1000, evaluator=EvaluationPlugin(loggers=[]), **settings,
    )  # fmt: skip
    seconds = 0.0
    for experience in scenario.train_stream:
        start = clock()
        strategy.train(experience)
        seconds += clock() - start
    model.eval()
    with torch.no_grad():
        answers = [
            model(images, torch.full((len(images),), task)) for task, images in enumerate(of(tensors, "test.images"))
        ]
    right = [float((a.argmax(1) == b).float().mean()) for a, b in zip(answers, of(tensors, "test.labels"), strict=True)]
    return {"seconds": seconds, "accuracy": sum(right) / len(right)}


if __name__ == "__main__":
    serve(run, {"wall": time.perf_counter, "cpu": time.process_time})
