"""The exact answer: the closed-form ridge optimum, and certificates for any penalty.

All in float64 NumPy on the host: this is the part that judges, whatever trained.

For one run, with sample weights sᵢ of mean 1 and strengths λ₁ⱼ, λ₂ⱼ that may differ by parameter
(the bias is parameter 0, with strengths 0 unless it is penalised),

    J(θ) = 1/(2n) Σ sᵢ (xᵢ·θ − yᵢ)²  +  Σⱼ λ₂ⱼ/2 θⱼ²  +  Σⱼ λ₁ⱼ |θⱼ|,        xᵢ₀ = 1
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from weightdecay.data.dataset import Dataset
from weightdecay.ops import NumPyArray, Parameters, host
from weightdecay.penalty import Strength

BLOCK = 4096
"""Rows reduced at a time: the reduction needs a block in memory, not a copy of the data."""

ORTHONORMAL = 0.1
"""Farther than this from orthonormal after one round, and a second does not reach rounding."""


@dataclass(frozen=True)
class LeastSquares:
    """The data term as ½ ‖A θ − t‖² + remainder, with as few rows as it can have.

    Attributes
    ----------
    A : array of shape (rows, num_inputs + 1)
        Column 0 belongs to the bias. At most num_inputs + 2 rows.
    t : array of as many numbers
    """

    A: NumPyArray
    t: NumPyArray


_reduced: weakref.WeakKeyDictionary[Dataset, LeastSquares] = weakref.WeakKeyDictionary()


def reduce(dataset: Dataset) -> LeastSquares:
    """The training part without its redundant rows; done once for a dataset.

    An orthogonal transformation leaves ½ ‖A θ − t‖² as it is, so √(s/n) [1 X y] is folded into one
    triangle, block by block. Unlike solving the normal equations this does not square the
    condition number.
    """
    if dataset not in _reduced:
        many = dataset.num_train > BLOCK
        _reduced[dataset] = (many and _by_products(dataset)) or _by_rotations(dataset)
    return _reduced[dataset]


def _blocks(dataset: Dataset) -> Iterator[tuple[NumPyArray, NumPyArray]]:
    """√(s/n) [1 X] and √(s/n) y, some rows at a time."""
    n, weight = dataset.num_train, dataset.weight_train
    for start in range(0, n, BLOCK):
        rows = slice(start, start + BLOCK)
        X, y = host(dataset.X_train[rows]), host(dataset.y_train[rows])
        c = np.full(len(y), 1 / n) if weight is None else host(weight[rows]) / n
        yield np.sqrt(c)[:, None] * np.column_stack([np.ones(len(y)), X]), np.sqrt(c) * y


def _by_rotations(dataset: Dataset) -> LeastSquares:
    """Householder QR of one block after the other (Golub & Van Loan, 2013, section 5.3.3)."""
    columns = dataset.num_inputs + 2
    triangle: NumPyArray = np.empty((0, columns))
    for A, t in _blocks(dataset):
        triangle = np.concatenate([triangle, np.column_stack([A, t])])
        if len(triangle) > columns:
            triangle = np.asarray(np.linalg.qr(triangle, mode="r"))
    return LeastSquares(triangle[:, :-1], triangle[:, -1])


def _by_products(dataset: Dataset) -> LeastSquares | None:
    """The same from matrix products alone, many times faster; None where it would lose digits.

    Cholesky QR, twice (Yamamoto et al., 2015): with R₁ from AᵀA, the columns of A R₁⁻¹ are nearly
    orthonormal unless A is very ill-conditioned, and a second round makes them so to rounding.
    """
    try:
        first = np.linalg.cholesky(sum(A.T @ A for A, _ in _blocks(dataset))).T
        inverse = np.linalg.inv(first)
        gram, moment = np.zeros_like(first), np.zeros(len(first))
        for A, t in _blocks(dataset):
            Q = A @ inverse
            gram += Q.T @ Q
            moment += Q.T @ t
        if np.linalg.norm(gram - np.eye(len(first))) > ORTHONORMAL:
            return None
        second = np.linalg.cholesky(gram).T
    except np.linalg.LinAlgError:  # dependent columns
        return None
    return LeastSquares(second @ first, np.linalg.solve(second.T, moment))


def ridge(problem: LeastSquares, l2: NumPyArray) -> NumPyArray:
    """The minimiser of ½ ‖A θ − t‖² + Σ λ₂ⱼ/2 θⱼ², shape (num_inputs + 1,).

    `l2` holds λ₂ⱼ, 0 where a parameter is free. With U the free columns and P the projection off
    their range, v = √λ₂ θ minimises ½ ‖P(Z v − t)‖² + ½ ‖v‖² for Z = A/√λ₂, whose answer from the
    singular values σ of PZ is v = V diag(σ/(σ² + 1)) Uᵀ P t. The free parameters are then ordinary
    least squares on what is left; where those are not determined, the one of least norm is given.
    """
    free = l2 == 0
    U = problem.A[:, free]
    theta = np.zeros(len(l2))
    if not free.all():
        root = np.sqrt(l2[~free])
        Z, t = _project_off(U, problem.A[:, ~free] / root), _project_off(U, problem.t)
        left, sigma, right = np.linalg.svd(Z, full_matrices=False)
        theta[~free] = right.T @ (sigma / (sigma**2 + 1) * (left.T @ t)) / root
    if free.any():
        rest = problem.t - problem.A[:, ~free] @ theta[~free]
        theta[free] = np.linalg.lstsq(U, rest, rcond=None)[0]
    return theta


def _project_off(U: NumPyArray, M: NumPyArray) -> NumPyArray:
    """M without its part in the range of U."""
    left, sigma, _ = np.linalg.svd(U, full_matrices=False)
    Q = left[:, sigma > max(U.shape) * np.finfo(float).eps * max(sigma, default=0.0)]
    rest: NumPyArray = M - Q @ (Q.T @ M)
    return rest


@dataclass(frozen=True)
class Certificate:
    """How far one run ended from the optimum of its own objective J.

    Attributes
    ----------
    optimum_gap : float
        J(w, b) − min J, in units of J.
    gap_is : 'exact' or 'upper bound'
        Without L1 the gap comes from the closed form. With it, it is the duality gap, which no
        true distance exceeds.
    kkt_residual : float
        The largest violation of the optimality conditions, in units of the gradient of J: 0 at the
        optimum and nowhere else.
    optimum : Parameters or None
        The minimiser in closed form, w (num_inputs,) and b (); None with L1, and not unique where
        λ₂ = 0 and the inputs outnumber the examples.
    """

    optimum_gap: float
    gap_is: Literal["exact", "upper bound"]
    kkt_residual: float
    optimum: Parameters | None


def certify(dataset: Dataset, strength: Strength, params: Parameters) -> tuple[Certificate, ...]:
    """One certificate a run; `params` and `strength` as in training, on the host."""
    problem = reduce(dataset)
    p, runs = np.shape(params.w)

    def column(of: Parameters, run: int) -> NumPyArray:
        w = np.broadcast_to(host(of.w), (p, runs))[:, run]
        return np.concatenate([[host(of.b)[run]], w])

    return tuple(
        _certify(problem, column(params, i), column(strength.l1, i), column(strength.l2, i))
        for i in range(runs)
    )


def _certify(
    problem: LeastSquares, theta: NumPyArray, l1: NumPyArray, l2: NumPyArray
) -> Certificate:
    residual = kkt_residual(problem, theta, l1, l2)
    if l1.any():
        return Certificate(duality_gap(problem, theta, l1, l2), "upper bound", residual, None)
    best = ridge(problem, l2)
    # J is quadratic: its distance to the optimum needs no difference of nearly equal numbers.
    step = theta - best
    gap = (np.sum((problem.A @ step) ** 2) + np.sum(l2 * step**2)) / 2
    return Certificate(float(gap), "exact", residual, Parameters(best[1:], best[0]))


def kkt_residual(problem: LeastSquares, theta: NumPyArray, l1: NumPyArray, l2: NumPyArray) -> float:
    """Largest distance from −∇(smooth part) to the subdifferential of Σ λ₁ⱼ|θⱼ|, over j."""
    g = problem.A.T @ (problem.A @ theta - problem.t) + l2 * theta
    violation = np.where(theta == 0, np.maximum(abs(g) - l1, 0), abs(g + l1 * np.sign(theta)))
    return float(np.max(violation))


def duality_gap(problem: LeastSquares, theta: NumPyArray, l1: NumPyArray, l2: NumPyArray) -> float:
    """J(θ) minus the dual objective at a feasible point: an upper bound of J(θ) − min J.

    The L2 part is data like any other: with rows √λ₂ⱼ eⱼ added to A (and 0 to t), J is a lasso,
    whose dual is max ½ ‖t‖² − ½ ‖t − u‖² over |Aⱼ·u| ≤ λ₁ⱼ. The feasible u is the residual, taken
    off the range of the columns with λ₁ⱼ = 0 and scaled.
    """
    ridged = np.flatnonzero(l2)
    rows = np.zeros((len(ridged), len(l2)))
    rows[np.arange(len(ridged)), ridged] = np.sqrt(l2[ridged])
    A = np.concatenate([problem.A, rows])
    t = np.concatenate([problem.t, np.zeros(len(ridged))])
    r = t - A @ theta
    u = _project_off(A[:, l1 == 0], r)
    slope = abs(A.T @ u)
    bound = l1 > 0
    with np.errstate(divide="ignore"):
        largest = np.min(np.where(slope[bound] > 0, l1[bound] / slope[bound], np.inf))
    norm = u @ u
    scale = min(max(t @ u / norm, -largest), largest) if norm > 0 else 0.0
    primal = r @ r / 2 + l1 @ abs(theta)
    # ½‖t‖² − ½‖t − cu‖² = c t·u − c²/2 ‖u‖², without the difference of two squares
    dual = scale * (t @ u) - scale**2 / 2 * norm
    return float(max(primal - dual, 0.0))
