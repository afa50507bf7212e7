"""The lasso for a whole grid of λ, by scikit-learn's coordinate descent.

    minimise ½ ‖A v − t‖² + λ₂/2 Σ vⱼ²/fⱼ + λ₁ ‖v‖₁        λ₁ = λ l1_ratio, λ₂ = λ (1 − l1_ratio)

The L2 part is rows √(λ₂/fⱼ) eⱼ below A, so it joins the diagonal of AᵀA and all is a lasso
(Zou & Hastie, 2005). λ goes down, each from the answer of the one before. Coordinate descent finds
which weights are not 0, with which signs; these then are the solution of linear equations, to
rounding. Where the equations do not agree with the signs, or are many, the descent goes on.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from weightdecay.errors import MissingExtraError
from weightdecay.ops import NumPyArray

TOLERANCES = (1e-6, 1e-9, 1e-12, 1e-15)
"""Duality gap beside ‖t‖² at which coordinate descent stops; the next where that is too early."""

ITERATED = (1e-10, 1e-12)
"""The same where so many weights are not 0 that solving for them costs more than going on."""

MOST_SOLVED = 300
"""Weights that are not 0 up to which they are solved for."""

NEARLY_EXACT = 1e-7
"""Largest violation of the optimality conditions, beside λ₁, of an answer by descent alone."""

MOST_EPOCHS = 10_000
"""Rounds of coordinate descent for each of the above."""

EXACT = 1e-9
"""Largest violation of the optimality conditions, beside λ₁, of an answer that is taken at once."""

MOST_NEW = 200
"""Columns that come into question at once because they violate the conditions: the worst."""

ALL_ZERO = 1e-12
"""This close to the largest λ, relatively, every weight is 0."""


class Products(NamedTuple):
    """A and t, as far as products tell.

    gram : array of shape (columns, columns), or None
        AᵀA; where it is None, A is given, and AᵀA formed for the columns that come into question.
    A : array of shape (rows, columns), or None
    moment : array of shape (columns, num_targets)
        Aᵀt.
    square : array of shape (num_targets,)
        ‖t‖².
    """

    gram: NumPyArray | None
    A: NumPyArray | None
    moment: NumPyArray
    square: NumPyArray


class Minimisers(NamedTuple):
    """v, shape (columns, L), and the violation of the optimality conditions beside λ₁, (L,)."""

    v: NumPyArray
    violation: NumPyArray


def minimisers(
    products: Products, target: int, lambdas: NumPyArray, l1_ratio: float, factors: NumPyArray
) -> Minimisers:
    """The answers for one target; every λ is above 0."""
    descent = _Descent(products, target)
    v = np.zeros((len(factors), len(lambdas)))
    violation = np.zeros(len(lambdas))
    most = np.max(abs(descent.q), initial=0)
    before = most
    for i in np.argsort(-lambdas, kind="stable"):
        l1 = lambdas[i] * l1_ratio
        if l1 < most * (1 - ALL_ZERO):
            violation[i] = descent.go_on(l1, lambdas[i] * (1 - l1_ratio) / factors, before)
            v[:, i] = descent.v
            before = l1
    return Minimisers(v, violation)


class _Descent:
    """The answer at the λ where it stands, and the part of AᵀA that it took."""

    def __init__(self, products: Products, target: int) -> None:
        self.A = products.A
        self.q = np.ascontiguousarray(products.moment[:, target])
        self.length = np.sqrt([products.square[target]])
        self.v = np.zeros(len(self.q))
        self.correlation = self.q
        if products.gram is not None:
            self.chosen = np.arange(len(self.q))
            self.rows = products.gram
            self.square = products.gram.copy()
        else:
            self.chosen = np.arange(0)
            self.rows = np.empty((0, len(self.q)))
        self.diagonal = np.empty(0) if products.gram is None else np.diag(products.gram).copy()

    def go_on(self, l1: float, l2: NumPyArray, before: float) -> float:
        """To the next λ; what violates the conditions there, beside λ₁.

        Columns come into question by the sequential strong rule (Tibshirani et al., 2012), and all
        others are looked at afterwards. The rule is for small steps: a large one would take all.
        """
        self._choose(abs(self.correlation) >= max(2 * l1 - before, before / 2))
        while True:
            s = self.chosen
            np.fill_diagonal(self.square, self.diagonal + l2[s])
            self.v[s] = _lasso(self.square, self.q[s], l1, self.v[s], self.length)
            self.correlation = self.q - self.v[s] @ self.rows - l2 * self.v
            off = _violations(self.v, self.correlation, l1)
            outside = off > EXACT
            outside[s] = False
            if not outside.any():
                return float(np.max(off))
            most = np.sort(off[outside])[-MOST_NEW:][0]
            self._choose(outside & (off >= most))

    def _choose(self, wanted: NumPyArray) -> None:
        """Have the products of these columns, too."""
        wanted = wanted.copy()
        wanted[self.chosen] = False
        if self.A is None or not wanted.any():
            return
        new = np.flatnonzero(wanted)
        self.chosen = np.concatenate([self.chosen, new])
        self.rows = np.concatenate([self.rows, self.A[:, new].T @ self.A])
        self.square = np.ascontiguousarray(self.rows[:, self.chosen])
        self.diagonal = np.diag(self.square).copy()


def _violations(v: NumPyArray, c: NumPyArray, l1: float) -> NumPyArray:
    """Distances from c = Aᵀ(t − Av) to the subdifferential of λ₁ ‖v‖₁, beside λ₁."""
    distance: NumPyArray = np.where(v == 0, np.maximum(abs(c) - l1, 0), abs(c - l1 * np.sign(v)))
    return distance / l1


def _lasso(
    G: NumPyArray, q: NumPyArray, l1: float, start: NumPyArray, length: NumPyArray
) -> NumPyArray:
    """The minimiser of ½ vᵀGv − q·v + λ₁ ‖v‖₁, from `start`; `length` is ‖t‖."""
    v = start
    if np.count_nonzero(start) > MOST_SOLVED:
        for tolerance in ITERATED:
            v = _coordinate_descent(G, q, l1, v, length, tolerance)
            if np.max(_violations(v, q - v @ G, l1)) <= NEARLY_EXACT:
                return v
    for tolerance in TOLERANCES:
        v = _coordinate_descent(G, q, l1, v, length, tolerance)
        exact = _solved(G, q, l1, v)
        if exact is not None:
            return exact
    return v


def _coordinate_descent(
    G: NumPyArray,
    q: NumPyArray,
    l1: float,
    start: NumPyArray,
    length: NumPyArray,
    tolerance: float,
) -> NumPyArray:
    """scikit-learn's, from products.

    With AᵀA given, it reads A for its shape alone, and t for its length.
    """
    from sklearn.linear_model import enet_path

    _, v, _ = enet_path(
        np.empty((1, len(q))),
        length,
        l1_ratio=1.0,
        alphas=[l1],
        precompute=G,
        Xy=q,
        coef_init=start,  # and overwritten
        tol=tolerance,
        max_iter=MOST_EPOCHS,
        check_input=False,
    )
    found: NumPyArray = v[:, 0]
    return found


def _solved(G: NumPyArray, q: NumPyArray, l1: float, v: NumPyArray) -> NumPyArray | None:
    """The same, given which weights are not 0 and with which signs; None if v has them wrong."""
    from scipy.linalg import LinAlgError, cho_factor, cho_solve

    active = np.flatnonzero(v)
    try:
        some = G[active].take(active, axis=1).T  # in the order of columns, as LAPACK wants it
        factor = cho_factor(some, overwrite_a=True, check_finite=False)
    except LinAlgError:  # dependent columns
        return None
    found = np.zeros_like(v)
    found[active] = cho_solve(factor, q[active] - l1 * np.sign(v[active]), check_finite=False)
    c = q - found[active] @ G[active]
    return found if np.max(_violations(found, c, l1)) <= EXACT else None


def require_scikit_learn() -> None:
    """Raise MissingExtraError unless scikit-learn is there."""
    try:
        import sklearn.linear_model  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("a path with L1", "sklearn") from error
