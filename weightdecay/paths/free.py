"""The parameters without a penalty: the intercept, and inputs whose factor is 0.

They are ordinary least squares on what the others leave, θ = start − gain · w, so they can be
projected off first and found afterwards.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from weightdecay.ops import NumPyArray

WELL_CONDITIONED = 1e5
"""Condition number up to which the free columns may be solved for by their moments."""


class Free(NamedTuple):
    """The free parameters, as functions of the others.

    start : array of shape (num_free, num_targets)
    gain : array of shape (num_free, num_penalized)
    basis : array of shape (rows, num_free), or None
        Orthonormal columns with the range of the free ones, where they came from rows.
    intercept : bool
        Whether the first of them is the intercept.
    """

    start: NumPyArray
    gain: NumPyArray
    basis: NumPyArray | None
    intercept: bool

    def parameters(self, w: NumPyArray) -> tuple[NumPyArray, NumPyArray]:
        """Free weights (…, L, num_targets) and bias (L, num_targets), from the penalised w."""
        theta = self.start[:, None, :] - np.tensordot(self.gain, w, 1)
        if self.intercept:
            return theta[1:], theta[0]
        return theta, np.zeros(w.shape[1:])


def by_moments(
    H: NumPyArray, penalized: NumPyArray, free: NumPyArray, p: int, intercept: bool
) -> tuple[Free, NumPyArray, NumPyArray, NumPyArray] | None:
    """From H = ZᵀZ of rows z = [x, 1, y]: the free parameters, and AᵀA, Aᵀt, ‖t‖² without them.

    None where the free columns are too dependent for their moments.
    """
    at = np.concatenate([[p], free]).astype(np.intp) if intercept else free
    H_ff = H[np.ix_(at, at)]
    if len(at) > 1 or not intercept:
        unit = np.sqrt(np.diag(H_ff))
        if not unit.all() or (len(at) and _condition(H_ff / unit / unit[:, None])):
            return None
    to_free = H[np.ix_(at, penalized)]
    targets = H[np.ix_(at, np.arange(p + 1, len(H)))]
    gain, start = np.linalg.solve(H_ff, to_free), np.linalg.solve(H_ff, targets)
    S = H[np.ix_(penalized, penalized)]
    S -= to_free.T @ gain
    m = H[penalized, p + 1 :] - to_free.T @ start
    total = np.diag(H)[p + 1 :] - np.einsum("ij,ij->j", targets, start)
    return Free(start, gain, None, intercept), S, m, np.maximum(total, 0)


def _condition(scaled: NumPyArray) -> bool:
    return bool(np.linalg.cond(scaled) > WELL_CONDITIONED)


def by_rows(F: NumPyArray, A: NumPyArray, t: NumPyArray, intercept: bool) -> Free:
    """From the free columns F (rows, num_free), the others and the target, through an SVD of F.

    Where the free columns are dependent, the answer of least norm is taken.
    """
    left, sigma, right = np.linalg.svd(F, full_matrices=False)
    kept = sigma > max(F.shape) * np.finfo(np.float64).eps * max(sigma, default=0.0)
    U = left[:, kept]
    inverse = right[kept].T / sigma[kept] @ U.T
    return Free(inverse @ t, inverse @ A, U, intercept)


def off(U: NumPyArray, M: NumPyArray) -> NumPyArray:
    """M without its part in the range of U."""
    rest: NumPyArray = M - U @ (U.T @ M)
    return rest
