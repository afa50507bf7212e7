"""Noise on the inputs: least squares on many copies of the rows, each with new noise.

For noise ε of mean 0 and variance ν² in every standardised input,

    E ½ (w·(x + ε) + b − y)² = ½ (w·x + b − y)² + ν²/2 ‖w‖²

so that on average it is ridge regression with λ = ν² (Bishop, 1995, Neural Computation 7:108–116).
How far it is from that shows what so many copies leave to chance.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from weightdecay.data.streams import generator
from weightdecay.ops import NumPyArray
from weightdecay.remedies.penalties import ridge_at
from weightdecay.remedies.problem import Fits, Problem, centred, cross_validated, loss
from weightdecay.remedies.remedy import Remedy, Ridge, at_edge, judged, scores

STRENGTHS = np.geomspace(1e-2, 30, 36)
"""ν, in standard deviations of the inputs."""
NOISY_ROWS = 20_000
"""Rows that the copies make together by default, or four for each input where that is more."""
LEAST_COPIES = 10
BLOCK = 4096
"""Noisy rows that are multiplied at a time."""


class Moments(NamedTuple):
    """Means over copies and rows, with c the shares of the rows and x, y centred.

    E[x xᵀ], E[x εᵀ], E[ε εᵀ], E[ε], E[x y] and E[ε y] for noise ε of variance 1.
    """

    xx: NumPyArray
    xe: NumPyArray
    ee: NumPyArray
    e: NumPyArray
    xy: NumPyArray
    ey: NumPyArray


def input_noise(problem: Problem) -> Remedy:
    """ν is chosen; every ν sees the same noise, scaled."""

    def fit(rows: NumPyArray) -> Fits:
        return noisy(problem, rows, STRENGTHS)

    label = "input noise"
    found = scores(STRENGTHS, cross_validated(problem, fit))
    rows, nu = np.arange(problem.train.num_examples), STRENGTHS[found.best :][:1]
    w, b = noisy(problem, rows, nu)
    return judged(
        problem,
        "noise",
        label,
        "ν",
        found,
        found.best,
        w[:, 0],
        float(b[0]),
        ridge=predicted(problem, float(nu[0]), w[:, 0]),
        warnings=at_edge(label, "ν", found),
    )


def predicted(problem: Problem, nu: float, w: NumPyArray) -> Ridge:
    """The ridge regression that noise of standard deviation ν is on average."""
    w_ridge, b_ridge = ridge_at(problem, nu**2)
    val_loss = float(loss(problem.val, w_ridge[:, None], np.array([b_ridge]))[0])
    norm = float(np.linalg.norm(w_ridge))
    return Ridge(nu**2, val_loss, float(np.linalg.norm(w - w_ridge)) / (norm or 1.0))


def noisy(problem: Problem, rows: NumPyArray, strengths: NumPyArray) -> Fits:
    """Least squares on copies of some training rows, for every standard deviation of the noise.

    The moments of x + νε are those of x, ε and both, so that one set of products answers for
    every ν.
    """
    examples = problem.train.take(rows)
    _, _, x_mean, y_mean = centred(examples)
    m = moments(problem, rows)
    nu = strengths[:, None, None]
    spread = m.ee - np.outer(m.e, m.e)
    S = m.xx + nu * (m.xe + m.xe.T) + nu**2 * spread
    t = m.xy + strengths[:, None] * m.ey
    w = np.linalg.solve(S, t[:, :, None])[:, :, 0].T
    return w, y_mean - x_mean @ w - strengths * (m.e @ w)


def moments(problem: Problem, rows: NumPyArray) -> Moments:
    """Of some training rows; a row has the same noise in every fold."""
    examples = problem.train.take(rows)
    X, y, _, _ = centred(examples)
    c, p = examples.share, examples.num_inputs
    draw = generator(problem.seed, "noise")
    n = problem.train.num_examples
    noise, square = np.zeros((len(rows), p)), np.zeros((p, p))
    together = max(1, BLOCK // n)
    root = np.sqrt(c)[:, None]
    for start in range(0, problem.copies, together):
        count = min(together, problem.copies - start)
        E = draw.standard_normal((count, n, p))[:, rows]
        noise += E.sum(axis=0)
        weighted = (root * E).reshape(-1, p)
        square += weighted.T @ weighted
    noise /= problem.copies
    cX = c[:, None] * X
    return Moments(
        cX.T @ X, cX.T @ noise, square / problem.copies, c @ noise, cX.T @ y, (c * y) @ noise
    )


def default_copies(n: int, num_inputs: int) -> int:
    """How often n rows are repeated."""
    return max(LEAST_COPIES, -(-max(NOISY_ROWS, 4 * num_inputs) // n))
