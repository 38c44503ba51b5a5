"""Jobs in, measures out, a line of JSON each: every job runs in a fork of its own, so that its peak memory is its own.

Both sides import this, so it stands alone.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Callable, Mapping
from typing import Any

import torch


def serve(run: Callable[[dict[str, Any], Callable[[], float]], dict[str, float]], clocks: Mapping[str, Any]) -> None:
    """Answers each line of stdin with ``run``'s measures, and the peak memory in bytes beyond that of the idle side."""
    for line in sys.stdin:
        job = json.loads(line)
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            torch.set_num_threads(job["threads"])
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            sys.stdout = sys.stderr
            measured = run(job, clocks[job["clock"]])
            measured["memory"] = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
            os.write(writing, json.dumps(measured).encode())
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as pipe:
            answer = pipe.read()
        os.waitpid(child, 0)
        print(answer or "null", flush=True)
