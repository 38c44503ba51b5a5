"""A run as users handle it, and how to load one. The work is done in other packages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image
from torch import Tensor

from gencl.core.arguments import NonNegative, Positive, TwoOrMore, checked, checked_methods
from gencl.core.several import Classes, Files, Names
from gencl.metrics.perceptual import Backbone
from gencl.reports import html
from gencl.reports.notebook import Shown, evaluation_html, run_html
from gencl.runs.build import device_kind
from gencl.runs.folder import RunFolder, open_run
from gencl.uses import image_folder, latent_space, numbered, playing


@checked_methods
class Run(RunFolder):
    """A run or ready model in a directory, with methods to sample, evaluate and export it. No file is unpickled."""

    def _repr_html_(self) -> str | None:
        return run_html(self)

    def sample(
        self,
        classes: Classes | None = None,
        n: Positive = 64,
        task: int | None = None,
        seed: NonNegative | None = None,
        guidance: float | None = None,
        device: str = "auto",
    ) -> Image.Image:
        """Return a grid of n generated images, rounded up to equally many per class, with one or more rows per class.

        The k-th image of each class has the same latent.

        Args:
            classes: numbers or names, one or several, or a text such as ``"0-2,cats"``; default all.
            task: number of a task, from 1, whose classes are drawn; not together with ``classes``.
            seed: seed of the latents; default the run's seed.
            guidance: how strongly images follow their class (1: as learned). For generators with guidance only.
            device: auto, cpu, cuda or mps.

        Raises UsageError for a class or task that was not learned, or if the generator takes no ``guidance``.
        """
        return latent_space.sample(self, classes, n, task, seed, guidance, device_kind(device))

    def generate(
        self,
        classes: Classes | None = None,
        n: Positive = 64,
        seed: NonNegative | None = None,
        device: str = "auto",
        guidance: float | None = None,
    ) -> Tensor:
        """Return n generated images as uint8 (n, c, h, w) on the CPU, sorted by class, equally many per class.

        The k-th image of a class depends only on the seed, the class and k. It is the same to the byte whatever n and
        the other classes are. Another type of device or number of threads may change a pixel by rounding.

        Args:
            classes: as in `sample`; default all.
            n: total number of images; if it does not divide evenly, the first classes get one more.
            seed, device, guidance: as in `sample`.

        Raises UsageError for a class that was not learned, or if the run has no generator.
        """
        return numbered.generate(self, classes, n, seed, device, guidance)

    def save_images(
        self,
        to: str | Path | None = None,
        npz: str | Path | None = None,
        classes: Classes | None = None,
        n: Positive = 64,
        seed: NonNegative | None = None,
        device: str = "auto",
        task: int | None = None,
        guidance: float | None = None,
    ) -> None:
        """Write the images of `generate` to files. Memory use is constant; processes of a launcher share the work.

        Args:
            to: a folder for PNG files, in one folder per class. Images from an earlier identical call are kept.
            npz: a NumPy archive: ``arr_0`` is uint8 (n, h, w, c), ``arr_1`` the class numbers.
            task: number of a task, from 1, whose classes are drawn; not together with ``classes``.

        Raises UsageError as `generate` does, if ``to`` holds other files, or if the disk has too little space.
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
        """Return a grid of images, each above its reconstruction by the VAE, sorted by task, in rows of up to 12.

        Args:
            images: a file or files, resized with a warning; default held-out images of the run's data.
            n: held-out images per task, default 12; not with ``images``.
            task: number of a task, from 1; default all. Of these, each file uses the task with the smallest error.
            data_root: the folder of data sets, for held-out images.
            device: as in `sample`.

        Raises UsageError if the learner has no encoder, the task was not learned, or a file does not exist.
        """
        return latent_space.reconstruct(self, images, task, n, data_root, device_kind(device))

    def interpolate(
        self,
        images: Files = (),
        task: int | None = None,
        classes: Classes | None = None,
        steps: TwoOrMore = 9,
        seed: NonNegative | None = None,
        device: str = "auto",
    ) -> Image.Image:
        """Return images between two images (VAEs only), latents or classes, interpolated in the first hidden units.

        Args:
            images: two files; by default latents are drawn instead.
            task: number of a task, from 1. Latents: show its classes only. Images: default the best task for each.
            classes: one number or name: vary the latent. Two: go from one to the other. Default one row per class. Not
                together with ``task``.
            steps: generated images per row, both ends included.
            seed, device: as in `sample`.

        Raises UsageError as `reconstruct` does, and for classes that were not learned.
        """
        return latent_space.interpolate(self, images, task, classes, steps, seed, device_kind(device))

    def play(self, game: str | None = None, out: str | Path = "play.gif", seed: int = 0) -> float:
        """Play an episode of a learned game (default the first), write it as a GIF, and return its score."""
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
        """Measure the learner on all its tasks, write evaluation.json (not for a ready model) and return its content.

        Under `accelerate launch` or torchrun all processes share the work; the main process writes.

        Args:
            metrics: names or `gencl.metrics.GROUPS`, as ``"fid,kid"`` or a list; default all but those on request.
            n, features: generated images per task, and the name of a feature extractor; default the run's.
            data_root, device: as in `reconstruct`.
            batch_size: images per batch; affects memory, not the results.
            weights: files for Inception, DINOv2 or LPIPS; default the published ones.
            backbone: the network of LPIPS, alex or vgg.

        Raises UsageError if no metric applies, or for a model without its run's config.yaml.
        """
        from gencl.uses.evaluate import evaluate  # imports torchvision, which sampling does without

        scores = evaluate(self, metrics, n, features, data_root, device, batch_size, weights, backbone)
        return Shown(scores, evaluation_html)

    def export(self, onnx: str | Path | None = None, torch: str | Path | None = None, opset: int | None = None) -> str:
        """Export the network to ONNX or torch.export, and return a text with the shapes of its inputs and output.

        A generator maps ``latents`` (n, d) and ``classes`` (n,) to ``images`` (n, c, h, w) in [0, 1]. A classifier
        maps ``images`` to ``logits`` (n, classes): classes in the order learned, each logit given its class's task.

        Args:
            onnx: FILE.onnx; needs the packages of the extra ``gencl[onnx]``.
            torch: FILE.pt2, for ``torch.export.load``.
            opset: the ONNX operator set version, with ``onnx``; default 18.

        Raises UsageError for a missing package, an unsupported opset or a bad file name; GenclError if export fails.
        """
        from gencl.uses.export import export

        return export(self, onnx, torch, opset)

    def push(self, name: str, private: bool = False, licence: str | None = None) -> str:
        """Upload the model to the Hugging Face Hub as ``OWNER/NAME`` and return the URL of its page.

        Args:
            private: whether a new repository is private.
            licence: the Hub's identifier; default the licence of the data, if gencl knows it.

        Raises UsageError for a bad name, no licence, or a repository with other files; GenclError if the Hub fails.
        """
        from gencl.uses.push import push

        return push(self, name, private, licence)

    @property
    def report(self) -> Path:
        """The path of report.html, which is written first if it does not exist."""
        path = self.path / "report.html"
        return path if path.is_file() else self.write_report()

    def analyze(self, *names: str, **options: Any) -> list[Path]:
        """Draw the papers' analysis figures into ``analysis/`` and return their paths; see `gencl.analyze`."""
        from gencl.analysis import analyze

        return analyze(self.path, names, **options)[0]

    def write_report(self, out: str | Path | None = None) -> Path:
        """Write report.html (or ``out``) and return its path. Raises UsageError for a ready model without ``out``."""
        return html.write(self, out)


@checked
def load_run(run: str | Path | RunFolder) -> Run:
    """Return a run or model from a directory, the name of a ready model, or ``hf:OWNER/NAME[@REVISION]`` on the Hub.

    From the Hugging Face Hub only JSON, safetensors, and the model card with its picture are downloaded.
    Raises UsageError if there is no such run or model, GenclError if the download fails.
    """
    if str(run).startswith("hf:"):
        from gencl.uses.hub import fetch

        return Run(fetch(str(run)))
    return Run(open_run(run).path)
