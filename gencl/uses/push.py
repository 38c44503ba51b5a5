"""Push a run to the Hugging Face Hub: weights, model card, metrics and a picture."""

from __future__ import annotations

import re
from functools import partial

from huggingface_hub import CommitOperationAdd, HfApi, constants

from gencl.core.downloading import told
from gencl.core.errors import UsageError
from gencl.drawing.grids import png
from gencl.learners.capabilities import IMAGES
from gencl.runs.folder import RunFolder
from gencl.uses import hub_card
from gencl.uses.hub import CARD, WEIGHTS, bars_on_terminals, explained, parsed
from gencl.uses.latent_space import sample

COLUMNS = 10
"""The number of images per class in the card's picture."""


def push(run: RunFolder, name: str, private: bool = False, licence: str | None = None) -> str:
    """Push a run to the Hub and return the URL of its page; see `gencl.Run.push`."""
    if "@" in name:
        raise UsageError(f"{name}: gencl pushes to the main branch; leave out what follows the @")
    repository, _ = parsed(name)
    if constants.HF_HUB_OFFLINE:
        raise UsageError("gencl push needs the Hub, and $HF_HUB_OFFLINE is set; unset it")
    if licence is not None and not re.fullmatch(r"[a-z0-9][a-z0-9.-]*", licence):
        raise UsageError(f"--license {licence}: give an identifier of the Hub, such as cc-by-4.0, mit or other")
    licence = licence or hub_card.licence_of(hub_card.data_of(run))
    learner = run.learner()  # fails here if the model cannot be loaded back
    metrics = run.metrics if (run.path / "metrics.json").is_file() else {}
    readme = hub_card.card(run, learner, repository, licence, metrics)
    content: dict[str, str | bytes] = {"README.md": readme.encode()}
    for file in (CARD, WEIGHTS, *(["metrics.json"] if metrics else [])):
        content[file] = str(run.path / file)
    if IMAGES.of(learner) is not None:
        content["samples.png"] = png(sample(run, None, COLUMNS * len(learner.classes), None, None))
    api, additions = HfApi(), [CommitOperationAdd(file, data) for file, data in content.items()]
    with told(partial(explained, f"hf:{repository}")), bars_on_terminals():
        url = api.create_repo(repository, private=private or None, exist_ok=True)
        held = [one.rfilename for one in api.model_info(repository).siblings or []]
        if CARD not in held and set(held) - {".gitattributes", "README.md"}:
            raise UsageError(f"hf:{repository} holds something else ({min(held)}, ...); name a new repository")
        api.create_commit(repository, additions, commit_message=f"Model of gencl, {len(learner.tasks)} tasks")
    return str(url)
