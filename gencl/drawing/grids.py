"""Draw samples with one row per class and one latent per column, and how they change from task to task."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from gencl.core import files
from gencl.drawing.headings import Font, Headings
from gencl.drawing.names import shortened
from gencl.learners.generative import GenerativeLearner
from gencl.learners.learner import predicting
from gencl.metrics.snapshot import to_uint8

COLUMNS = 12
"""The number of latents in a sample grid."""
LONGEST = 16
"""With more images per class than this, a sample grid may use several rows per class."""
STRIP = 2
"""The number of latents per class in an evolution strip, and the minimal one in a comparison of methods."""
WIDEST_GIF = 65_535
"""The pixels that the format allows along a side."""
FRAME_MS, LAST_MS = 700, 2500
"""How long an animation shows each frame, and the last one, in milliseconds."""
GAP = 2
_BACKGROUND, _INK, _EMPTY = (255, 255, 255), (40, 40, 40), (238, 238, 238)


def _font(names: Sequence[str], size: int) -> Font:
    """Return Pillow's own font, or matplotlib's if a name is not ASCII: it covers more alphabets."""
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
    """Draw uint8 images (c, h, w) in rows, with row names on the left and column names on top.

    Column names are slanted if they have no room side by side. None leaves a cell empty. ``room_for`` are further row
    names to leave room for, so that several pictures have equal sizes.
    """
    row_names, column_names, room_for = ([shortened(n) for n in names] for names in (row_names, column_names, room_for))
    first = next(cell for row in cells for cell in row if cell is not None)
    height, width = first.shape[1] * zoom, first.shape[2] * zoom
    columns = max(len(row) for row in cells)
    letters = max(10, min(16, height // 2))
    font = _font([*row_names, *room_for, *column_names], letters)
    left = 6 + max((int(font.getlength(name)) for name in [*row_names, *room_for]), default=-6)
    centres = [left + GAP + j * (width + GAP) + width // 2 for j in range(columns)]
    named = [(centre, name) for centre, name in zip(centres, column_names, strict=False) if name]
    headings = Headings(named, font, letters, left + columns * (width + GAP) + GAP)
    top = headings.height
    picture = Image.new("RGB", (headings.width, top + len(cells) * (height + GAP) + GAP), _BACKGROUND)
    headings.write(picture, _INK)
    pen = ImageDraw.Draw(picture)
    for i, name in enumerate(row_names):
        pen.text((left - 4, top + GAP + i * (height + GAP) + height // 2), name, _INK, font, anchor="rm")
    for i, row in enumerate(cells):
        for j, cell in enumerate(row):
            corner = (left + GAP + j * (width + GAP), top + GAP + i * (height + GAP))
            if cell is None:
                pen.rectangle((*corner, corner[0] + width - 1, corner[1] + height - 1), _EMPTY)
            else:
                picture.paste(to_picture(cell).resize((width, height), Image.Resampling.NEAREST), corner)
    return picture


def to_picture(image: Tensor) -> Image.Image:
    """Convert a uint8 image (1 or 3, h, w) to a Pillow image."""
    array = image.cpu().numpy()
    return Image.fromarray(array[0]) if len(array) == 1 else Image.fromarray(array.transpose(1, 2, 0))


def save_picture(picture: Image.Image, path: Path) -> None:
    """Save a picture as PNG, atomically."""
    files.write(path, png(picture))


def png(picture: Image.Image) -> bytes:
    """Return a picture as PNG bytes."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")  # optimize=True is much slower and saves hardly any bytes
    return buffer.getvalue()


def save_animation(pictures: Sequence[Image.Image], path: Path, grey: bool, each: int = FRAME_MS) -> None:
    """Save pictures of equal size as a looping GIF, atomically.

    Each frame is shown for ``each`` milliseconds, the last one for `LAST_MS`. Grey pictures are stored without loss,
    others with 256 colours per frame.
    """
    buffer = io.BytesIO()
    frames = [
        picture.convert("L") if grey else picture.quantize(256, Image.Quantize.FASTOCTREE) for picture in pictures
    ]
    shown = [each] * (len(frames) - 1) + [LAST_MS]
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=shown, loop=0, optimize=True)
    files.write(path, buffer.getvalue())


def class_rows(learner: GenerativeLearner, classes: Sequence[int], columns: int, seed: int) -> Tensor:
    """Return generated images, uint8 (classes, columns, c, h, w). Each column has one latent, fixed over time."""
    latents = learner.latents(columns, seed, "samples").repeat(len(classes), 1)
    wanted = torch.tensor(list(classes), device=latents.device).repeat_interleave(columns)
    with torch.no_grad(), predicting(learner):
        images = to_uint8(learner.generate(wanted, latents))
    return images.view(len(classes), columns, *images.shape[1:])


def sample_grid(
    learner: GenerativeLearner, class_names: Sequence[str], classes: Sequence[int], each: int, seed: int
) -> Image.Image:
    """Draw a grid with one row per class. Many images of few classes take several rows, so that no row is too long."""
    images = class_rows(learner, classes, each, seed)
    rows = 1 if each <= LONGEST else max(1, round(math.sqrt(each / len(classes))))
    columns = -(-each // rows)
    cells = [list(of_class[start : start + columns]) for of_class in images for start in range(0, each, columns)]
    names = [class_names[number] if start == 0 else "" for number in classes for start in range(0, each, columns)]
    return draw_grid(cells, names, zoom=zoom_for(images))


def method_grid(learners: Mapping[str, GenerativeLearner], classes: Mapping[int, str], seed: int) -> Image.Image:
    """Draw one row per learner, with the same classes and latents across.

    ``classes`` maps numbers to names. Each class has at least `STRIP` latents, and more if there are few classes.
    """
    columns = max(STRIP, COLUMNS // len(classes))
    rows = [class_rows(learner, list(classes), columns, seed) for learner in learners.values()]
    tops = [name if k == 0 else "" for name in classes.values() for k in range(columns)]
    return draw_grid([list(images.flatten(0, 1)) for images in rows], list(learners), tops, zoom_for(rows[0]))


def zoom_for(images: Tensor) -> int:
    """Return the integer zoom that makes images at least 40 pixels wide."""
    return max(1, -(-40 // images.shape[-1]))


class Frames:
    """Images of the same few latents after each task, for the evolution strip."""

    def __init__(self, class_names: Sequence[str]) -> None:
        self._class_names = list(class_names)
        self._names: list[str] = []
        self._classes: list[list[int]] = []
        self._images: list[Tensor] = []

    def take(self, learner: GenerativeLearner, seed: int, name: str, path: Path) -> Tensor:
        """Save the grid of all classes seen, and keep its first columns as the frame of task ``name``.

        Return all images of the grid (see `class_rows`).
        """
        images = class_rows(learner, learner.classes, COLUMNS, seed)
        names = [self._class_names[c] for c in learner.classes]
        save_picture(draw_grid([list(row) for row in images], names, zoom=zoom_for(images)), path)
        self._names.append(name)
        self._classes.append(list(learner.classes))
        self._images.append(images[:, :STRIP].cpu())
        return images

    def draw(self, folder: Path, last: bool) -> None:
        """Save evolution.png and evolution.gif in ``folder``: after each of the first 15 tasks, after the last one, and
        ever more rarely in between, because each drawing shows all tasks and many of them take longer than training."""
        number = len(self._names)
        if last or number % max(1, number // 8) == 0:
            self.strip(folder / "evolution.png")
            self.animation(folder / "evolution.gif")

    def strip(self, path: Path) -> None:
        """Save the strip: one row per task, with classes and their latents across."""
        classes = self._classes[-1]
        cells: list[list[Tensor | None]] = []
        for seen, images in zip(self._classes, self._images, strict=True):
            place = {c: i for i, c in enumerate(seen)}
            cells.append([images[place[c], k] if c in place else None for c in classes for k in range(STRIP)])
        tops = [self._class_names[c] if k == 0 else "" for c in classes for k in range(STRIP)]
        save_picture(draw_grid(cells, self._names, tops, zoom_for(self._images[-1])), path)

    def animation(self, path: Path) -> None:
        """Save a GIF with one frame per task: one row per latent, classes across.

        Nothing is saved of a single frame, and of so many classes that a frame is too wide for a GIF.
        """
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
        if max(pictures[-1].size) > WIDEST_GIF:
            return
        save_animation(pictures, path, grey=self._images[-1].shape[2] == 1)

    def tensors(self) -> dict[str, Tensor]:
        """Return the images and the classes of all frames; keys hold the frame's number and name."""
        tensors = {}
        for i, (name, classes, images) in enumerate(zip(self._names, self._classes, self._images, strict=True)):
            tensors[f"{i:04d}.images.{name}"] = images
            tensors[f"{i:04d}.classes.{name}"] = torch.tensor(classes)
        return tensors

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        self._names, self._classes, self._images = [], [], []
        for key in sorted(tensors):
            number, what, name = key.split(".", 2)  # a task's name may contain dots
            if what == "images":
                self._names.append(name)
                self._images.append(tensors[key].cpu())
                self._classes.append(tensors[f"{number}.classes.{name}"].tolist())
