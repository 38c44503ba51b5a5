"""Draw pictures of a generator's latent space: samples, reconstructions and interpolations."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from PIL import Image
from torch import Tensor

from gencl.core import several
from gencl.core.errors import GenclError, UsageError
from gencl.core.files import optional_place, place
from gencl.core.several import Classes, Files
from gencl.core.threads import as_usual
from gencl.datasets.dataset import Split
from gencl.datasets.decode import Pixels, Unusable, decode, strict
from gencl.datasets.resize import fit
from gencl.drawing.grids import draw_grid, sample_grid, zoom_for
from gencl.learners.generative import GenerativeLearner
from gencl.learners.learner import Learner
from gencl.metrics.snapshot import to_uint8
from gencl.runs.same_images import learned_tasks, scenario_of
from gencl.uses.classes import check_one, class_numbers, classes_of

if TYPE_CHECKING:
    from gencl.runs.folder import RunFolder

ROWS = 4
"""The number of interpolations shown within one class or between two."""
_COLUMNS = 12


@as_usual()
def sample(
    run: RunFolder,
    classes: Classes | None,
    n: int,
    task: int | None,
    seed: int | None,
    guidance: float | None = None,
    device: str = "cpu",
) -> Image.Image:
    """Return a grid of generated images; see `gencl.Run.sample`."""
    check_one(task, classes)
    learner, names = drawing(run, device, guidance), run.class_names()
    of_task = learner.classes if task is None else list(classes_of(learner, task))
    wanted = class_numbers(learner, names, classes) or of_task
    each = max(1, -(-n // len(wanted)))
    seed = run.card.seed if seed is None else seed
    return sample_grid(learner, names, wanted, each, seed)


def drawing(run: RunFolder, device: str = "cpu", guidance: float | None = None) -> GenerativeLearner:
    """Return the run's generator. ``guidance`` sets how strongly its images follow their class.

    Raises UsageError for a classifier, and for guidance that the generator does not take (`Generator.guide`).
    """
    learner = run.generator(device)
    if guidance is not None:
        learner.generator.guide(guidance)
    return learner


@as_usual()
def reconstruct(
    run: RunFolder,
    images: Files,
    task: int | None,
    n: int | None,
    data_root: str | Path | None,
    device: str = "cpu",
) -> Image.Image:
    """Return a picture of images above their reconstructions, grouped by task; see `gencl.Run.reconstruct`."""
    learner = _with_encoder(run, device)
    images, wanted, there = several.files(images), _wanted(learner, task), learner.position.device
    if images:
        if n is not None:
            raise UsageError("--n is for held-out images, and files are all drawn; leave it out")
        pictures = _read(images, run.card.image_shape).to(there)
        best = best_classes(learner, pictures, wanted)
        of_task = torch.tensor([next(i for i in wanted if c in learner.tasks[i]) for c in best.tolist()])
        rows = {index: (of_task == index).to(there) for index in of_task.unique().tolist()}
        pairs = {index: (pictures[some], best[some]) for index, some in rows.items()}
    else:
        parts = held_out(run, learner, data_root)
        pairs = {index: _evenly(parts[index], _COLUMNS if n is None else n, there) for index in wanted}
    return _draw_pairs(learner, run.class_names(), pairs)


def _wanted(learner: GenerativeLearner, task: int | None) -> Sequence[int]:
    """Return the index of ``task`` (1 for the first), or of all tasks. Raises UsageError if it was not learned."""
    if task is None:
        return range(len(learner.tasks))
    classes_of(learner, task)  # raises UsageError for a wrong number
    return [task - 1]


@as_usual()
def interpolate(
    run: RunFolder,
    images: Files,
    task: int | None,
    classes: Classes | None,
    steps: int,
    seed: int | None,
    device: str = "cpu",
) -> Image.Image:
    """Return a picture of interpolations between images, latents or classes; see `gencl.Run.interpolate`."""
    images = several.files(images)
    if images:
        if seed is not None:
            raise UsageError("--seed is for latents, and images have theirs; leave it out")
        return _between_images(run, images, task, classes, steps, device)
    check_one(task, classes)
    learner, names = run.generator(device), run.class_names()
    named = class_numbers(learner, names, classes)
    if classes is not None and not 1 <= len(named) <= 2:
        raise UsageError(f"--classes: name one class, or two to go from one to the other, not {len(named)}")
    place = learner.position.device
    if not named:  # one row per class
        starts = ends = torch.tensor(learner.classes if task is None else classes_of(learner, task), device=place)
    else:
        starts, ends = (torch.full((ROWS,), c, device=place) for c in (named[0], named[-1]))
    first, second = learner.latents(2 * len(starts), run.card.seed if seed is None else seed, "interpolation").chunk(2)
    frames = between(learner, (starts, first), (ends, second if starts.equal(ends) else first), steps)
    if not named:
        return draw_grid([list(row) for row in frames], [names[c] for c in starts.tolist()], zoom=zoom_for(frames))
    tops = [names[named[0]], *[""] * (steps - 2), names[named[-1]]]
    return draw_grid([list(row) for row in frames], column_names=tops, zoom=zoom_for(frames))


def _between_images(
    run: RunFolder, images: Sequence[str | Path], task: int | None, classes: object, steps: int, device: str
) -> Image.Image:
    if len(images) != 2:
        raise UsageError(f"give two images to go from one to the other, or none, not {len(images)}")
    if classes is not None:
        raise UsageError("--classes is for latents; for images, --task says which task's latent layer reads them")
    learner = _with_encoder(run, device)
    wanted = _wanted(learner, task)
    pictures = _read(images, run.card.image_shape).to(learner.position.device)
    shown = best_classes(learner, pictures, wanted)
    with torch.no_grad():
        latents = learner.encode(pictures.float() / 255, shown)
    start, end = ((shown[i : i + 1], latents[i : i + 1]) for i in (0, 1))
    frames = between(learner, start, end, steps)
    row = [pictures[0], *frames[0], pictures[1]]
    return draw_grid([row], column_names=["from", *[""] * steps, "to"], zoom=zoom_for(frames))


@torch.no_grad()
def between(learner: GenerativeLearner, start: tuple[Tensor, Tensor], end: tuple[Tensor, Tensor], steps: int) -> Tensor:
    """Return interpolated images, uint8 (n, steps, c, h, w), between two pairs of (classes (n,), latents (n, d)).

    The first hidden units are interpolated (`Generator.units`, `Generator.between`), across classes and tasks too.
    """
    generator = learner.generator
    first, last = (generator.units(latents, learner.position[classes]) for classes, latents in (start, end))
    shares = torch.linspace(0, 1, steps).tolist()
    return torch.stack([to_uint8(generator.images(generator.between(first, last, share))) for share in shares], 1)


def _with_encoder(run: RunFolder, device: str) -> GenerativeLearner:
    learner = run.generator(device)
    if learner.encoder() is None:
        raise UsageError(
            f"{run.path} holds a {type(learner).__name__}, which has no encoder: it draws images but cannot read any; "
            "a VAE can (--preset digits-vae)"
        )
    return learner


@torch.no_grad()
def best_classes(learner: GenerativeLearner, pictures: Tensor, tasks: Sequence[int]) -> Tensor:
    """Return a class of the latent layers that best reconstruct each image, (n,), for uint8 ``pictures`` (n, c, h, w).

    Classes that came together share latent layers (`Learner.groups`). Those of the tasks with these indices are tried,
    and the first class of each group stands for it.
    """
    images, errors = pictures.float() / 255, []
    tried = [learner.groups[group][0] for group in learner.groups_of(tasks)]
    for c in tried:
        classes = torch.full((len(images),), c, device=images.device)
        errors.append((learner.reconstruct(images, classes) - images).square().sum((1, 2, 3)))
    return torch.tensor(tried, device=pictures.device)[torch.stack(errors).argmin(0)]


def held_out(run: RunFolder, learner: Learner, data_root: str | Path | None) -> list[Split]:
    """Return the held-out images of each task. Raises UsageError for a model without config.yaml."""
    if not (run.path / "config.yaml").is_file():
        raise UsageError(f"{run.path} is a model without config.yaml, which names the data; give images to reconstruct")
    scenario = scenario_of(run, optional_place(data_root))
    return [task.test for task in learned_tasks(run, scenario, learner)]


def _evenly(part: Split, n: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return at most ``n`` evenly spaced images of a split, and their classes."""
    rows = torch.linspace(0, len(part) - 1, min(n, len(part))).round().long()
    return part.take(rows).to(device), part.labels[rows.to(part.labels.device)].to(device)


@torch.no_grad()
def _draw_pairs(
    learner: GenerativeLearner, names: Sequence[str], pairs: Mapping[int, tuple[Tensor, Tensor]]
) -> Image.Image:
    """Draw rows of images by task, each above its reconstructions by the latent layers of the images' classes."""
    cells: list[list[Tensor | None]] = []
    labels: list[str] = []
    for index, (pictures, classes) in sorted(pairs.items()):
        decoded = to_uint8(learner.reconstruct(pictures.float() / 255, classes))
        label = ", ".join(names[c] for c in learner.tasks[index][:3]) + (
            ", ..." if len(learner.tasks[index]) > 3 else ""
        )
        for start in range(0, len(pictures), _COLUMNS):
            cells += [list(part[start : start + _COLUMNS]) for part in (pictures, decoded)]
            labels += [label, "decoded"]
    return draw_grid(cells, labels, zoom=zoom_for(next(iter(pairs.values()))[0]))


def _read(paths: Sequence[str | Path], shape: Sequence[int]) -> Tensor:
    """Return image files as uint8 (n, c, h, w), in the model's shape. Warns about each that is resized."""
    with strict():
        pictures = [_pixels(place(path)) for path in paths]
    channels, size, _ = shape
    for path, pixels in zip(paths, pictures, strict=True):
        height, width = pixels.shape[:2]
        if (height, width) != (size, size):
            cropped = "" if height == width else "its middle is cropped and "
            warnings.warn(f"{path} is {width}x{height}: {cropped}resized to {size}x{size}", stacklevel=4)
    images = [torch.from_numpy(pixels.reshape(*pixels.shape[:2], -1)).permute(2, 0, 1)[None] for pixels in pictures]
    return torch.cat([fit(image, size, channels) for image in images])


def _pixels(path: Path) -> Pixels:
    if not path.exists():
        raise UsageError(f"there is no image {path}")
    if path.is_dir():
        raise UsageError(f"{path} is a folder; name image files, such as {path}/*.png")
    try:
        return decode(path, None)
    except Unusable as reason:
        raise GenclError(f"{path} cannot be read as an image: {reason}") from None
