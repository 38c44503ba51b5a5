"""Pictures of samples: a row per class with the same latents in every column, and how they changed over time."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from gencl.core import files
from gencl.drawing.names import shortened
from gencl.learners.generative import GenerativeLearner
from gencl.learners.learner import predicting
from gencl.metrics.snapshot import to_uint8

COLUMNS = 12
"""Latents in a sample grid."""
LONGEST = 16
"""Images of a class in one row of a sample grid; more are put into several rows where that makes it squarer."""
STRIP = 2
"""Latents a class in an evolution strip, and where methods stand side by side."""
FRAME_MS, LAST_MS = 700, 2500
"""How long an animation shows each frame, and the last one."""
GAP = 2
_BACKGROUND, _INK, _EMPTY = (255, 255, 255), (40, 40, 40), (238, 238, 238)


def _font(names: Sequence[str], size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own font or, where a name has letters that it lacks, matplotlib's, which has more alphabets."""
    if all(name.isascii() for name in names):
        return ImageFont.load_default(size=size)
    import matplotlib

    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", size)


def draw_grid(
    cells: Sequence[Sequence[Tensor | None]],
    row_names: Sequence[str] = (),
    column_names: Sequence[str] = (),
    zoom: int = 1,
    room_for: Sequence[str] = (),
) -> Image.Image:
    """A picture of uint8 images (c, h, w) in rows; None leaves a cell empty. Names stand at the left and on top; there
    is room for other row names too, so that several pictures have one size."""
    row_names, column_names, room_for = ([shortened(n) for n in names] for names in (row_names, column_names, room_for))
    first = next(cell for row in cells for cell in row if cell is not None)
    height, width = first.shape[1] * zoom, first.shape[2] * zoom
    columns = max(len(row) for row in cells)
    letters = max(10, min(16, height // 2))
    font = _font([*row_names, *room_for, *column_names], letters)
    left = 6 + max((int(font.getlength(name)) for name in [*row_names, *room_for]), default=-6)
    top = int(letters * 1.5) if column_names else 0
    size = (left + columns * (width + GAP) + GAP, top + len(cells) * (height + GAP) + GAP)
    picture = Image.new("RGB", size, _BACKGROUND)
    pen = ImageDraw.Draw(picture)
    for i, name in enumerate(row_names):
        pen.text((left - 4, top + GAP + i * (height + GAP) + height // 2), name, _INK, font, anchor="rm")
    for j, name in enumerate(column_names):
        pen.text((left + GAP + j * (width + GAP) + width // 2, top // 2), name, _INK, font, anchor="mm")
    for i, row in enumerate(cells):
        for j, cell in enumerate(row):
            corner = (left + GAP + j * (width + GAP), top + GAP + i * (height + GAP))
            if cell is None:
                pen.rectangle((*corner, corner[0] + width - 1, corner[1] + height - 1), _EMPTY)
            else:
                picture.paste(to_picture(cell).resize((width, height), Image.Resampling.NEAREST), corner)
    return picture


def to_picture(image: Tensor) -> Image.Image:
    """A uint8 image (1 or 3, h, w) as a picture."""
    array = image.cpu().numpy()
    return Image.fromarray(array[0]) if len(array) == 1 else Image.fromarray(array.transpose(1, 2, 0))


def save_picture(picture: Image.Image, path: Path) -> None:
    """Writes a PNG atomically."""
    files.write(path, png(picture))


def png(picture: Image.Image) -> bytes:
    """A picture as a PNG."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")  # optimize=True takes much longer and saves next to nothing
    return buffer.getvalue()


def save_animation(pictures: Sequence[Image.Image], path: Path, grey: bool, each: int = FRAME_MS) -> None:
    """Writes pictures of one size as a GIF that goes round, atomically; grey ones lose nothing, others keep 256 colours
    a frame. ``each`` but the last is shown for so many milliseconds."""
    buffer = io.BytesIO()
    frames = [
        picture.convert("L") if grey else picture.quantize(256, Image.Quantize.FASTOCTREE) for picture in pictures
    ]
    shown = [each] * (len(frames) - 1) + [LAST_MS]
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=shown, loop=0, optimize=True)
    files.write(path, buffer.getvalue())


def class_rows(learner: GenerativeLearner, classes: Sequence[int], columns: int, seed: int) -> Tensor:
    """Generated images, uint8 (classes, columns, c, h, w): each column has one latent, the same at every time."""
    latents = learner.latents(columns, seed, "samples").repeat(len(classes), 1)
    wanted = torch.tensor(list(classes), device=latents.device).repeat_interleave(columns)
    with torch.no_grad(), predicting(learner):
        images = to_uint8(learner.generate(wanted, latents))
    return images.view(len(classes), columns, *images.shape[1:])


def sample_grid(
    learner: GenerativeLearner, class_names: Sequence[str], classes: Sequence[int], each: int, seed: int
) -> Image.Image:
    """A grid with a row per class; of few classes with many images, several rows per class, so that none is long."""
    images = class_rows(learner, classes, each, seed)
    rows = 1 if each <= LONGEST else max(1, round(math.sqrt(each / len(classes))))
    columns = -(-each // rows)
    cells = [list(of_class[start : start + columns]) for of_class in images for start in range(0, each, columns)]
    names = [class_names[number] if start == 0 else "" for number in classes for start in range(0, each, columns)]
    return draw_grid(cells, names, zoom=zoom_for(images))


def method_grid(learners: Mapping[str, GenerativeLearner], classes: Mapping[int, str], seed: int) -> Image.Image:
    """Methods side by side: a row per learner, the classes (by number, with their names) with the same latents across,
    two at least and more where the classes are few."""
    columns = max(STRIP, COLUMNS // len(classes))
    rows = [class_rows(learner, list(classes), columns, seed) for learner in learners.values()]
    tops = [name if k == 0 else "" for name in classes.values() for k in range(columns)]
    return draw_grid([list(images.flatten(0, 1)) for images in rows], list(learners), tops, zoom_for(rows[0]))


def zoom_for(images: Tensor) -> int:
    """Small images are shown larger: at least about 40 pixels a side."""
    return max(1, -(-40 // images.shape[-1]))


class Frames:
    """What the same few latents gave after each task, for the evolution strip."""

    def __init__(self, class_names: Sequence[str]) -> None:
        self._class_names = list(class_names)
        self._names: list[str] = []
        self._classes: list[list[int]] = []
        self._images: list[Tensor] = []

    def take(self, learner: GenerativeLearner, seed: int, name: str, path: Path) -> Tensor:
        """Draw the grid of all classes seen, keep its first columns as the next frame, and return its images (see
        `class_rows`)."""
        images = class_rows(learner, learner.classes, COLUMNS, seed)
        names = [self._class_names[c] for c in learner.classes]
        save_picture(draw_grid([list(row) for row in images], names, zoom=zoom_for(images)), path)
        self._names.append(name)
        self._classes.append(list(learner.classes))
        self._images.append(images[:, :STRIP].cpu())
        return images

    def strip(self, path: Path) -> None:
        """Time downwards, the classes with their latents across."""
        classes = self._classes[-1]
        cells: list[list[Tensor | None]] = []
        for seen, images in zip(self._classes, self._images, strict=True):
            place = {c: i for i, c in enumerate(seen)}
            cells.append([images[place[c], k] if c in place else None for c in classes for k in range(STRIP)])
        tops = [self._class_names[c] if k == 0 else "" for c in classes for k in range(STRIP)]
        save_picture(draw_grid(cells, self._names, tops, zoom_for(self._images[-1])), path)

    def animation(self, path: Path) -> None:
        """The same as a GIF, a frame after each task: a row per latent, the classes across. Nothing of one frame."""
        if len(self._names) < 2:
            return
        classes = self._classes[-1]
        tops = [self._class_names[c] for c in classes]
        pictures = []
        for name, seen, images in zip(self._names, self._classes, self._images, strict=True):
            place = {c: i for i, c in enumerate(seen)}
            cells: list[list[Tensor | None]] = [
                [images[place[c], k] if c in place else None for c in classes] for k in range(STRIP)
            ]
            pictures.append(draw_grid(cells, [name] + [""] * (STRIP - 1), tops, zoom_for(images), self._names))
        save_animation(pictures, path, grey=self._images[-1].shape[2] == 1)

    def tensors(self) -> dict[str, Tensor]:
        """The frames by number and name, and the classes of each."""
        tensors = {}
        for i, (name, classes, images) in enumerate(zip(self._names, self._classes, self._images, strict=True)):
            tensors[f"{i:04d}.images.{name}"] = images
            tensors[f"{i:04d}.classes.{name}"] = torch.tensor(classes)
        return tensors

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        self._names, self._classes, self._images = [], [], []
        for key in sorted(tensors):
            number, what, name = key.split(".", 2)  # a task's name may hold anything
            if what == "images":
                self._names.append(name)
                self._images.append(tensors[key].cpu())
                self._classes.append(tensors[f"{number}.classes.{name}"].tolist())
