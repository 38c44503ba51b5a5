"""Save more generated images than fit into memory, as PNGs in one folder per class or as one NumPy archive."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor

from gencl.core.errors import UsageError
from gencl.core.files import place
from gencl.core.processes import Processes
from gencl.core.several import Classes
from gencl.core.waiting import waited
from gencl.drawing.grids import png, to_picture
from gencl.learners.generative import GenerativeLearner
from gencl.runs.build import make_accelerator
from gencl.runs.folder import RunFolder
from gencl.uses import class_folders, npz_file
from gencl.uses.class_folders import Call
from gencl.uses.classes import check_one, classes_of
from gencl.uses.disk_space import Wanted, check_disk
from gencl.uses.latent_space import drawing
from gencl.uses.numbered import BLOCK, Block, Plan, planned
from gencl.uses.targets import check_target


def save_images(
    run: RunFolder,
    to: str | Path | None,
    npz: str | Path | None,
    classes: Classes | None,
    n: int,
    seed: int | None,
    device: str,
    task: int | None,
    guidance: float | None = None,
) -> None:
    """Write generated images into a folder, an archive, or both; see `gencl.Run.save_images`."""
    if to is None and npz is None:
        raise UsageError("name a folder (--to DIR), an archive (--npz FILE), or both")
    folder, archive = (None if name is None else place(name) for name in (to, npz))
    accelerator = make_accelerator(device)
    processes = Processes(accelerator)
    learner, card = drawing(run, str(accelerator.device), guidance), run.card
    check_one(task, classes)
    plan = planned(learner, card.class_names, classes if task is None else classes_of(learner, task), n)
    seed = card.seed if seed is None else seed
    channels, height, width = card.image_shape
    names = class_folders.names_of(card.class_names)
    work = _Work(learner, plan, seed, (channels, height, width), folder, names, processes)
    kind = accelerator.device.type
    call = Call(model=card.sha256, seed=seed, guidance=guidance, classes=list(plan.classes), n=n, device=kind)
    with processes.main_first():
        if archive is not None:
            check_target("--npz", archive, ".npz")
        if folder is not None:
            class_folders.check(folder, call)
        if processes.main:
            work.check_disk(archive)
            if folder is not None:
                class_folders.begin(folder, call, [names[label] for label in plan.classes])
    with ExitStack() as stack:
        take = None
        if archive is not None and processes.main:
            take = stack.enter_context(npz_file.written(archive, plan.classes, plan.counts(), work.shape))
        for _ in waited(work.done(take, gathered=archive is not None), n, "images"):
            pass
    processes.wait()


@dataclass(frozen=True)
class _Work:
    """The blocks of a plan, divided among the processes in turn."""

    learner: GenerativeLearner
    plan: Plan
    seed: int
    shape: tuple[int, int, int]
    folder: Path | None
    names: Sequence[str]
    processes: Processes

    def check_disk(self, archive: Path | None) -> None:
        """Raise UsageError if the disk has no room for the images that are still missing."""
        wanted = []
        if self.folder is not None:
            pictures = [png(to_picture(image)) for image in next(iter(self.plan)).images(self.learner, self.seed)]
            missing = self.plan.n - class_folders.count(self.folder)
            wanted.append(Wanted(self.folder, missing, sum(map(len, pictures)) / len(pictures)))
        if archive is not None:
            wanted.append(Wanted(archive.parent, 1, npz_file.size(self.plan.n, self.shape)))
        check_disk(wanted, f"{self.plan.n:,} images")

    def done(self, take: Callable[[Tensor], None] | None, gathered: bool) -> Iterator[None]:
        """Make the images; yield once per image. If ``gathered``, pass all in order to the main process's ``take``."""
        blocks, rank, world = iter(self.plan), self.processes.rank, self.processes.world
        while group := list(islice(blocks, world)):
            made = self._write(group[rank], gathered) if rank < len(group) else None
            if gathered:
                for block, images in zip(group, self._gathered(made), strict=False):
                    if take is not None:
                        take(images[: block.n])
            for block in group:
                yield from (None for _ in block.numbers)

    def _write(self, block: Block, needed: bool) -> Tensor | None:
        """Write the missing images of a block. Return all its images, or None if none is missing or ``needed``."""
        missing: list[tuple[int, Path]] = []
        if self.folder is not None:
            places = [class_folders.place(self.folder, self.names[block.label], i) for i in block.numbers]
            missing = [(row, path) for row, path in enumerate(places) if not class_folders.is_there(path)]
        if not missing and not needed:
            return None
        images = block.images(self.learner, self.seed)
        for row, path in missing:
            class_folders.save(path, png(to_picture(images[row])))
        return images

    def _gathered(self, made: Tensor | None) -> Sequence[Tensor]:
        """Return the blocks that all processes just made, (BLOCK, c, h, w) each, padded to one size for gathering."""
        whole = torch.zeros(BLOCK, *self.shape, dtype=torch.uint8)
        if made is not None:
            whole[: len(made)] = made
        everyone = self.processes.gather(whole.to(self.learner.position.device)).cpu()
        return [everyone[start : start + BLOCK] for start in range(0, len(everyone), BLOCK)]
