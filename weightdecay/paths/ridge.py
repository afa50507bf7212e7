"""Ridge paths: every λ, every fold and every left-out row from one decomposition a fold.

The objective is that of `Formulation` with l1_ratio 0. Hoerl & Kennard (1970) for ridge regression.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from weightdecay.callers import warn
from weightdecay.errors import IllConditionedWarning, InputError
from weightdecay.ops import NumPyArray, Ops, host
from weightdecay.paths import free as freeing
from weightdecay.paths import rows as placing
from weightdecay.paths import spectrum as decomposing
from weightdecay.paths.examples import Examples, Formulation, Path, Split
from weightdecay.paths.free import Free
from weightdecay.paths.passes import location
from weightdecay.paths.rows import Rows, dense
from weightdecay.paths.scaling import Scaling, scaling
from weightdecay.paths.spectrum import ILL_CONDITIONED, Spectrum, is_safe
from weightdecay.paths.units import Units, as_they_are, canonical
from weightdecay.registry import load

CANCELLED = 1e-6
"""The variance of a column in the rows of a fold, beside its mean square in all rows, below which
it is not found from shared moments."""

MOST_DUAL = 2000
"""Inputs up to which a sparse X has its Gram matrix formed even where the rows are fewer."""


@dataclass(frozen=True, eq=False)
class Decomposed:
    """Some rows, ready for every λ: what was projected off, how it was scaled, and the rest.

    `total` is ‖t‖² for every target; `units` are those in which all this is.
    """

    scaling: Scaling
    free: Free
    spectrum: Spectrum
    x_mean: NumPyArray
    y_mean: NumPyArray
    total: NumPyArray
    units: Units

    def solve(self, lambdas: NumPyArray) -> tuple[NumPyArray, NumPyArray]:
        """Weights (num_inputs, L, num_targets), bias (L, num_targets), in the units of X and y."""
        z = self.spectrum.coefficients(lambdas)
        w = np.zeros((len(self.x_mean), *z.shape[1:]))
        penalized = z / self.scaling.unit[:, None, None]
        w[self.scaling.penalized] = penalized
        w[self.scaling.free], b = self.free.parameters(penalized)
        return self.units.outside(w, b + self.y_mean - np.tensordot(self.x_mean, w, 1))


def path(examples: Examples, formulation: Formulation, lambdas: NumPyArray, ops: Ops) -> Path:
    """The minimisers over all rows.

    Warns
    -----
    IllConditionedWarning
        The condition number is beyond what float64 can answer to 8 digits.
    """
    lambdas = host(lambdas)
    found = decompose(examples, formulation, min(lambdas), ops)
    condition = found.spectrum.condition(min(lambdas))
    if condition > ILL_CONDITIONED:
        warn(ill_conditioned(condition, min(lambdas)), IllConditionedWarning)
    return Path(lambdas, *found.solve(lambdas))


def ill_conditioned(condition: float, lambd: float) -> str:
    """The sentence of the warning."""
    return (
        f"the inputs are nearly dependent: at λ = {lambd:g} the condition number is "
        f"{condition:.1e}, so the weights have fewer than 8 digits; choose a larger λ, or leave "
        "out inputs that repeat others."
    )


def decompose(examples: Examples, formulation: Formulation, least: float, ops: Ops) -> Decomposed:
    """The decomposition of all rows that keeps its digits from λ = `least` on."""
    same, units = canonical(examples, formulation, ops.dtype)
    found = None
    if _is_tall(same, same.num_examples):
        rows = placing.place(same, formulation.intercept, ops)
        found = _from_moments(rows, rows.moments(), location(same).variance, formulation, least)
    found = found or _from_rows(same, formulation, least, ops)
    return replace(found, units=units)


def decompose_rows(
    examples: Examples, formulation: Formulation, least: float, ops: Ops
) -> Decomposed:
    """The same without their moments, so that it has the coordinates of the rows."""
    same, units = canonical(examples, formulation, ops.dtype)
    return replace(_from_rows(same, formulation, least, ops), units=units)


def cross_validate(
    examples: Examples,
    formulation: Formulation,
    lambdas: NumPyArray,
    splits: Sequence[Split],
    ops: Ops,
) -> NumPyArray:
    """½ mean squared error on the held-out rows of every split, shape (L, K).

    The mean is over the rows with their weights, and over targets. The splits share the products of
    the rows that they hold out.

    Raises
    ------
    InputError
        A split that has no row of positive weight to train with or to validate with.
    """
    return fold_and_fit(examples, formulation, lambdas, splits, ops)[0]


def fold_and_fit(
    examples: Examples,
    formulation: Formulation,
    lambdas: NumPyArray,
    splits: Sequence[Split],
    ops: Ops,
) -> tuple[NumPyArray, Callable[[], Decomposed]]:
    """The losses of `cross_validate`, and `decompose` from the products that they shared."""
    lambdas = host(lambdas)
    examples, units = canonical(examples, formulation, ops.dtype)
    rows = placing.place(examples, formulation.intercept, ops)
    shared = Shared(rows, splits)
    loss = np.empty((len(lambdas), len(splits)))
    for k, split in enumerate(splits):
        require_weight(examples, split, k)
        found = None
        if _is_tall(examples, len(split.train)):
            H = shared.moments(k)
            if H is not None:
                found = _from_moments(rows, H, variances(rows, H), formulation, min(lambdas))
        if found is None:
            found = decompose(examples.take(split.train), formulation, min(lambdas), ops)
        loss[:, k] = held_out_loss(rows, split.held_out, *found.solve(lambdas))

    def whole() -> Decomposed:
        found = None
        if _is_tall(examples, examples.num_examples):
            variance = location(examples).variance
            found = _from_moments(rows, shared.total, variance, formulation, min(lambdas))
        found = found or _from_rows(examples, formulation, min(lambdas), ops)
        return replace(found, units=units)

    return loss, whole


def require_weight(examples: Examples, split: Split, fold: int) -> None:
    """Raise InputError unless a split has rows of positive weight on both sides."""
    for part, use in ((split.train, "train"), (split.held_out, "validate")):
        if examples.weight is not None and not examples.weight[part].any():
            raise InputError(
                f"fold {fold + 1} has no row of positive weight to {use} with: choose fewer folds."
            )


def held_out_loss(rows: Rows, held_out: NumPyArray, w: NumPyArray, b: NumPyArray) -> NumPyArray:
    """½ mean squared error of w (num_inputs, L, q) and b (L, q) on some rows, shape (L,)."""
    p, count, q = w.shape
    theta = np.zeros((p + 1 + q, count, q))
    theta[:p] = w
    theta[p] = b + np.tensordot(rows.x_mean, w, 1) - rows.y_mean
    for target in range(q):
        theta[p + 1 + target, :, target] = -1
    r = rows.residuals(theta.reshape(p + 1 + q, count * q), held_out)
    mass = np.sum(rows.examples.share[held_out])
    with np.errstate(over="ignore", invalid="ignore"):
        each = np.einsum("ij,ij->j", r, r).reshape(count, q)
        loss: NumPyArray = each.mean(axis=1) / (2 * mass)
    return loss


class Shared:
    """The moments of each split's training rows, as those of all rows minus the held-out ones."""

    def __init__(self, rows: Rows, splits: Sequence[Split]) -> None:
        self.rows, self.splits = rows, splits
        n = rows.examples.num_examples
        held_out = np.zeros(n, dtype=np.intp)
        self.complementary = []
        for split in splits:
            counts = np.bincount(split.held_out, minlength=n)
            held_out += counts
            trained = np.bincount(split.train, minlength=n)
            self.complementary.append(
                bool((counts + trained == 1).all()) and len(split.held_out) < len(split.train)
            )
        self.kept: dict[int, NumPyArray] = {}
        if (held_out == 1).all() and all(self.complementary):  # each row once: they add to all
            self.kept = {k: rows.moments(split.held_out) for k, split in enumerate(splits)}
            self.total = sum(self.kept.values(), np.zeros(()))
        else:
            self.total = rows.moments()

    def moments(self, k: int) -> NumPyArray | None:
        """None where the difference would have lost the digits of a column."""
        split, p = self.splits[k], self.rows.examples.num_inputs
        if not self.complementary[k]:
            H = self.rows.moments(split.train)
        elif k in self.kept:
            H = self.total - self.kept.pop(k)
        else:
            H = self.total - self.rows.moments(split.held_out)
        most = np.diag(self.total)[:p]
        lost = (variances(self.rows, H) < CANCELLED * most) & (most > 0)
        return None if lost.any() else H


def variances(rows: Rows, H: NumPyArray) -> NumPyArray:
    """Of the inputs, over the rows that H is of."""
    p = rows.examples.num_inputs
    mean = H[:p, p] / H[p, p]
    variance: NumPyArray = np.maximum(np.diag(H)[:p] / H[p, p] - mean**2, 0)
    return variance


def _from_moments(
    rows: Rows, H: NumPyArray, variance: NumPyArray, formulation: Formulation, least: float
) -> Decomposed | None:
    """From H of some rows; None where it would not keep its digits down to λ = `least`."""
    p = rows.examples.num_inputs
    mass = H[p, p]
    scales = scaling(variance, formulation)
    if not len(scales.penalized):
        return None
    found = freeing.by_moments(H, scales.penalized, scales.free, p, formulation.intercept)
    if found is None:
        return None
    free, S, m, total = found
    S /= scales.unit[:, None] * (scales.unit * mass)
    spectrum = decomposing.gram(rows.ops, S, m / scales.unit[:, None] / mass)
    if not is_safe(spectrum.e, least, rows.ops.dtype):
        return None
    usual = as_they_are(rows.examples)
    return Decomposed(scales, free, spectrum, rows.x_mean, rows.y_mean, total / mass, usual)


def _from_rows(examples: Examples, formulation: Formulation, least: float, ops: Ops) -> Decomposed:
    """From the rows themselves: the dual where they are the fewer and it is safe, else an SVD."""
    A, t, scales, free, x_mean, y_mean = scaled_rows(examples, formulation)
    assert free.basis is not None
    total, usual = np.sum(t**2, axis=0), as_they_are(examples)
    if 0 < len(A) <= A.shape[1]:
        spectrum = decomposing.dual(ops, A, t, free.basis)
        if is_safe(spectrum.e, least, ops.dtype):
            return Decomposed(scales, free, spectrum, x_mean, y_mean, total, usual)
    spectrum = decomposing.svd(load("numpy"), A, t)
    return Decomposed(scales, free, spectrum, x_mean, y_mean, total, usual)


def scaled_rows(
    examples: Examples, formulation: Formulation
) -> tuple[NumPyArray, NumPyArray, Scaling, Free, NumPyArray, NumPyArray]:
    """A and t of `spectrum`, what they were scaled by, what was projected off, and the means."""
    X, c = dense(examples), examples.share
    x_mean, y_mean = c @ X, c @ examples.Y
    scales = scaling(location(examples).variance, formulation)
    if not formulation.intercept:
        x_mean, y_mean = np.zeros_like(x_mean), np.zeros_like(y_mean)
    root = np.sqrt(c)[:, None]
    P = root * (X[:, scales.penalized] - x_mean[scales.penalized])
    F = root * (X[:, scales.free] - x_mean[scales.free])
    F = np.column_stack([root, F]) if formulation.intercept else F
    t = root * (examples.Y - y_mean)
    free = freeing.by_rows(F, P, t, formulation.intercept)
    assert free.basis is not None
    A = freeing.off(free.basis, P / scales.unit)
    return A, freeing.off(free.basis, t), scales, free, x_mean, y_mean


def _is_tall(examples: Examples, rows: int) -> bool:
    """Whether columns are the fewer, or cheap enough."""
    p = examples.num_inputs
    return rows >= p or (examples.is_sparse and p <= MOST_DUAL)
