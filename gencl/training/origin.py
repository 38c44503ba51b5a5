"""Whether a checkpoint is of the settings and the images of the run that wants to go on with it."""

from __future__ import annotations

from gencl.core.errors import UsageError
from gencl.runs import checkpoint
from gencl.runs.recorder import Recorder


def check_origin(last: checkpoint.Checkpoint, recorder: Recorder, added: int) -> None:
    """Raises UsageError unless a checkpoint is of these settings and images, or of those before so many tasks were
    ``added``."""
    stored = last.state["origin"]
    origins = map(recorder.origin, range(added + 1))
    here = next((origin for origin in origins if origin["settings"] == stored["settings"]), {})
    for what, advice in (
        ("settings", "config.yaml was changed"),
        ("data", "the training images are not the same"),
        ("held out", "the images that it is measured on are not the same"),
    ):
        if stored[what] != here.get(what):
            raise UsageError(f"the checkpoint in {recorder.folder} is of other {what}: {advice} since it was written")
