"""Leave-one-out in closed form (Golub, Heath & Wahba, 1979), for every λ from one decomposition.

With h the diagonal of the matrix that takes y to the fitted values, the error on a row that was
left out is residual/(1 − h). What stays the same when a row is left out is λ times the sum of the
weights, that is Ridge's alpha and the prior of the Bayesian reading: on the rows that are left,
with shares that add to 1 again, the strength is λ/(1 − cᵢ).
"""

from __future__ import annotations

import numpy as np

from weightdecay.ops import NumPyArray, Ops, host
from weightdecay.paths.examples import Examples, Formulation
from weightdecay.paths.ridge import Decomposed, decompose, decompose_rows, scaled_rows
from weightdecay.paths.spectrum import Spectrum, shrinkage
from weightdecay.paths.units import canonical

NOTHING = 1e-12
"""1 − h beside the largest of them, below which it is rounding."""


def leave_one_out(
    examples: Examples,
    formulation: Formulation,
    lambdas: NumPyArray,
    ops: Ops,
    found: Decomposed | None = None,
) -> NumPyArray:
    """½ squared error on every row when it alone is left out, shape (L, n), averaged over targets.

    Where inputs are standardised, their scale stays that of all rows. A row of weight 0 has no say
    and gets 0; a row that the others cannot predict gets infinity. `found` is what `decompose`
    gave for these examples, where it is there already.
    """
    lambdas = host(lambdas)
    found = found or decompose(examples, formulation, min(lambdas), ops)
    reached = len(found.scaling.penalized) + len(found.free.start)
    if found.spectrum.left is None and reached >= examples.num_examples:
        found = decompose_rows(examples, formulation, min(lambdas), ops)  # 1 − h would cancel
    same, _ = canonical(examples, formulation, ops.dtype)
    A, t, _, free, _, _ = scaled_rows(same, formulation)
    assert free.basis is not None
    leverage = np.einsum("ij,ij->i", free.basis, free.basis)[:, None]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if found.spectrum.left is None:
            r, left_over = _by_products(found.spectrum, A, t, leverage, lambdas)
        else:
            num_free = free.basis.shape[1]
            r, left_over = _by_left(found.spectrum, t, leverage, num_free, lambdas)
        # Nothing but rounding is left over of a row that the others say nothing about.
        left_over = np.where(left_over > NOTHING * left_over.max(axis=0), left_over, 0.0)
        share = examples.share
        error = r / left_over[:, :, None] / np.sqrt(share)[:, None, None]
        loss: NumPyArray = np.mean(error**2, axis=2).T / 2
    loss[np.isnan(loss)] = np.inf
    loss[:, share == 0] = 0
    return loss


def _by_products(
    spectrum: Spectrum, A: NumPyArray, t: NumPyArray, leverage: NumPyArray, lambdas: NumPyArray
) -> tuple[NumPyArray, NumPyArray]:
    """Residuals (n, L, num_targets) and 1 − h (n, L), from the rows times the basis."""
    ops = spectrum.ops
    rotated = ops.matmul(ops.asarray(A), spectrum.basis)
    shrink = shrinkage(spectrum.e, lambdas)
    h = ops.matmul(ops.asarray(ops.to_numpy(rotated) ** 2), ops.asarray(shrink))
    z = spectrum.rhs[:, None, :] * shrink[:, :, None]
    fitted = ops.matmul(rotated, ops.asarray(z.reshape(len(z), -1)))
    r = t[:, None, :] - host(ops.to_numpy(fitted)).reshape(len(t), *z.shape[1:])
    left_over = 1 - leverage - host(ops.to_numpy(h))
    return r, np.where(left_over > NOTHING, left_over, 0.0)


def _by_left(
    spectrum: Spectrum, t: NumPyArray, leverage: NumPyArray, num_free: int, lambdas: NumPyArray
) -> tuple[NumPyArray, NumPyArray]:
    """The same up to a common factor, from orthonormal U, as sums that do not cancel.

    1 − h = ρ + Σⱼ uᵢⱼ² λ/(eⱼ + λ) where ρ is what neither U nor the free columns reach. Where they
    reach everything, ρ is 0 and λ is the common factor, so that λ = 0 has an answer too.
    """
    U = spectrum.left
    assert U is not None
    shrink = shrinkage(spectrum.e, lambdas)
    rest, rho = t - U @ (U.T @ t), 1 - leverage - np.sum(U**2, axis=1, keepdims=True)
    of_free = np.zeros(())
    if spectrum.of_free:  # the free directions are among those of U
        of_free = leverage / (spectrum.of_free + lambdas)
        rest, rho = np.zeros_like(rest), np.zeros_like(rho)
    elif U.shape[1] + num_free == len(U):
        rest, rho = np.zeros_like(rest), np.zeros_like(rho)
    else:
        shrink = shrink * lambdas
    z = (U.T @ t)[:, None, :] * shrink[:, :, None]
    r = rest[:, None, :] + (U @ z.reshape(len(z), -1)).reshape(len(U), *z.shape[1:])
    return r, rho + U**2 @ shrink - of_free
