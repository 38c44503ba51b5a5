"""Writes the directory of a run during training: settings, log, checkpoints, metrics, pictures and model."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import Tensor

import gencl
from gencl.core import files
from gencl.core.errors import UsageError
from gencl.core.processes import Processes
from gencl.core.settings import Settings
from gencl.drawing.beside import save_beside_real
from gencl.drawing.grids import Frames
from gencl.learners.learner import Learner
from gencl.methods.base import Method
from gencl.metrics.evaluator import Evaluator
from gencl.plugins.needed import checksums, of_groups
from gencl.runs import checkpoint, kept, learned_images
from gencl.runs.build import unread
from gencl.runs.described import count_parameters, environment, git_commit, of_tasks
from gencl.runs.folder import RunFolder, locked_run
from gencl.runs.same_images import Fingerprint, fingerprints
from gencl.runs.state import State
from gencl.runs.tracking import Tracker
from gencl.scenarios.task import Scenario, Task

PATIENCE_SECONDS = 10.0
"""How long a resumed run waits for a process that was asked to stop and is still writing its last checkpoint."""


class Recorder:
    """Writes a run directory, which `RunFolder` reads. Only the main process writes."""

    def __init__(
        self, folder: Path, settings: Settings, scenario: Scenario, processes: Processes, resume_command: str = ""
    ) -> None:
        self.folder, self.settings, self.scenario, self._processes = folder, settings, scenario, processes
        self.resume_command = resume_command
        self.tracker: Tracker | None = None
        self._lock: int | None = None
        self._frames = Frames(scenario.class_names)
        self._begun, self._held = False, list[tuple[bytes, int]]()
        self._missing: list[Path] | None = None

    def create(self, resume: bool, extends: Settings | None = None) -> None:
        """Make the directory with its config.yaml, and lock it against other writers until `close`.

        ``extends`` are the settings before tasks were added: the directory then stays unchanged until `begin`. Raises
        UsageError if another process writes there, or has just begun or extended a run there.
        """
        missing = [path for path in (self.folder, *self.folder.parents) if not path.exists()]
        try:
            (self.folder / "samples").mkdir(parents=True, exist_ok=True)
            self._lock = locked_run(self.folder, PATIENCE_SECONDS if resume else 0)
        except OSError as error:
            raise files.cannot_write(self.folder, error) from error
        files.clear_scratch(self.folder)
        if not resume and (self.folder / "config.yaml").exists():
            raise UsageError(f"another process has just begun a run in {self.folder}; choose another --out")
        self._missing = missing
        git_commit()  # of the code that runs, whatever is committed while it trains
        if extends is None:
            self.begin()
        elif RunFolder(self.folder).settings.tree() != extends.tree():
            raise UsageError(f"another process has just extended the run in {self.folder}; look at it first")

    def discard(self) -> None:
        """Remove what `create` has made for a fresh run that failed before its first step."""
        if self._missing is not None:
            shutil.rmtree(place := self.folder.resolve(), ignore_errors=True)  # rmtree refuses a link
            for path in self._missing[1:]:
                with suppress(OSError):  # it is not empty
                    path.rmdir()
            if self.folder not in self._missing:
                place.mkdir(exist_ok=True)

    def follow(self, tracker: str, step: int) -> None:
        """Report the run to a tracker from here on. Raises GenclError if the tracker cannot start."""
        self.tracker = Tracker(tracker, self.folder, self.settings, step)

    def begin(self) -> None:
        """Turn the directory into that of an unfinished run with these settings. The order matters: a process that
        ends in between leaves it either as it was or ready to be resumed."""
        if not self._begun:
            self._begun = True
            (self.folder / "report.html").unlink(missing_ok=True)
            files.write(self.folder / "config.yaml", self.settings.to_yaml(unread(self.settings)))
            for line, position in self._held:
                self._append(line, position)

    def close(self) -> None:
        """Finish the tracker, and let other writers in again."""
        if self.tracker is not None:
            self.tracker.finish()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def has_checkpoint(self) -> bool:
        """Return whether there is a checkpoint, which may be damaged."""
        return checkpoint.present(self.folder / "checkpoint")

    @cached_property
    def _images(self) -> list[Fingerprint]:
        return fingerprints(self.scenario.tasks)

    def origin(self, without: int = 0) -> dict[str, str]:
        """Return hashes of settings, training images, held-out images and plug-ins, by which a checkpoint is checked.

        ``without`` is the number of tasks to leave out, from the last that were added.
        """
        images = self._images[: len(self._images) - without]
        settings = self.settings.before(without).model_copy(update={"plugins": {}})
        text = json.dumps(settings.placeless(), sort_keys=True)
        files_of_plugins = "".join(checksums(self.settings.plugins).values())
        texts = {"settings": text, "data": "".join(task.train for task in images)}
        texts["held out"] = "".join(task.held_out for task in images)
        texts |= {"plugins": files_of_plugins} if files_of_plugins else {}
        return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}

    def log(self, entry: Mapping[str, Any], position: int, step: int) -> int:
        """Append a line to log.jsonl at byte ``position`` and return the position of its end.

        Later bytes are from before a resumption and are cut off. ``step`` counts the steps of the whole run.
        """
        if self.tracker is not None:
            self.tracker.step(step, entry["lr"], entry["loss"])
        line = json.dumps(entry, allow_nan=False).encode() + b"\n"
        if self._begun:
            return self._append(line, position)
        self._held.append((line, position))
        return position + len(line)

    def _append(self, line: bytes, position: int) -> int:
        path = self.folder / "log.jsonl"
        try:
            with path.open("r+b" if path.exists() else "w+b") as file:
                file.truncate(min(position, file.seek(0, 2)))
                file.seek(0, 2)
                file.write(line)
                return file.tell()
        except OSError as error:
            raise files.cannot_write(path, error) from error

    def checkpoint(self, state: State, tensors: Mapping[str, Tensor]) -> None:
        """Write a checkpoint."""
        self.begin()
        if not state.origin:
            state.origin = self.origin()
        checkpoint.save(self.folder / "checkpoint", self.checkpoint_name(state), state.tree(), tensors)

    @staticmethod
    def checkpoint_name(state: State) -> str:
        """Return the name of a state's checkpoint: twice the run's steps, plus one at the end of a task."""
        return f"{state.cost.steps * 2 + (not state.within_task):08d}"

    def tensors(self) -> dict[str, Tensor]:
        """Return the tensors that a resumed run needs to go on with its pictures."""
        return self._frames.tensors()

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        self._frames.restore(tensors)

    def picture(self, learner: Learner, row: int) -> None:
        """Draw samples after the task at ``row``: a grid, beside real images, and how the same latents changed."""
        self.begin()
        if (generative := learner.generative()) is not None:
            samples, after = self.folder / "samples", f"after {self.scenario.tasks[row].name}"
            grid = samples / f"task-{row + 1:02d}.png"
            generated = self._frames.take(generative, self.settings.seed, after, grid)
            self._frames.draw(samples, last=row + 1 == len(self.scenario.tasks))
            save_beside_real(self.scenario, row, generative.classes, generated, samples / "beside-real.png")

    def keep(self, learner: Learner, row: int) -> None:
        """Store the learner after the task at ``row``, if the settings ask for it."""
        if self.settings.keep == "tasks":
            self.begin()
            kept.save(self.folder, row + 1, learner)

    def track(self, state: State, row: int, features: Mapping[str, Any] | None) -> None:
        """Report the results of the task at ``row``, measured in these ``features``, to a tracker, if there is one."""
        if self.tracker is not None:
            self.tracker.task(state, row, features)
            picture = self.folder / "samples" / f"task-{row + 1:02d}.png"
            if picture.exists():
                self.tracker.picture(state.cost.steps, picture)

    def remember(self, task: Task, images: Tensor) -> None:
        """Store a task's images, generated right after it was learned."""
        self.begin()
        learned_images.save(self.folder, task, images)

    def write_metrics(self, state: State, learner: Learner, method: Method, evaluator: Evaluator) -> None:
        tree: dict[str, Any] = {
            "schema": 1,
            "preset": self.settings.preset,
            "method": self.settings.method["name"],
            "seed": self.settings.seed,
            "kind": learner.kind,
            **of_tasks(self.scenario),
            "matrices": state.matrices,
            "features": evaluator.features(),
            "images": [task.both for task in self._images],
            "summary": state.summary,
            **{key: state.evaluation.get(key) for key in ("floor", "classes")},
            "capacity": state.capacity or None,
            "parameters": count_parameters(learner, method),
            "cost": {
                **{key: value if key == "by_task" else round(value, 3) for key, value in vars(state.cost).items()},
                "steps_per_second": round(state.cost.steps / max(1e-9, state.cost.train_seconds), 2),
            },
            "environment": environment(learner.position.device, self._processes.world, self.settings.plugins),
        }
        files.write_json(self.folder / "metrics.json", {key: value for key, value in tree.items() if value is not None})
        if state.evaluation:
            files.write_json(self.folder / "evaluation.json", state.evaluation)

    def write_model(self, learner: Learner) -> None:
        """Write the trained model: its weights, and model.json, from which it is rebuilt."""
        of_learner = of_groups(self.settings.plugins, ("learners",))
        checksum = files.save_tensors(self.folder / "model.safetensors", learner.state_dict())
        files.write_json(
            self.folder / "model.json",
            {
                "schema": 1,
                "gencl": gencl.__version__,
                "preset": self.settings.preset,
                "method": self.settings.method["name"],
                "seed": self.settings.seed,
                "model": self.settings.model,
                "image_shape": list(self.scenario.image_shape),
                "tasks": [list(task) for task in learner.tasks],
                "class_names": list(self.scenario.class_names),
                "extended": self.scenario.added,
                **({"plugins": of_learner} if of_learner else {}),
                "sha256": checksum,
            },
        )
