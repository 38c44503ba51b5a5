"""Makes a ready model of a finished run: ``python models/publish.py RUN [NAME]`` writes ``models/NAME`` with its card.

Weights are rounded to half precision; what is measured with them stands in the card beside what the run itself
measured.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from gencl import presets
from gencl.core import files
from gencl.core.errors import GenclError
from gencl.drawing.grids import save_picture
from gencl.metrics.figures import meaning, with_unit
from gencl.reports.page import capital
from gencl.reports.repeat import train_command
from gencl.run import Run, load_run
from gencl.uses.hub_card import DATA

HERE = Path(__file__).parent
COLUMNS = 10
KINDS = {"cgan": "conditional GAN", "flow": "flow-matching model", "vae": "multi-latent VAE"}
NAMES = {"digits": "the embedded digits", "emoji": "emoji by category", "mnist": "MNIST's digits"}


def publish(run: Run, name: str) -> None:
    """Writes ``models/NAME``: weights, cards for gencl and for people, settings, measures, a picture.

    A folder of that name is replaced once the new one is whole. Raises GenclError for an unfinished or damaged run,
    and for one whose kind of network or data has no words here.
    """
    _check_known(run)
    with tempfile.TemporaryDirectory(dir=HERE, prefix=".") as scratch:
        folder = Path(scratch) / name
        _write(run, name, folder)
        if (HERE / name).exists():
            (HERE / name).rename(Path(scratch) / ".old")
        folder.rename(HERE / name)


def _check_known(run: Run) -> None:
    kind, data = run.settings.model["name"], run.settings.data.name
    if kind not in KINDS or data not in NAMES:
        raise GenclError(
            f"{run.path}: cards are written for {', '.join(KINDS)} of {', '.join(NAMES)}, not {kind} of {data}"
        )


def _write(run: Run, name: str, folder: Path) -> None:
    folder.mkdir()
    tensors = load_file(run.path / "model.safetensors")
    halves = {key: value.to(torch.float16) if value.dtype == torch.float32 else value for key, value in tensors.items()}
    checksum = files.save_tensors(folder / "model.safetensors", halves)
    card = json.loads((run.path / "model.json").read_text(encoding="utf-8")) | {"sha256": checksum}
    files.write_json(folder / "model.json", card)
    for kept in ("config.yaml", "metrics.json"):
        shutil.copy(run.path / kept, folder / kept)
    model = load_run(folder)
    save_picture(model.sample(n=COLUMNS * len(run.metrics["tasks"])), folder / "samples.png")
    rounded = model.evaluate(list(run.metrics["matrices"]))
    (folder / "evaluation.json").unlink(missing_ok=True)
    files.write(folder / "README.md", people_card(run, name, rounded["mean"]))


def people_card(run: Run, name: str, rounded: dict[str, float]) -> str:
    """The model card."""
    metrics, settings = run.metrics, run.settings
    where, summary = metrics["environment"], metrics["summary"]
    data = settings.data.name
    method, subject = metrics["method"], NAMES[data]
    kept = "plain training: what forgetting looks like" if method == "sgd" else f"kept by {method}"
    features = metrics["features"]
    lines = [
        f"# {name}",
        "",
        f"{subject[:1].upper()}{subject[1:]}, one per task, learned by a {KINDS[settings.model['name']]}; {kept}",
        "",
        "![Its pictures: one row per class, one latent per column](samples.png)",
        "",
        f"`gencl sample {name} --n {COLUMNS * len(metrics['tasks'])} --out x.png`",
        "",
        "| | |",
        "| --- | --- |",
        f"| trained by | `{train_command(settings)}` |",
        f"| with | gencl {where['gencl']} (commit {where['git']}), PyTorch {where['torch']}, {where['device']}, "
        f"{where['threads']} thread{'s' * (where['threads'] > 1)} |",
        f"| seed | {metrics['seed']} |",
        f"| experiment | {presets.about(metrics['preset'])} |",
        f"| data | {DATA[data]} |",
        f"| weights | {metrics['parameters']['total']:,} parameters, rounded to half precision |",
        f"| features | {features['name']} {features['version']}, {features['n']} generated images per task against the "
        f"{features['reference']} images: these scores compare with no others |",
        "",
        "| measured after the last task | by the run | these weights | |",
        "| --- | ---: | ---: | --- |",
        *(_row(key, value, rounded, features) for key, value in summary.items()),
        "",
        "This small network shows how well a method remembers; it is not for production. It was trained with one seed:",
        "[results](../../results/README.md) has the spread over seeds where several ran.",
    ]
    return "\n".join(lines) + "\n"


def _row(key: str, value: float, rounded: dict[str, float], features: dict[str, Any]) -> str:
    now = with_unit(key, rounded[key]) if key in rounded else ""
    return f"| {capital(key, features)} | {with_unit(key, value)} | {now} | {meaning(key, features)} |"


def main(arguments: list[str]) -> None:
    """Publish the run named first, under the name given second or its preset's and method's."""
    if len(arguments) not in (1, 2):
        raise SystemExit("write: python models/publish.py RUN [NAME]")
    try:
        finished = load_run(arguments[0])
        publish(finished, (*arguments[1:], f"{finished.metrics['preset']}-{finished.metrics['method']}")[0])
    except GenclError as error:
        raise SystemExit(f"publish: {error}") from None


if __name__ == "__main__":
    main(sys.argv[1:])
