"""Fewer features: least squares on the k inputs that are most correlated with the target."""

from __future__ import annotations

import numpy as np

from weightdecay.ops import NumPyArray
from weightdecay.paths.examples import Examples
from weightdecay.remedies.problem import Fits, Problem, centred, cross_validated
from weightdecay.remedies.remedy import Remedy, judged, scores

MOST = 60
"""Numbers of inputs that are tried: all up to here, and beyond it spread geometrically."""
CONDITION = 1e8
"""Up to this condition number all fits come from one triangle."""


def fewer_features(problem: Problem) -> Remedy:
    """The inputs are ranked within the rows that a fold trains with: held-out rows have no say."""
    smallest = min(len(split.train) for split in problem.splits)
    counts = _counts(min(problem.train.num_inputs, max(smallest - 2, 1)))

    def fit(rows: NumPyArray) -> Fits:
        return nested(problem.train.take(rows), counts)

    found = scores(counts, cross_validated(problem, fit))
    index = int(np.argmin(found.mean))  # the fewest of equals
    w, b = nested(problem.train, counts[index : index + 1])
    return judged(
        problem, "features", "fewer features", "inputs", found, index, w[:, 0], float(b[0])
    )


def ranking(examples: Examples) -> NumPyArray:
    """The inputs by the size of their correlation with the target, the largest first."""
    X, y, _, _ = centred(examples)
    c = examples.share
    spread = np.sqrt(c @ X**2)
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = np.where(spread > 1e-12, np.abs((c * y) @ X) / spread, 0.0)
    return np.argsort(-correlation, kind="stable")


def nested(examples: Examples, counts: NumPyArray) -> Fits:
    """Least squares on the first k inputs of the ranking, for every k of `counts`.

    With QR = A for the ranked columns, the first k weights are R⁻¹ of the first k columns times
    the first k of Qᵀt: one triangle answers for every k.
    """
    X, y, x_mean, y_mean = centred(examples)
    order = ranking(examples)[: counts[-1]]
    root = np.sqrt(examples.share)
    Q, R = np.linalg.qr(root[:, None] * X[:, order])
    z = Q.T @ (root * y)
    w = np.zeros((X.shape[1], len(counts)))
    if R.shape[0] == R.shape[1] and np.linalg.cond(R) < CONDITION:
        w[order] = np.cumsum(np.linalg.inv(R) * z, axis=1)[:, counts - 1]
    else:  # dependent columns: the least norm of each
        for i, k in enumerate(counts.tolist()):
            w[order[:k], i] = np.linalg.lstsq(R[:, :k], z, rcond=None)[0]
    return w, y_mean - x_mean @ w


def _counts(most: int) -> NumPyArray:
    if most <= MOST:
        return np.arange(1, most + 1)
    return np.unique(np.round(np.geomspace(1, most, MOST)).astype(int))
