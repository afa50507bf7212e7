"""One decomposition for all λ.

Once the free columns (the intercept, inputs with factor 0) are projected off and the others scaled
so that all have strength λ, ridge regression is

    minimise ½ ‖A z − t‖² + λ/2 ‖z‖²        z(λ) = basis · rhs / (e + λ)

with e the eigenvalues of AᵀA. Three ways lead to it (Golub & Van Loan, 2013; Hastie & Tibshirani,
2004, for the dual):

    gram    AᵀA = V diag(e) Vᵀ         basis V,     rhs Vᵀ Aᵀt      more rows than columns
    dual    AAᵀ = Q diag(e) Qᵀ         basis AᵀQ,   rhs Qᵀt         more columns than rows
    svd     A = U diag(σ) Vᵀ, e = σ²   basis V,     rhs σ Uᵀt       A ill-conditioned

The first two square the condition number of A, which costs digits where λ is small beside the
largest eigenvalue; they are left for the third before it matters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from weightdecay.ops import Array, NumPyArray, Ops, host

SQUARED = {"float64": 1e5, "float32": 1e2}
"""Up to this (e_max + λ)/(e_min + λ), forming AᵀA or AAᵀ keeps the digits that are promised."""

LEAST = float(np.finfo(np.float64).tiny)
"""A sum below this is 0: its reciprocal would be no float."""

ILL_CONDITIONED = 1e8
"""√ of the same from which on an SVD does not keep them either."""


@dataclass(frozen=True, eq=False)
class Spectrum:
    """z(λ) for every λ.

    Attributes
    ----------
    ops : Ops
        Whose arrays `basis` and `left` are.
    e : array of shape (r,)
        Eigenvalues of AᵀA, at least 0.
    basis : Array of shape (columns, r)
    rhs : array of shape (r, num_targets)
    square : array of shape (r, num_targets)
        Squares of Vᵀ Aᵀt, what each direction explains times e.
    left : array of shape (rows, r), or None
        Orthonormal U or Q, where the decomposition has one.
    of_free : float
        The eigenvalue that the free directions have in the dual; 0 elsewhere.
    """

    ops: Ops
    e: NumPyArray
    basis: Array
    rhs: NumPyArray
    square: NumPyArray
    left: NumPyArray | None = None
    of_free: float = 0.0

    def coefficients(self, lambdas: NumPyArray) -> NumPyArray:
        """The minimisers z for every λ and target, shape (columns, L, num_targets), on the host."""
        z = self.rhs[:, None, :] * shrinkage(self.e, lambdas)[:, :, None]
        r, count, q = z.shape
        if not r:
            return np.zeros((self.basis.shape[0], count, q))
        found = self.ops.matmul(self.basis, self.ops.asarray(z.reshape(r, count * q)))
        return host(self.ops.to_numpy(found)).reshape(-1, count, q)

    def condition(self, lambd: float) -> float:
        """√((e_max + λ)/(e_min + λ)): the condition number of A with rows √λ I below it."""
        if not self.e.size or self.e[-1] + lambd == 0:
            return 1.0
        least = self.e[0] + lambd
        return float(np.sqrt((self.e[-1] + lambd) / least)) if least > 0 else np.inf


def shrinkage(e: NumPyArray, lambdas: NumPyArray) -> NumPyArray:
    """1/(e + λ), shape (r, L); 0 where both are 0: a direction that the data say nothing about."""
    total = e[:, None] + lambdas
    inverse: NumPyArray = np.divide(1, total, out=np.zeros_like(total), where=total >= LEAST)
    return inverse


def is_safe(e: NumPyArray, least: float, dtype: str) -> bool:
    """Whether a spectrum that was found from products keeps its digits down to λ = `least`."""
    if not e.size or e[-1] <= 0:
        return True
    return bool((e[-1] + least) / SQUARED[dtype] <= max(e[0], 0.0) + least)


def gram(ops: Ops, S: NumPyArray, m: NumPyArray) -> Spectrum:
    """From S = AᵀA and m = Aᵀt, shapes (columns, columns) and (columns, num_targets)."""
    values, V = ops.eigh(ops.asarray(S))
    e = host(ops.to_numpy(values))
    rhs = host(ops.to_numpy(ops.matmul(ops.matrix_transpose(V), ops.asarray(m))))
    return Spectrum(ops, np.maximum(e, 0), V, rhs, rhs**2)


def dual(ops: Ops, A: NumPyArray, t: NumPyArray, U: NumPyArray) -> Spectrum:
    """From the rows A (rows, columns) and t (rows, num_targets), both off the range of U.

    The directions of U, orthonormal, would be eigenvalues 0 of AAᵀ. They are set to the mean of the
    others, so that the least eigenvalue is that of the data; t has nothing there.
    """
    placed = ops.asarray(A)
    K = host(ops.to_numpy(ops.matmul(placed, ops.matrix_transpose(placed))))
    of_free = float(np.trace(K)) / len(K)
    K = K + of_free * (U @ U.T)
    values, Q = ops.eigh(ops.asarray(K))
    e = host(ops.to_numpy(values))
    basis = ops.matmul(ops.matrix_transpose(placed), Q)
    rhs = host(ops.to_numpy(ops.matmul(ops.matrix_transpose(Q), ops.asarray(t))))
    left = host(ops.to_numpy(Q))
    e = np.maximum(e, 0)
    return Spectrum(ops, e, basis, rhs, rhs**2 * e[:, None], left, of_free)


def svd(ops: Ops, A: NumPyArray, t: NumPyArray) -> Spectrum:
    """From the rows, without squaring their condition number; `ops` are NumPy's, in float64.

    Singular values that are 0 to rounding are left out, as in least squares of least norm.
    """
    rows, columns = A.shape
    Q = None
    if rows > 2 * columns:  # the singular values of a triangle, many rows cheaper
        Q, A = np.linalg.qr(A)
        t = Q.T @ t
    left, sigma, right = np.linalg.svd(A, full_matrices=False)
    kept = sigma > max(rows, columns) * np.finfo(np.float64).eps * max(sigma, default=0.0)
    left, sigma, right = left[:, kept], sigma[kept], right[kept]
    order = slice(None, None, -1)  # ascending, like the others
    rhs = (sigma[:, None] * (left.T @ t))[order]
    left = (left if Q is None else Q @ left)[:, order]
    return Spectrum(ops, sigma[order] ** 2, right[order].T, rhs, rhs**2, left)
