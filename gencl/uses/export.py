"""Export a trained network for other programs, as ONNX or as PyTorch's exported program."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

import gencl
from gencl.core.errors import GenclError, UsageError
from gencl.core.extras import EXTRAS
from gencl.core.files import place, replacing
from gencl.core.waiting import say
from gencl.learners.capabilities import CLASSIFIER, GENERATOR
from gencl.learners.classifier import Classifier
from gencl.learners.generative import GenerativeLearner
from gencl.learners.learner import Learner
from gencl.runs.folder import RunFolder
from gencl.uses.targets import check_target

OLDEST_OPSET, NEWEST_OPSET = 18, 25
"""PyTorch's exporter writes the oldest opset; onnxscript converts it to later ones, up to the newest."""
LARGEST_ONNX = 2**31 - 2**20
"""Maximal bytes of weights: an ONNX file is a protobuf message, which is limited to 2 GiB."""


class Drawing(nn.Module):
    """A generator as a module: latents (n, d) and class numbers (n,) to images (n, c, h, w) in [0, 1]."""

    def __init__(self, learner: GenerativeLearner) -> None:
        super().__init__()
        self.generator = learner.generator  # without the parts that only training needs
        self.register_buffer("position", learner.position)
        self.position: Tensor

    def forward(self, latents: Tensor, classes: Tensor) -> Tensor:
        images: Tensor = self.generator(latents, self.position[classes])
        return images


class Answering(nn.Module):
    """A classifier as a module: images (n, c, h, w) in [0, 1] to logits (n, classes), in the order learned.

    The logits of a task's classes are those that the classifier gives when the task is known.
    """

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, images: Tensor) -> Tensor:
        starts, start = [], 0
        for group in self.classifier.groups:
            starts.append(start)
            start += len(group)
        if self.classifier.heads == "class":  # one head over all classes needs no task
            starts = starts[:1]
        first = [self.classifier.first_task(group) for group in range(len(starts))]
        return torch.cat([self._of_task(images, task, start) for task, start in zip(first, starts, strict=True)], 1)

    def _of_task(self, images: Tensor, task: int, start: int) -> Tensor:
        positions = torch.full_like(images[:, 0, 0, 0], start, dtype=torch.long)
        return self.classifier.logits(images, positions, (task,))[0]


@dataclass(frozen=True)
class Exported:
    """A network with small example inputs by name, and the name of its output."""

    network: nn.Module
    inputs: dict[str, Tensor]
    output: str
    note: str = ""
    """A remark about what is left out."""

    def shapes(self) -> str:
        """Return the shapes as text: ``latents (n, 32), classes (n) -> images (n, 1, 28, 28)``."""
        with torch.no_grad():
            result = self.network(*self.inputs.values())
        given, (made,) = ([_shape(k, v) for k, v in d.items()] for d in (self.inputs, {self.output: result}))
        return f"{', '.join(given)} -> {made}{self.note}"

    def program(self) -> ExportedProgram:
        """Return the network traced by torch.export, for any n. Raises GenclError if it cannot be traced."""
        dynamic = tuple({0: Dim("n", min=1)} for _ in self.inputs)
        try:
            return torch.export.export(self.network, tuple(self.inputs.values()), dynamic_shapes=dynamic)
        except Exception as error:  # any kind: a plug-in's network may branch on its inputs
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise GenclError(f"--torch: torch.export cannot follow this network: {reason}") from error


def export(run: RunFolder, onnx: str | Path | None, torch_file: str | Path | None, opset: int | None) -> str:
    """Write the run's network and return a line with the shapes of inputs and output; see `gencl.Run.export`."""
    if onnx is None and torch_file is None:
        raise UsageError("name a file to write: --onnx FILE.onnx, --torch FILE.pt2, or both")
    onnx, torch_file = (None if name is None else place(name) for name in (onnx, torch_file))
    if onnx is None and opset is not None:
        raise UsageError(f"--opset {opset}: it is for ONNX alone; add --onnx FILE.onnx, or leave out --opset")
    opset = OLDEST_OPSET if opset is None else opset
    if onnx is not None:
        check_target("--onnx", onnx, ".onnx")
        EXTRAS["onnx"].require("--onnx")
        if not OLDEST_OPSET <= opset <= NEWEST_OPSET:
            age = "old" if opset < OLDEST_OPSET else "new"
            raise UsageError(f"--opset {opset} is too {age}; give one from {OLDEST_OPSET} to {NEWEST_OPSET}")
    if torch_file is not None:
        check_target("--torch", torch_file, ".pt2")
    exported, about = _of(run, run.learner()), _about(run)
    say("tracing the network: seconds, or minutes if it draws an image in many passes")
    with _quietly(), torch.no_grad():
        if onnx is not None:
            _write_onnx(exported, onnx, opset, about)
        if torch_file is not None:
            with replacing(torch_file) as scratch, scratch.open("wb") as file:
                torch.export.save(exported.program(), file, extra_files={"gencl.json": json.dumps(about)})
    return exported.shapes()


def _of(run: RunFolder, learner: Learner) -> Exported:
    """Return the network of a learner. Raises UsageError if it is neither a classifier nor a generator."""
    learner.requires_grad_(False)
    n = 2  # torch.export treats sizes 0 and 1 as constants
    if CLASSIFIER.of(learner) is not None:
        classifier = CLASSIFIER(learner)
        beside, classifier.generator = classifier.generator, None
        note = "" if beside is None else "; the generator beside the classifier is not in the file"
        return Exported(Answering(classifier), {"images": torch.rand(n, *run.card.image_shape)}, "logits", note)
    if GENERATOR.of(learner) is not None:
        generator = GENERATOR(learner)
        classes = torch.tensor(generator.classes[:1]).repeat(n)
        inputs = {"latents": generator.latents(n, 0), "classes": classes}
        return Exported(Drawing(generator), inputs, "images")
    raise UsageError(f"{run.path} holds a {type(learner).__name__}, which neither draws images nor classifies them")


def _about(run: RunFolder) -> dict[str, Any]:
    """Return the metadata that is stored with the network: gencl's version and the classes."""
    learned = run.card.classes
    names = run.class_names()
    return {"gencl": gencl.__version__, "classes": learned, "class_names": [names[label] for label in learned]}


def _write_onnx(exported: Exported, path: Path, opset: int, about: dict[str, Any]) -> None:
    size = sum(tensor.numel() * tensor.element_size() for tensor in exported.network.state_dict().values())
    if size > LARGEST_ONNX:
        raise UsageError("--onnx: the weights take more than 2 GiB, which no ONNX file can hold; use --torch")
    try:
        program = torch.onnx.export(
            exported.network,
            tuple(exported.inputs.values()),
            dynamo=True,
            opset_version=opset,
            input_names=list(exported.inputs),
            output_names=[exported.output],
            dynamic_shapes=tuple({0: Dim("n", min=1)} for _ in exported.inputs),
            verbose=False,
        )
    except torch.onnx.errors.OnnxExporterError as error:
        reason = str(error).splitlines()[0]
        raise GenclError(f"--onnx: PyTorch's exporter cannot write this network: {reason}") from error
    assert program is not None
    if program.model.opset_imports[""] != opset:
        raise UsageError(f"--opset {opset}: the network cannot be converted; use --opset {OLDEST_OPSET}")
    program.model.metadata_props.update({key: json.dumps(value) for key, value in about.items()})
    with replacing(path) as scratch:
        program.save(scratch, external_data=False)


@contextmanager
def _quietly() -> Iterator[None]:
    """Silence the warnings and log messages of the exporters within the block."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


def _shape(name: str, tensor: Tensor) -> str:
    return f"{name} ({', '.join(['n', *map(str, tensor.shape[1:])])})"
