"""No remedy: least squares, of least norm where the rows do not determine the weights."""

from __future__ import annotations

import numpy as np

from weightdecay.ops import NumPyArray
from weightdecay.paths.examples import Examples
from weightdecay.remedies.problem import Fits, Problem, centred, cross_validated
from weightdecay.remedies.remedy import Remedy, judged, scores

ROUNDING = float(np.finfo(float).eps)


def none(problem: Problem) -> Remedy:
    """The weights that training alone asks for; there is nothing to choose."""

    def fit(rows: NumPyArray) -> Fits:
        return least_squares(problem.train.take(rows))

    found = scores(np.zeros(1), cross_validated(problem, fit))
    w, b = least_squares(problem.train)
    return judged(problem, "none", "no remedy", "", found, 0, w[:, 0], float(b[0]))


def least_squares(examples: Examples) -> Fits:
    """The minimiser of Σ c ½ (w·x + b − y)² with the least ‖w‖₂, through singular values.

    Those of many rows are those of their triangle, which keeps the right-hand side as its last
    column.
    """
    X, y, x_mean, y_mean = centred(examples)
    root = np.sqrt(examples.share)
    rows = root[:, None] * np.column_stack([X, y])
    if len(rows) > rows.shape[1]:
        rows = np.linalg.qr(rows, mode="r")
    w = np.linalg.lstsq(rows[:, :-1], rows[:, -1], rcond=ROUNDING * max(X.shape))[0]
    return w[:, None], np.array([y_mean - x_mean @ w])
