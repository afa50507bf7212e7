"""Residuals and correlations of a whole path, from the rows in one pass; see `optimality`."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from weightdecay.ops import NumPyArray
from weightdecay.paths.examples import Examples, Formulation
from weightdecay.paths.passes import Centred, Location, blocks, centred, location
from weightdecay.paths.rows import dense
from weightdecay.paths.scaling import Scaling, deviations, scaling
from weightdecay.paths.units import canonical


@dataclass(frozen=True, eq=False)
class Seen:
    """What one pass over the rows found, for each column [λ, target] of weights.

    g : array of shape (num_inputs, L, num_targets)
        Xᵀ(c R), of the centred inputs where there is an intercept.
    mean, square : arrays of shape (L, num_targets)
        Σ c R and Σ c R².
    to_free : array of shape (num_inputs, num_free)
        Xᵀ(c X) for the free columns.
    scale : array of shape (num_targets,)
    """

    g: NumPyArray
    mean: NumPyArray
    square: NumPyArray
    to_free: NumPyArray
    scale: NumPyArray


@dataclass(frozen=True, eq=False)
class Problem:
    """The rows, and how J weighs the inputs: factors f and scales s."""

    examples: Examples
    formulation: Formulation
    place: Location
    x_mean: NumPyArray
    scales: Scaling
    f: NumPyArray
    s: NumPyArray

    @property
    def penalized(self) -> NumPyArray:
        """The inputs with a strength; a constant one that no bias stands for is none."""
        return np.flatnonzero(self.f) if self.formulation.intercept else self.scales.penalized

    @property
    def l1(self) -> NumPyArray:
        """λ₁ⱼ/λ."""
        return self.formulation.l1_ratio * self.f * self.s

    @property
    def l2(self) -> NumPyArray:
        """λ₂ⱼ/λ."""
        strength: NumPyArray = (1 - self.formulation.l1_ratio) * self.f * self.s**2
        return strength


def correlations_at_zero(examples: Examples, formulation: Formulation) -> NumPyArray:
    """|∂J/∂wⱼ|/(fⱼsⱼ) where the penalised weights are 0 and the free parameters at their best.

    Shape (num_penalized, num_targets): with λ₁ at least as large, all those weights stay 0.
    """
    examples, _ = canonical(examples, formulation)
    problem = as_problem(examples, formulation)
    w = np.zeros((examples.num_inputs, 1, examples.num_targets))
    b = examples.share @ examples.Y if formulation.intercept else np.zeros(examples.num_targets)
    _, a = without_free(problem, look(problem, w, b[None]))
    penalized = problem.scales.penalized
    found: NumPyArray = abs(a[penalized, 0]) / (problem.f * problem.s)[penalized, None]
    return found


def as_problem(examples: Examples, formulation: Formulation) -> Problem:
    """Where the inputs lie, and how they are scaled."""
    place = location(examples)
    p = examples.num_inputs
    return Problem(
        examples,
        formulation,
        place,
        place.mean if formulation.intercept else np.zeros(p),
        scaling(place.variance, formulation),
        np.ones(p) if formulation.factors is None else formulation.factors,
        deviations(place.variance) if formulation.standardize else np.ones(p),
    )


def _residuals(
    problem: Problem, X: Centred, rows: slice, w: NumPyArray, b: NumPyArray
) -> NumPyArray:
    """Y − XW − b, shape (rows, L · num_targets)."""
    W = w.reshape(len(w), -1)
    offset = b.ravel() + problem.x_mean @ W
    found: NumPyArray = np.tile(problem.examples.Y[rows], len(b)) - offset - X.times(W)
    return found


def look(problem: Problem, w: NumPyArray, b: NumPyArray) -> Seen:
    """One pass over the rows."""
    examples, free = problem.examples, problem.scales.free
    shape = w.shape[1:]
    g, mean, square = np.zeros((len(w), b.size)), np.zeros(b.size), np.zeros(b.size)
    to_free = np.zeros((len(w), len(free)))
    for rows in blocks(examples, b.size):
        X, c = centred(examples, problem.x_mean, rows), examples.share[rows, None]
        R = _residuals(problem, X, rows, w, b)
        weighted = c * R
        g += X.correlate(weighted)
        mean += weighted.sum(axis=0)
        square += np.einsum("ij,ij->j", weighted, R)
        if len(free):
            to_free += X.correlate(c * X.columns(free))
    center = examples.share @ examples.Y if problem.formulation.intercept else 0.0
    scale = examples.share @ (examples.Y - center) ** 2 / 2
    return Seen(g.reshape(w.shape), mean.reshape(shape), square.reshape(shape), to_free, scale)


def without_free(problem: Problem, seen: Seen) -> tuple[NumPyArray, NumPyArray]:
    """‖e‖², shape (L, num_targets), and a, shape (num_inputs, L, num_targets)."""
    of_bias = seen.mean**2 if problem.formulation.intercept else np.zeros(seen.mean.shape)
    free = problem.scales.free
    if not len(free):
        return of_bias, seen.g
    inverse = _pseudo_inverse(seen.to_free[free], problem.examples.num_examples)
    step = np.tensordot(inverse, seen.g[free], 1)
    off = of_bias + np.sum(seen.g[free] * step, axis=0)
    return off, seen.g - np.tensordot(seen.to_free, step, 1)


def explained(problem: Problem, w: NumPyArray, b: NumPyArray) -> NumPyArray:
    """‖e‖² where every input is free: what of the residuals the inputs and the bias can explain."""
    examples, n = problem.examples, problem.examples.num_examples
    if not b.size:
        return np.zeros(b.shape)
    root = np.sqrt(examples.share)[:, None]
    intercept = problem.formulation.intercept
    unit = np.sqrt(problem.place.variance + (0 if intercept else problem.place.mean**2))
    kept = np.flatnonzero(unit)
    if n < len(kept):
        X = Centred(np.subtract(dense(examples), problem.x_mean, dtype=np.float64), None)
        r = root * _residuals(problem, X, slice(None), w, b)
        Z = root * X.columns(kept) / unit[kept]
        off = np.zeros(r.shape[1]) if not intercept else np.sum(root * r, axis=0) ** 2
        found: NumPyArray = off + np.sum(_onto(Z @ Z.T, r) ** 2, axis=0)
        return found.reshape(b.shape)
    scales = problem.scales._replace(free=kept, penalized=kept[:0])
    every = replace(problem, scales=scales)
    return without_free(every, look(every, w, b))[0]


def _onto(K: NumPyArray, r: NumPyArray) -> NumPyArray:
    """Coordinates of r in the range of K."""
    e, Q = np.linalg.eigh(K)
    found: NumPyArray = Q[:, _positive(e, len(e))].T @ r
    return found


def _pseudo_inverse(G: NumPyArray, n: int) -> NumPyArray:
    """Of a matrix of products, brought to a unit diagonal before its rank is decided."""
    unit = np.sqrt(np.diag(G))
    unit = np.where(unit > 0, unit, 1)
    e, V = np.linalg.eigh(G / unit / unit[:, None])
    kept = _positive(e, n)
    V = V[:, kept] / unit[:, None]
    inverse: NumPyArray = V / e[kept] @ V.T
    return inverse


def _positive(e: NumPyArray, n: int) -> NumPyArray:
    kept: NumPyArray = e > max(len(e), n) * np.finfo(np.float64).eps * np.max(e, initial=0)
    return kept
