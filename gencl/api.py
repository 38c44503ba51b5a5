"""What a user holds: a run, and what can be done with it and with new ones. It only calls the rooms below."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

from PIL import Image
from torch import Tensor

from gencl.core.arguments import Positive, TwoOrMore, checked, checked_methods
from gencl.core.several import Classes, Files, Names
from gencl.metrics.perceptual import Backbone
from gencl.reports import html
from gencl.reports.notebook import Shown, evaluation_html, run_html
from gencl.runs.build import device_kind
from gencl.runs.folder import RunFolder, open_run
from gencl.training import extend as _extend
from gencl.training import train as _train
from gencl.uses import evaluate as _evaluate
from gencl.uses import image_folder, latent_space, numbered, playing

P = ParamSpec("P")


@checked_methods
class Run(RunFolder):
    """What one training left in a directory, ready to sample and evaluate. Nothing in it is ever unpickled."""

    def _repr_html_(self) -> str | None:
        return run_html(self)

    def sample(
        self,
        classes: Classes | None = None,
        n: Positive = 64,
        task: int | None = None,
        seed: int | None = None,
        guidance: float | None = None,
        device: str = "auto",
    ) -> Image.Image:
        """A grid of n images, rounded up to equally many of each class: a row per class, or several of few classes.

        The k-th image of each class has the same latent.

        Args:
            classes: numbers or names, one or several, or a text such as ``"0-2,cats"``; default all of ``task``.
            task: 1 for the first.
            seed: of the latents; default the run's.
            guidance: how strongly images follow their class (1: as learned), of a generator that is guided.
            device: auto, cpu, cuda or mps.

        Raises UsageError for a class or task that was not learned, or a guidance that the generator does not take.
        """
        return latent_space.sample(self, classes, n, task, seed, guidance, device_kind(device))

    def generate(
        self,
        classes: Classes | None = None,
        n: Positive = 64,
        seed: int | None = None,
        device: str = "auto",
        guidance: float | None = None,
    ) -> Tensor:
        """Return n images as uint8 (n, c, h, w) on the CPU: class after class, equally many of each.

        The k-th image of a class depends on the seed, the class and k alone, to the byte, whatever n and the other
        classes are. Another kind of device, or another number of threads, may round a grey level differently.

        Args:
            classes: as in `sample`; default all.
            n: images of all classes together; where it cannot be divided, the first classes have one more.
            seed, device, guidance: as in `sample`.

        Raises UsageError for a class that was not learned, and for a classifier.
        """
        return numbered.generate(self, classes, n, seed, device, guidance)

    def save_images(
        self,
        to: str | Path | None = None,
        npz: str | Path | None = None,
        classes: Classes | None = None,
        n: Positive = 64,
        seed: int | None = None,
        device: str = "auto",
        task: int | None = None,
        guidance: float | None = None,
    ) -> None:
        """Write the images of `generate` into files, in as much memory for a million as for a hundred.

        Args:
            to: a folder, which gets a PNG for each image in a folder per class; images of the same call that are there
                are kept. Processes of `accelerate launch` or torchrun share the work.
            npz: a NumPy archive: ``arr_0`` is uint8 (n, h, w, c), ``arr_1`` the class numbers.
            task: 1 for the first; its classes instead of ``classes``.

        Raises UsageError as `generate` does, for a folder that holds anything else, and if the disk is too small.
        """
        image_folder.save_images(self, to, npz, classes, n, seed, device, task, guidance)

    def reconstruct(
        self,
        images: Files = (),
        n: Positive | None = None,
        task: int | None = None,
        data_root: str | Path | None = None,
        device: str = "auto",
    ) -> Image.Image:
        """Images, each above what the VAE makes of it, two rows a task.

        Args:
            images: a file or files, resized with a warning; default held-out images of the run's own data.
            n: held-out images a task, default 12; not with ``images``.
            task: 1 for the first; default all, and for ``images`` the one that gives each image back best.
            data_root: where data sets lie, for held-out images.
            device: as in `sample`.

        Raises UsageError for a learner that cannot encode, a task that was not learned, or a file that is not there.
        """
        return latent_space.reconstruct(self, images, task, n, data_root, device_kind(device))

    def interpolate(
        self,
        images: Files = (),
        task: int | None = None,
        classes: Classes | None = None,
        steps: TwoOrMore = 9,
        seed: int | None = None,
        device: str = "auto",
    ) -> Image.Image:
        """What lies between two images (VAEs), two latents, or two classes: a straight line in the first hidden units.

        Args:
            images: two files; default none: latents are drawn.
            task: 1 for the first; for latents only its classes, a row each; for images default the best for each.
            classes: numbers or names: one, between pairs of latents; or two, between them with the same latents.
            steps: images of a row, both ends included.
            seed, device: as in `sample`.

        Raises UsageError as `reconstruct` does, and for classes that were not learned.
        """
        return latent_space.interpolate(self, images, task, classes, steps, seed, device_kind(device))

    def play(self, game: str | None = None, out: str | Path = "play.gif", seed: int = 0) -> float:
        """Play an episode of a game that was learned (default the first), write it as a GIF, and return its score."""
        return playing.play(self, game, out, seed)

    def evaluate(
        self,
        metrics: Names | None = None,
        n: int | None = None,
        features: str | None = None,
        data_root: str | Path | None = None,
        device: str = "auto",
        batch_size: Positive = 500,
        weights: Files = (),
        backbone: Backbone = "alex",
    ) -> dict[str, Any]:
        """Measure the learner on all its tasks, write evaluation.json (but for a ready model) and return its content.

        Under `accelerate launch` or torchrun all processes share the work; the first one writes.

        Args:
            metrics: names or groups (`gencl.metrics.GROUPS`), as ``"fid,kid"`` or a list; default all but those that
                are measured on request.
            n, features: generated images per task, and the name of an extractor; default the run's.
            data_root, device: as in `reconstruct`.
            batch_size: images at a time; changes memory, not the figures.
            weights, backbone: files for Inception, DINOv2 or LPIPS, default those published; LPIPS's, alex or vgg.

        Raises UsageError when nothing can be measured, or for a model without its run's config.yaml.
        """
        scores = _evaluate.evaluate(self, metrics, n, features, data_root, device, batch_size, weights, backbone)
        return Shown(scores, evaluation_html)

    def export(self, onnx: str | Path | None = None, torch: str | Path | None = None, opset: int = 18) -> str:
        """Write the network for other programs, and return its inputs and its output in words.

        A generator makes ``images`` (n, c, h, w) in [0, 1] of ``latents`` (n, d) and ``classes`` (n,); a classifier
        ``logits`` (n, classes) of ``images``, in the order learned and each as if its task were known.

        Args:
            onnx: FILE.onnx; needs the packages of the extra ``gencl[onnx]``.
            torch: FILE.pt2, for ``torch.export.load``.
            opset: version of ONNX's operators.

        Raises UsageError for a missing package, an opset that the exporter cannot write, and a bad file name.
        """
        from gencl.uses.export import export

        return export(self, onnx, torch, opset)

    def push(self, name: str, private: bool = False, licence: str | None = None) -> str:
        """Put the model on the Hugging Face Hub as ``OWNER/NAME`` and return its page.

        Args:
            private, licence: of a new repository; the Hub's identifier, default that of the data if gencl knows it.

        Raises UsageError for a wrong name, no licence, and a repository of something else; GenclError if the Hub fails.
        """
        from gencl.uses.push import push

        return push(self, name, private, licence)

    @property
    def report(self) -> Path:
        """The path of report.html, which is written where it is not there."""
        path = self.path / "report.html"
        return path if path.is_file() else self.write_report()

    def analyze(self, *names: str, **options: Any) -> list[Path]:
        """Draws the papers' analysis figures into ``analysis/`` and returns the pictures' paths: `gencl.analyze`."""
        from gencl.analysis import analyze

        return analyze(self.path, names, **options)[0]

    def write_report(self, out: str | Path | None = None) -> Path:
        """Writes report.html (or ``out``) and returns its path. Raises UsageError for a ready model without ``out``."""
        return html.write(self, out)


def _of_user(function: Callable[P, RunFolder]) -> Callable[P, Run]:
    """The same function, which gives a `Run`."""

    @wraps(function)
    def call(*args: P.args, **options: P.kwargs) -> Run:
        return Run(function(*args, **options).path)

    return call


train = _of_user(_train.train)
extend = _of_user(_extend.extend)


@checked
def load_run(run: str | Path | RunFolder) -> Run:
    """Return the run or model in a directory, the ready model of a name, or that of ``hf:OWNER/NAME[@REVISION]`` on the
    Hugging Face Hub, of which only JSON, safetensors, and the card with its picture are downloaded.

    Raises UsageError if there is none, GenclError if the Hub fails.
    """
    if str(run).startswith("hf:"):
        from gencl.uses.hub import fetch

        return Run(fetch(str(run)))
    return Run(open_run(run).path)
