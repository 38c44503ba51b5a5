"""Agreement between an inferred sequence of tasks and the true one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor

SETTLED = 20
"""Number of batches of a visit after which its task should be recognised."""


def counted(truth: Sequence[int], inferred: Sequence[int]) -> Tensor:
    """Return how many batches of each true task (rows) went to each inferred task (columns), int64."""
    counts = torch.zeros(max(truth) + 1, max(inferred) + 1, dtype=torch.long)
    return counts.index_put_((torch.tensor(truth), torch.tensor(inferred)), torch.tensor(1), accumulate=True)


def agreement(visits: Sequence[tuple[int, int]], inferred: Sequence[int]) -> dict[str, Any]:
    """Compare inferred tasks with the true ones, after matching them one to one so that most batches agree.

    Args:
        visits: the true sequence: per visit, the task's number (the same whenever it returns) and its number of
            batches.
        inferred: the number of the inferred task of each batch.

    Returns a mapping with these keys:
        ``attributed``: share of batches whose inferred task matches the true one.
        ``attributed_after``: the same without the first `SETTLED` batches of each visit; absent if none are left.
        ``delay``: mean and largest number of batches from a switch of the true task to the first batch attributed right
            (the whole visit if none is); absent if the task never switches.
        ``inferred``, ``true``: the numbers of inferred and true tasks.
        ``returns``: ``of`` counts the visits that are returns. ``recognised`` counts those where more than half of the
            batches went to the true task's match and that inferred task existed before the visit.
    """
    from scipy.optimize import linear_sum_assignment  # slow to import

    truth = [task for task, steps in visits for _ in range(steps)]
    counts = counted(truth, inferred)
    rows, columns = linear_sum_assignment(counts.numpy(), maximize=True)
    match = dict(zip(rows.tolist(), columns.tolist(), strict=True))
    right = [match.get(task) == found for task, found in zip(truth, inferred, strict=True)]
    starts = list(accumulate((steps for _, steps in visits), initial=0))[:-1]
    by_visit = [right[start : start + steps] for start, (_, steps) in zip(starts, visits, strict=True)]
    settled = [ok for of_visit in by_visit for ok in of_visit[SETTLED:]]
    delays = [
        of_visit.index(True) if any(of_visit) else len(of_visit)
        for i, of_visit in enumerate(by_visit)
        if i and visits[i][0] != visits[i - 1][0]
    ]
    returns = [i for i, (task, _) in enumerate(visits) if task in [earlier for earlier, _ in visits[:i]]]
    recognised = [
        i for i in returns if 2 * sum(by_visit[i]) > len(by_visit[i]) and match[visits[i][0]] in inferred[: starts[i]]
    ]
    return {
        "attributed": sum(right) / len(right),
        **({"attributed_after": sum(settled) / len(settled)} if settled else {}),
        **({"delay": {"mean": sum(delays) / len(delays), "largest": max(delays)}} if delays else {}),
        "inferred": len(set(inferred)),
        "true": len(set(truth)),
        "returns": {"recognised": len(recognised), "of": len(returns)},
    }


def told(boundaries: Mapping[str, Any]) -> str:
    """Return the result of `agreement` as one line of text."""
    inferred, returns = boundaries["inferred"], boundaries["returns"]
    parts = [
        f"{inferred} task{'s were' if inferred > 1 else ' was'} inferred of {boundaries['true']}",
        f"{boundaries['attributed']:.1%} of the batches are attributed to the right task",
    ]
    if "attributed_after" in boundaries:
        parts[1] += f", {boundaries['attributed_after']:.1%} after the first {SETTLED} of a visit"
    if "delay" in boundaries:
        delay = boundaries["delay"]
        parts.append(f"a switch is seen after {delay['mean']:.1f} batches on average, {delay['largest']} at most")
    if returns["of"]:
        parts.append(f"{returns['recognised']} of {returns['of']} returns are recognised")
    return "; ".join(parts)
