"""Fréchet distance of all past tasks: gencl's, torch-fidelity's called for each task, and the least there is to do.

    python -m benchmarks.evaluation [--tasks 10] [--samples 500]

The least is drawing the images and one pass of the extractor over them; the statistics of the real images are gencl's
cache's, as they are from the second task on. Torch-fidelity gets the same generator, extractor and real images, and
caches their statistics too; gencl also measures the conditional accuracy, from the same pass.
"""

from __future__ import annotations

import tempfile

import torch
from torch import Tensor
from torch.utils.data import Subset
from torch_fidelity import GenerativeModelBase, calculate_metrics, register_feature_extractor

from benchmarks import measure
from gencl import presets
from gencl.learners.generative import GenerativeLearner
from gencl.metrics.digits_reader import DigitsReader
from gencl.metrics.evaluator import Evaluator
from gencl.metrics.snapshot import to_uint8
from gencl.runs.build import make_learner, make_scenario
from gencl.scenarios.task import Task

BATCH = 500


class Drawing(GenerativeModelBase):  # type: ignore[misc]
    """A task's images from a learner, as a generator of torch-fidelity's."""

    def __init__(self, learner: GenerativeLearner, task: Task) -> None:
        super().__init__()
        self.learner, self.task = learner, task

    z_size = property(lambda self: self.learner.settings.latent)
    z_type = property(lambda self: "normal")
    num_classes = property(lambda self: 0)

    def forward(self, latents: Tensor) -> Tensor:
        classes = torch.tensor(self.task.classes).repeat(len(latents))[: len(latents)]
        return to_uint8(self.learner.generate(classes, latents)).repeat(1, 3, 1, 1)


def main() -> None:
    parser = measure.options(__doc__, rounds=5)
    parser.add_argument("--tasks", type=int, default=10)
    parser.add_argument("--samples", type=int, default=500, help="generated images a task")
    given = measure.parsed(parser)
    settings = presets.resolve("digits-cgan", assignments=[f"evaluate.samples={given.samples}"])
    scenario = make_scenario(settings, None)
    learner = make_learner(settings.model, scenario.image_shape, 0, "cpu").eval()
    assert isinstance(learner, GenerativeLearner)
    tasks = list(scenario.tasks[: given.tasks])
    for task in tasks:
        learner.grow(task.classes, task.index)
    evaluator = Evaluator(learner, scenario, settings.evaluate, 0, only=["fid", "conditional_accuracy"])
    extractor, snapshot = evaluator.extractor, evaluator.snapshot(tasks)
    assert extractor is not None
    real = [snapshot.held_out_part(task).images.repeat(1, 3, 1, 1) for task in tasks]
    register_feature_extractor("digits-bench", DigitsReader)

    @torch.no_grad()
    def least() -> None:
        for task in tasks:
            classes = torch.tensor(task.classes).repeat_interleave(given.samples // len(task.classes))
            latents = learner.latents(len(classes), 0)
            for rows in torch.arange(len(classes)).split(BATCH):
                extractor(to_uint8(learner.generate(classes[rows], latents[rows])))

    with tempfile.TemporaryDirectory() as cache:
        sides = {
            "drawing and one pass of the extractor": least,
            "gencl": lambda: evaluator.measure(evaluator.snapshot(tasks)),
            "torch-fidelity, task by task": lambda: _theirs(learner, tasks, real, given.samples, cache),
        }
        times = measure.interleaved(
            {name: measure.timed(run, given.clock) for name, run in sides.items()}, given.rounds
        )
    title = f"Fréchet distance of {given.tasks} past tasks, {given.samples} images each, digits-cgan"
    measure.record("Evaluation", measure.table(title, times))


def _theirs(learner: GenerativeLearner, tasks: list[Task], real: list[Tensor], samples: int, cache: str) -> None:
    for task, images in zip(tasks, real, strict=True):
        calculate_metrics(
            input1=Drawing(learner, task),
            input1_model_num_samples=samples,
            input2=Subset(images, range(len(images))),  # type: ignore[arg-type]  # a tensor is indexed as a data set is
            input2_cache_name=f"task-{task.index}",
            cache_root=cache,
            feature_extractor="digits-bench",
            batch_size=BATCH,
            fid=True,
            cuda=False,
            verbose=False,
            save_cpu_ram=True,
        )


if __name__ == "__main__":
    main()
