"""Measures of how well tasks are remembered: pure functions of a matrix R of scores.

R[i][j] is the score on task j after learning task i, so rows are time. Entries that were not measured are None. T is
the number of tasks.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

Matrix = Sequence[Sequence[float | None]]


def empty_matrix(tasks: int) -> list[list[float | None]]:
    """Return a matrix of shape (tasks, tasks) with nothing measured."""
    return [[None] * tasks for _ in range(tasks)]


def widened(matrix: Matrix, tasks: int) -> list[list[float | None]]:
    """Return a copy of the matrix that is enlarged to ``tasks`` rows and columns."""
    wider = empty_matrix(tasks)
    for row, measured in zip(wider, matrix, strict=False):
        row[: len(measured)] = measured
    return wider


def final(matrix: Matrix) -> float | None:
    """Return ACC = mean_j R[T][j] (ANPyC eq. 10, SPP eq. 6). For a distance it is the mean of the last row, too."""
    return _mean(matrix[-1]) if matrix else None


def anytime(matrix: Matrix) -> float | None:
    """Return AAA = mean_i mean_{j<=i} R[i][j]: the mean over time of the mean over the tasks so far.

    Here time is measured in tasks: scores are taken after each one (Caccia et al. 2022; Soutif-Cormerais et al. 2023).
    """
    return _mean([_mean(row[: i + 1]) for i, row in enumerate(matrix)])


def just_learned(matrix: Matrix) -> float | None:
    """Return mean_j R[j][j]: how well each task was learned in the first place."""
    return _mean([matrix[j][j] for j in range(len(matrix))])


def backward_transfer(matrix: Matrix) -> float | None:
    """Return BWT = mean_{j<T} (R[T][j] - R[j][j]) (ANPyC eq. 12, SPP eq. 8). For a distance it measures forgetting."""
    return _mean([_minus(matrix[-1][j], matrix[j][j]) for j in range(len(matrix) - 1)])


def forward_transfer(matrix: Matrix, joint: Sequence[float | None]) -> float | None:
    """Return FWT = mean_{j>=2} (R[j][j] - m_j), m_j being joint training's score on task j (ANPyC eq. 11).

    SPP's eq. 7 is not used: it sums over j = 1..T-1, and so includes the first task, before which nothing was learned.
    """
    return _mean([_minus(matrix[j][j], joint[j]) for j in range(1, len(matrix))])


def zero_shot(before: Sequence[tuple[float, float]]) -> float | None:
    """Return FWT = mean_{j>=2} (R[j-1][j] - b_j), b_j being an untrained network's score (Lopez-Paz & Ranzato 2017).

    ``before`` holds the pairs (R[j-1][j], b_j) for the second task, the third, ... If a task's head is new, neither
    network has trained it, and the figure is noise around 0.
    """
    return _mean([score - untrained for score, untrained in before])


def forgetting(matrix: Matrix) -> float | None:
    """Return mean_{j<T} (max_{l<T} R[l][j] - R[T][j]) over the measured l >= j (Chaudhry et al. 2018, eq. 3)."""
    terms: list[float | None] = []
    for j in range(len(matrix) - 1):
        earlier = [value for row in matrix[j:-1] if (value := row[j]) is not None]
        terms.append(_minus(max(earlier), matrix[-1][j]) if earlier else None)
    return _mean(terms)


def smt(matrix: Matrix) -> float | None:
    """Return SMT = mean_{j<T} of the population variance of column j from row j on (SPP eq. 9, ANPyC eq. 13).

    The papers say only "the variance of one task". SMT is in squared units of the score.
    """
    terms: list[float | None] = []
    for j in range(len(matrix) - 1):
        column = [row[j] for row in matrix[j:]]
        defined = [value for value in column if value is not None]
        # statistics.pvariance is exact: 0 if all values are equal
        terms.append(statistics.pvariance(defined) if defined and len(defined) == len(column) else None)
    return _mean(terms)


def _minus(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a - b


def _mean(values: Sequence[float | None]) -> float | None:
    """Return the mean, or None if there are no values or one is missing."""
    defined = [value for value in values if value is not None]
    return sum(defined) / len(defined) if defined and len(defined) == len(values) else None
