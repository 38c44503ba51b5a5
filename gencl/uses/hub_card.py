"""Write a model's card for the Hub: metadata as YAML, then text for people."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from gencl.core.errors import UsageError
from gencl.core.files import HUB, TORCHVISION, hub_path
from gencl.datasets import DATASETS
from gencl.learners.capabilities import CLASSIFIER, IMAGES
from gencl.learners.learner import Learner
from gencl.metrics.figures import meanings, with_unit
from gencl.reports.page import capital
from gencl.reports.repeat import train_command
from gencl.runs.build import unread
from gencl.runs.folder import RunFolder

DATA = {
    "digits": "Optical Recognition of Handwritten Digits (E. Alpaydin, C. Kaynak; UCI Machine Learning Repository, "
    "1998, doi:10.24432/C50P49), the 1,797 images that come with gencl; licence: CC BY 4.0",
    "emoji": "Noto Emoji (Google; licence: Apache-2.0, flags in the public domain), 1,520 pictures of 64x64 from the "
    "npm package emoji-datasource-google (licence: MIT)",
    "mnist": "MNIST (Y. LeCun, C. Cortes, C. Burges); licence as its authors are commonly quoted: CC BY-SA 3.0",
    "fashion-mnist": "Fashion-MNIST (H. Xiao, K. Rasul, R. Vollgraf; Zalando Research); licence: MIT",
}
"""Authors and licences of well-known data sets."""
LICENCES = {"digits": "cc-by-4.0", "emoji": "apache-2.0", "mnist": "cc-by-sa-3.0", "fashion-mnist": "mit"}
"""The Hub's identifiers of these licences."""
OWN = "pictures of one's own"


def data_of(run: RunFolder) -> list[str]:
    """Return the names of the data sets that a run learned from, [] for a model without config.yaml.

    Folders are all called `OWN`, because their paths are private.
    """
    if not (run.path / "config.yaml").is_file():
        return []
    settings = run.settings
    scenario = settings.scenario.get("of", settings.scenario)
    own = [] if "name" in unread(settings) else [settings.data.name]
    names = scenario.get("domains") or own
    names = [*names, *(task.data for task in settings.extend)]
    return list(dict.fromkeys(name if _is_public(name) else OWN for name in names))


def _is_public(name: str) -> bool:
    """Return whether the name denotes a public data set."""
    return name in DATASETS or (name.startswith((HUB, TORCHVISION)) and not hub_path(name))


def licence_of(data: Sequence[str]) -> str:
    """Return the licence of a model of these data sets. Raises UsageError unless they share one known licence."""
    licences = {LICENCES.get(name) for name in data}
    licence = licences.pop() if len(licences) == 1 else None
    if licence is None:
        what = ", ".join(data) or "this model"
        raise UsageError(f"--license: gencl knows no licence for {what}; name one, such as cc-by-4.0 or other")
    return licence


def card(run: RunFolder, learner: Learner, repository: str, licence: str, metrics: Mapping[str, Any]) -> str:
    """Return the text of README.md. ``metrics`` is the content of metrics.json, or empty."""
    data, name = data_of(run), repository.partition("/")[2]
    draws = IMAGES.of(learner) is not None and CLASSIFIER.of(learner) is None
    task = "unconditional-image-generation" if draws else "image-classification"
    if not draws and CLASSIFIER.of(learner) is None:
        task = "other"
    on = " and ".join(data) or "unknown data"
    results = [
        EvalResult(
            task_type=task,
            dataset_type=(data or ["unknown"])[0] if data != [OWN] else "other",
            dataset_name=on,
            metric_type=_slug(title := capital(key, metrics.get("features"))),
            metric_name=title,
            metric_value=value,
        )
        for key, value in metrics.get("summary", {}).items()
    ]
    about = ModelCardData(
        license=licence,
        library_name="gencl",
        pipeline_tag=None if task == "other" else task,
        datasets=[one.removeprefix(HUB).partition("@")[0] for one in data if one != OWN] or None,
        tags=["continual-learning", "gencl"],
        model_name=name if results else None,
        eval_results=results or None,
    )
    parts = [f"---\n{about.to_yaml()}\n---", f"# {name}", _about(run, on, metrics)]
    if IMAGES.of(learner) is not None:
        parts.append("![Drawn by it: a row per class, a latent per column](samples.png)")
        parts.append(f"```sh\ngencl sample hf:{repository} --n 1000 --to images\n```")
    parts.append(f'```python\nimport gencl\n\nrun = gencl.load_run("hf:{repository}")\n```')
    parts.append(_facts(run, data, metrics))
    if results:
        parts.append(_figures(metrics))
    return "\n\n".join(parts) + "\n"


def _about(run: RunFolder, on: str, metrics: Mapping[str, Any]) -> str:
    tasks, classes = len(run.card.tasks), len(run.card.classes)
    how = f" with the method `{metrics['method']}`" if metrics else ""
    return (
        f"A model of gencl, continual learning of generators and classifiers. It learned {classes} classes of {on} in "
        f"{tasks} task{'s' * (tasks != 1)}{how}. The weights are safetensors; nothing is pickled."
    )


def _facts(run: RunFolder, data: Sequence[str], metrics: Mapping[str, Any]) -> str:
    names = run.class_names()
    rows = {"classes": ", ".join(names[label] for label in run.card.classes[:100])}
    rows["images"] = "{} x {} x {} (channels, height, width)".format(*run.card.image_shape)
    if data:
        rows["data"] = "; ".join(DATA.get(name, name) for name in data)
    if data and OWN not in data:
        rows["trained by"] = f"`{train_command(run.settings)}`"
    if metrics:
        where = metrics["environment"]
        rows["with"] = f"gencl {where['gencl']}, PyTorch {where['torch']}, {where['device']}"
        rows["seed"] = str(metrics["seed"])
        rows["parameters"] = f"{metrics['parameters']['total']:,}"
    if metrics.get("features"):
        used = metrics["features"]
        rows["features"] = f"{used['name']} {used['version']}: its scores compare with no others"
    if run.card.plugins:
        rows["plug-ins"] = ", ".join(sorted(one for some in run.card.plugins.values() for one in some))
    return "| | |\n| --- | --- |\n" + "\n".join(f"| {key} | {_cell(value)} |" for key, value in rows.items())


def _figures(metrics: Mapping[str, Any]) -> str:
    features, summary = metrics.get("features"), metrics["summary"]
    meaning = meanings(summary, features)
    rows = [
        f"| {_cell(capital(key, features))} | {with_unit(key, value)} | {_cell(meaning.get(key, ''))} |"
        for key, value in summary.items()
    ]
    return "\n".join(["| after the last task | | |", "| --- | ---: | --- |", *rows])


def _slug(title: str) -> str:
    """Return a metric's identifier, from its title: readers would take ``fid`` for a distance in Inception features."""
    return re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")


def _cell(text: str) -> str:
    """Return the text, escaped for a cell of a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
