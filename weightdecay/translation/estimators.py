"""scikit-learn's estimators on random data: against each other, and against the exact optimum."""

from __future__ import annotations

from typing import Any

import numpy as np

from weightdecay.errors import MissingExtraError
from weightdecay.exact import LeastSquares, kkt_residual
from weightdecay.ops import NumPyArray
from weightdecay.translation import staging
from weightdecay.translation.dialects import sklearn as dialect
from weightdecay.translation.recipe import Recipe
from weightdecay.translation.syntax import parse, settled

INPUTS = 8
MOST = 10_000
"""Examples that are made up; of more, the λ is tried on as many."""


def difference(source: str, target: str, seed: int) -> float:
    """Largest |w − w₀| over the largest |w₀| of two fitted estimators."""
    X, y = _data(64, seed)
    w, w0 = (_fitted(text, X, y) for text in (target, source))
    return float(np.max(np.abs(w - w0)) / np.max(np.abs(w0)))


def optimality(source: str, recipe: Recipe, n: int | None, seed: int) -> str:
    """How far a fitted estimator is from the optimum of the objective with λ and λ₁, in words."""
    X, y = _data(min(n or 64, MOST), seed)
    decay = recipe.decay
    if n is not None and n > MOST:  # Ridge's alpha goes with the number of examples
        source = dialect.write(recipe, MOST).settings
    try:
        theta = _fitted(source, X, y)
    except MissingExtraError:
        return "scikit-learn is not installed here, so its own solution was not looked at"
    A = np.column_stack([np.ones(len(y)), X]) / np.sqrt(len(y))
    problem = LeastSquares(A, y / np.sqrt(len(y)))
    off = np.array([0.0, *[1.0] * INPUTS])
    residual = kkt_residual(problem, theta, decay.l1 * off, decay.strength * off)
    return (
        f"fitted to {len(y)} random examples, the estimator leaves a largest gradient of "
        f"{residual:.1e} in the objective with this λ, where the optimum leaves 0"
    )


def _data(n: int, seed: int) -> tuple[NumPyArray, NumPyArray]:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, INPUTS))
    w = rng.standard_normal(INPUTS)
    w[0], b = -1 - abs(w[0]), 1.0  # a negative weight and a bias, for settings that forbid them
    return X, X @ w + b + rng.standard_normal(n)


def _fitted(text: str, X: NumPyArray, y: NumPyArray) -> NumPyArray:
    """(b, w) of an estimator that is built from its text and fitted tightly."""
    zeros = {"weight": np.zeros((1, INPUTS)), "bias": np.zeros(1)}
    stage = staging.stage("sklearn", zeros, "float64")
    estimator: Any = staging.build(stage, "sklearn", dialect.complete(settled(parse(text))))[
        "estimator"
    ]
    tight = {"tol": 1e-12, "max_iter": 100_000}
    known = estimator.get_params()
    estimator.set_params(**{name: value for name, value in tight.items() if name in known})
    estimator.fit(X, y)
    return np.array([estimator.intercept_, *estimator.coef_])
