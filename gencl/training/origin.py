"""Checks that a checkpoint has the settings and images of the run that resumes from it."""

from __future__ import annotations

from gencl.core.errors import UsageError
from gencl.runs import checkpoint
from gencl.runs.recorder import Recorder


def check_origin(last: checkpoint.Checkpoint, recorder: Recorder, added: int) -> None:
    """Raise UsageError unless a checkpoint has this run's settings and images.

    Some or all of the last ``added`` tasks may have been added since it was written.
    """
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
