"""L1 and elastic-net paths, and their cross-validation from shared moments.

The objective is that of `Formulation` with l1_ratio above 0. In vⱼ = fⱼ sⱼ wⱼ every input has the
same λ₁; `prepared` projects the free parameters off, and `descent` does the rest. λ = 0 is left
to least squares, of least norm where it is not unique, as in `ridge`.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from weightdecay.callers import warn
from weightdecay.errors import IllConditionedWarning, InputError
from weightdecay.ops import NumPyArray, host
from weightdecay.paths import descent, ridge
from weightdecay.paths import rows as placing
from weightdecay.paths.descent import require_scikit_learn
from weightdecay.paths.examples import Examples, Formulation, Path, Split
from weightdecay.paths.prepared import Prepared, factors_of, forms_products, from_moments, prepare
from weightdecay.paths.scaling import Scaling
from weightdecay.paths.slopes import correlations_at_zero
from weightdecay.paths.units import canonical
from weightdecay.registry import load

NOT_CONVERGED = 1e-6
"""Violation of the optimality conditions, beside λ₁, that is told in a warning."""


def path(examples: Examples, formulation: Formulation, lambdas: NumPyArray) -> Path:
    """The minimisers over all rows, each target by itself; weights that are 0 are exactly 0.

    Raises
    ------
    MissingExtraError
        scikit-learn is not installed.
    InputError
        l1_ratio is 0, or X is sparse and has too many columns.

    Warns
    -----
    IllConditionedWarning
        A λ did not converge; its certificate says how far from optimal it is.
    """
    _require(formulation)
    return Path(host(lambdas), *_fitted(examples, formulation, host(lambdas)))


def cross_validate(
    examples: Examples, formulation: Formulation, lambdas: NumPyArray, splits: Sequence[Split]
) -> NumPyArray:
    """½ mean squared error on the held-out rows of every split, shape (L, K).

    The mean is over the rows with their weights, and over targets. The splits share the products of
    the rows that they hold out. Raises and warns as `path`.

    Raises
    ------
    InputError
        A split that has no row of positive weight to train with or to validate with.
    """
    _require(formulation)
    lambdas = host(lambdas)
    examples, _ = canonical(examples, formulation)
    rows = placing.place(examples, formulation.intercept, load("numpy"))
    shared = ridge.Shared(rows, splits) if forms_products(examples) else None
    loss = np.empty((len(lambdas), len(splits)))
    for k, split in enumerate(splits):
        ridge.require_weight(examples, split, k)
        H = None if shared is None else shared.moments(k)
        prepared = None
        if H is not None:
            variance = ridge.variances(rows, H)
            prepared = from_moments(rows, H, variance, formulation, split.train)
        if prepared is None:
            found = _fitted(examples.take(split.train), formulation, lambdas)
        else:
            found = _solve(prepared, formulation, lambdas)
        loss[:, k] = ridge.held_out_loss(rows, split.held_out, *found)
    return loss


def largest_lambda(examples: Examples, formulation: Formulation) -> float:
    """The least λ at which, and above which, every penalised weight is 0, for every target.

    0 if there is nothing to penalise.
    """
    _require(formulation)
    slope = correlations_at_zero(examples, formulation)
    return float(np.max(slope, initial=0)) / formulation.l1_ratio


def _require(formulation: Formulation) -> None:
    if not formulation.l1_ratio > 0:
        raise InputError("l1_ratio is 0, which is ridge: a path with L1 needs it above 0.")
    require_scikit_learn()


def _fitted(
    examples: Examples, formulation: Formulation, lambdas: NumPyArray
) -> tuple[NumPyArray, NumPyArray]:
    """As `_solve`, over all rows."""
    same, units = canonical(examples, formulation)
    return units.outside(*_solve(prepare(same, formulation), formulation, lambdas))


def _solve(
    prepared: Prepared, formulation: Formulation, lambdas: NumPyArray
) -> tuple[NumPyArray, NumPyArray]:
    """Weights (num_inputs, L, num_targets) and bias (L, num_targets), in the units of X and y."""
    examples, scales = prepared.examples, prepared.scaling
    w = np.zeros((examples.num_inputs, len(lambdas), examples.num_targets))
    b = np.zeros(w.shape[1:])
    some = lambdas > 0
    if some.any():
        penalized = _descend(prepared, formulation, lambdas[some])
        w[np.ix_(scales.penalized, some)] = penalized
        free, at = prepared.free.parameters(penalized)
        w[np.ix_(scales.free, some)] = free
        b[some] = at + prepared.y_mean - np.tensordot(prepared.x_mean, w[:, some], 1)
    if not some.all():
        part = examples if prepared.rows is None else examples.take(prepared.rows)
        w[:, ~some], b[~some] = _least_squares(part, formulation, scales)
    return w, b


def _least_squares(
    examples: Examples, formulation: Formulation, scales: Scaling
) -> tuple[NumPyArray, NumPyArray]:
    """Weights (num_inputs, 1, num_targets) and bias (1, num_targets) at λ = 0."""
    kept = np.sort(np.concatenate([scales.penalized, scales.free]))
    w = np.zeros((examples.num_inputs, 1, examples.num_targets))
    if not len(kept):
        return w, (examples.share @ examples.Y)[None] * formulation.intercept
    names = tuple(examples.columns[j] for j in kept)
    some = replace(examples, X=examples.X[:, kept], columns=names)
    f = formulation.factors
    alike = replace(formulation, factors=None if f is None else f[kept])
    w[kept], b = ridge.decompose(some, alike, 0.0, load("numpy")).solve(np.zeros(1))
    return w, b


def _descend(prepared: Prepared, formulation: Formulation, lambdas: NumPyArray) -> NumPyArray:
    """The penalised weights, shape (num_penalized, L, num_targets)."""
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    f = factors_of(formulation, prepared.scaling)
    w = np.empty((len(f), len(lambdas), prepared.examples.num_targets))
    worst = np.zeros(len(lambdas))
    # Small products, one after the other: the threads of NumPy's BLAS and of SciPy's wait for each
    # other, on a busy machine ten times as long as the work takes.
    with warnings.catch_warnings(), threadpool_limits(1, user_api="blas"):
        warnings.simplefilter("ignore", ConvergenceWarning)  # judged by the conditions instead
        for target in range(w.shape[2]):
            found = descent.minimisers(prepared.products, target, lambdas, formulation.l1_ratio, f)
            w[:, :, target] = found.v / prepared.unit[:, None]
            worst = np.maximum(worst, found.violation)
    if np.max(worst) > NOT_CONVERGED:
        warn(_not_converged(lambdas[worst > NOT_CONVERGED]), IllConditionedWarning)
    return w


def _not_converged(lambdas: NumPyArray) -> str:
    return (
        f"coordinate descent did not converge at {len(lambdas)} λ, the largest of them "
        f"{max(lambdas):.3g}: the inputs are nearly dependent, so choose a larger λ or "
        "standardise, and see the certificates."
    )
