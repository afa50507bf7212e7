"""`regularization_path`: the exact fits of a grid of λ, with nothing held out."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from weightdecay.ops import host
from weightdecay.paths import lasso, ridge
from weightdecay.paths.examples import Formulation, Path, examples, factors
from weightdecay.registry import load
from weightdecay.sweeping.grid import Grid
from weightdecay.tuning import grids
from weightdecay.tuning.job import penalty_ratio
from weightdecay.tuning.searching import automatic
from weightdecay.validate import flag


def regularization_path(
    X: Any,
    y: npt.ArrayLike,
    *,
    penalty: str = "l2",
    l1_ratio: float = 0.5,
    lambdas: Grid | int = None,
    sample_weight: npt.ArrayLike | None = None,
    penalty_factors: Any = None,
    standardize: bool = True,
    fit_intercept: bool = True,
    columns: tuple[str, ...] | None = None,
    backend: str | None = None,
    dtype: str = "float64",
    device: str = "cpu",
) -> Path:
    """The minimisers of the objective of `tune` for every λ of a grid, over all rows.

    All λ of an L2 path come from one decomposition, on the backend; paths with an L1 term are
    scikit-learn's.

    Parameters
    ----------
    X, y, penalty, l1_ratio, lambdas, sample_weight, penalty_factors, standardize, fit_intercept, \
columns, backend, dtype, device
        As for `tune`.

    Returns
    -------
    Path
        ``lambdas`` ascending, shape (L,); ``w``, shape (num_inputs, L, num_targets), in the units
        of X; ``b``, shape (L, num_targets).

    Raises
    ------
    InputError
        Data, grid or settings that cannot be used.
    BackendError
        The backend, dtype or device cannot be had.
    MissingExtraError
        scikit-learn is missing, for a path with an L1 term.

    Warns
    -----
    IllConditionedWarning
        The inputs are nearly dependent at the least λ, or coordinate descent did not converge.
    """
    ratio = penalty_ratio(penalty, l1_ratio)
    flag("standardize", standardize)
    flag("fit_intercept", fit_intercept)
    grid = grids.given(lambdas)
    data = examples(X, y, sample_weight, columns)
    strengths = factors(penalty_factors, data.columns)
    formulation = Formulation(ratio, strengths, fit_intercept, standardize)
    ops = load(backend, dtype, device)
    if isinstance(grid, int):
        grid = automatic(data, formulation, grid, ops)
    if ratio:
        return lasso.path(data, formulation, host(grid))
    return ridge.path(data, formulation, host(grid), ops)
