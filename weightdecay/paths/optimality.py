"""How far the fits of a path are from optimal, recomputed from the data.

Nothing of the solver is used: residuals R = Y − XW − b and correlations Xᵀ(c R) of every λ come
from the rows, in one pass. With c the shares of the rows, all below is in the geometry of
√c-weighted rows; λ₁ⱼ and λ₂ⱼ are the strengths of |wⱼ| and wⱼ²/2. Let u be r without its part e in
the range of the free parameters (the intercept, inputs with factor 0), and aⱼ = Xⱼᵀ(c u).

With L1 (λ₁ⱼ > 0 for every penalised j), the L2 part is rows √λ₂ⱼ below X, and any multiple s of
u with |s (aⱼ − λ₂ⱼwⱼ)| ≤ λ₁ⱼ is feasible in the dual of the lasso (Kim et al., 2007). Written as a
sum that does not cancel, the gap is

    J − D(s) = ½‖e‖² + ½(1 − s)² (‖u‖² + Σ λ₂ⱼwⱼ²) + Σ (λ₁ⱼ|wⱼ| − s wⱼ(aⱼ − λ₂ⱼwⱼ))

Without L1 every u is feasible, and the dual ½‖t‖² − ½‖t − u‖² − ½ Σ aⱼ²/λ₂ⱼ of ridge regression
at u gives

    J − D = ½‖e‖² + ½ Σ (aⱼ − λ₂ⱼwⱼ)²/λ₂ⱼ

which is the bound ‖∇J‖²/2μ of strong convexity, with each direction's own μ = λ₂ⱼ. At λ = 0 every
input is free, and the gap is ½‖e‖², to the digits with which dependent columns can be told.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from weightdecay.ops import NumPyArray
from weightdecay.paths.examples import Examples, Formulation, Path
from weightdecay.paths.slopes import Problem, Seen, as_problem, explained, look, without_free
from weightdecay.paths.units import canonical


@dataclass(frozen=True, eq=False)
class Optimality:
    """Certificates for every λ and target, arrays of shape (L, num_targets).

    Attributes
    ----------
    gap : array
        An upper bound of J(w, b) − min J, in units of J: the duality gap.
    kkt_residual : array
        The largest violation of the optimality conditions, in units of the gradient of J with
        respect to the scaled weights sⱼwⱼ of the centred inputs, and to the bias.
    scale : array
        J at w = 0 (and the best b), beside which a gap is small or not.
    """

    gap: NumPyArray
    kkt_residual: NumPyArray
    scale: NumPyArray


def certify(examples: Examples, formulation: Formulation, path: Path) -> Optimality:
    """The certificates of all λ, for ridge, the lasso and between."""
    examples, units = canonical(examples, formulation)
    path = Path(path.lambdas, *units.inside(path.w, path.b))
    problem = as_problem(examples, formulation)
    seen = look(problem, path.w, path.b)
    off, a = without_free(problem, seen)
    gap = np.empty_like(off)
    zero = path.lambdas == 0
    gap[zero] = explained(problem, path.w[:, zero], path.b[zero]) / 2
    lambdas = path.lambdas[~zero, None]
    gap[~zero] = _gap(
        problem, lambdas, path.w[:, ~zero], a[:, ~zero], off[~zero], seen.square[~zero]
    )
    kkt = _kkt(problem, path.lambdas[:, None], path.w, seen)
    return Optimality(gap, kkt, np.broadcast_to(seen.scale, gap.shape))


def _gap(
    problem: Problem,
    lambdas: NumPyArray,
    w: NumPyArray,
    a: NumPyArray,
    off: NumPyArray,
    square: NumPyArray,
) -> NumPyArray:
    """The gap where λ > 0; `lambdas` has shape (L, 1), `off` is ‖e‖² and `square` is ‖r‖²."""
    at = problem.penalized
    w, a = w[at], a[at]
    l2 = problem.l2[at, None, None] * lambdas
    slope = a - l2 * w
    if not problem.formulation.l1_ratio:
        found: NumPyArray = (off + np.sum(slope**2 / l2, axis=0)) / 2
        return found
    l1 = problem.l1[at, None, None] * lambdas
    u_square = np.maximum(square - off, 0) + np.sum(l2 * w**2, axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        largest = np.min(np.where(slope != 0, l1 / abs(slope), np.inf), axis=0, initial=np.inf)
        best = np.where(u_square > 0, 1 + np.sum(w * slope, axis=0) / u_square, 0)
    s = np.clip(best, -largest, largest)
    rest = np.sum(l1 * abs(w) - s * w * slope, axis=0)
    bound: NumPyArray = np.maximum((off + (1 - s) ** 2 * u_square) / 2 + rest, 0)
    return bound


def _kkt(problem: Problem, lambdas: NumPyArray, w: NumPyArray, seen: Seen) -> NumPyArray:
    """The largest distance from −∇(smooth part) to the subdifferential of Σ λ₁ⱼ|wⱼ|."""
    c = seen.g - problem.l2[:, None, None] * lambdas * w
    l1 = problem.l1[:, None, None] * lambdas
    distance = np.where(w == 0, np.maximum(abs(c) - l1, 0), abs(c - l1 * np.sign(w)))
    distance /= problem.s[:, None, None]
    kept = np.concatenate([problem.penalized, problem.scales.free])
    bias = abs(seen.mean) if problem.formulation.intercept else np.zeros(seen.mean.shape)
    largest: NumPyArray = np.maximum(np.max(distance[kept], axis=0, initial=0), bias)
    return largest
