"""Choosing λ by cross-validation: `weightdecay.tune` against scikit-learn, and on each backend.

``python benchmarks/tuning.py --backend NAME [--rounds N] [--out FILE]``. 10,000 examples, 500
inputs, 100 λ, float64, warm; each as it is called, from arrays to the final coefficients: five
folds against `GridSearchCV(Ridge())`, leave-one-out against `RidgeCV`, whose default it is. The
losses of every λ must agree first. Backends other than NumPy are timed beside NumPy in the same
process.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from results import Results, arguments, as_json, ratio, show, write
from timing import Times, interleaved

from weightdecay import tune

NUM_EXAMPLES, NUM_INPUTS, NUM_FOLDS = 10_000, 500, 5
ALPHAS = np.geomspace(1e-2, 1e6, 100)
AGREE = 1e-8
"""The largest difference between the losses of two contestants, beside the largest loss."""
FOLDS, ROWS = "tune: five folds", "tune: leave-one-out"
ON_NUMPY = "tune on NumPy: five folds"
SEARCH, RIDGE_CV = "scikit-learn's GridSearchCV(Ridge)", "scikit-learn's RidgeCV"


def problem() -> tuple[Any, Any, list[Any]]:
    """Examples, and folds of them."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((NUM_EXAMPLES, NUM_INPUTS))
    y = X @ (0.1 * rng.standard_normal(NUM_INPUTS)) + 3 * rng.standard_normal(NUM_EXAMPLES)
    held_out = np.array_split(rng.permutation(NUM_EXAMPLES), NUM_FOLDS)
    everything = np.arange(NUM_EXAMPLES)
    return X, y, [(np.setdiff1d(everything, rows), np.sort(rows)) for rows in held_out]


def ours(backend: str, data: Any, rows: int, **settings: Any) -> Callable[[], Any]:
    """`tune` where the penalty of a fit to so many rows is that of ALPHAS in scikit-learn."""
    X, y, _ = data
    return lambda: tune(X, y, lambdas=ALPHAS / rows, standardize=False, backend=backend, **settings)


def measure(backend: str, rounds: int) -> Results:
    """Prove equal, then time."""
    data = problem()
    in_fold = NUM_EXAMPLES - NUM_EXAMPLES // NUM_FOLDS
    folds = ours(backend, data, in_fold, cv=data[2])
    if backend != "numpy":
        beside = ours("numpy", data, in_fold, cv=data[2])
        require_equal(folds().scores.mean, beside().scores.mean)
        times = interleaved({FOLDS: folds, ON_NUMPY: beside}, rounds)
        ratios = {f"{FOLDS} / the same on NumPy": ratio(times, FOLDS, ON_NUMPY)}
    else:
        times, ratios = against_scikit_learn(data, folds, rounds)
    show(backend, times, ratios)
    return {"seconds": as_json(times), "ratios": ratios}


def against_scikit_learn(
    data: Any, folds: Callable[[], Any], rounds: int
) -> tuple[dict[str, Times], dict[str, float]]:
    """The search is timed once: it takes a minute or more."""
    from sklearn.linear_model import Ridge, RidgeCV
    from sklearn.model_selection import GridSearchCV

    X, y, splits = data
    rows = ours("numpy", data, NUM_EXAMPLES, cv="loo")
    ridge_cv = RidgeCV(ALPHAS, store_cv_results=True).fit(X, y)
    require_equal(2 * rows().scores.mean, ridge_cv.cv_results_.mean(axis=0))
    search = GridSearchCV(Ridge(), {"alpha": ALPHAS}, cv=splits, scoring="neg_mean_squared_error")
    times = interleaved(
        {FOLDS: folds, ROWS: rows, RIDGE_CV: lambda: RidgeCV(ALPHAS).fit(X, y)}, rounds
    )
    start = time.perf_counter()
    search.fit(X, y)
    seconds = time.perf_counter() - start
    times[SEARCH] = Times(seconds, seconds, seconds)
    require_equal(2 * folds().scores.mean, -search.cv_results_["mean_test_score"])
    ratios = {
        f"{SEARCH} / {FOLDS}": ratio(times, SEARCH, FOLDS),
        f"{RIDGE_CV} / {FOLDS}": ratio(times, RIDGE_CV, FOLDS),
        f"{RIDGE_CV} / {ROWS}": ratio(times, RIDGE_CV, ROWS),
    }
    return times, ratios


def require_equal(losses: Any, reference: Any) -> None:
    """Raise ValueError unless the losses of all λ agree."""
    difference = float(np.max(np.abs(losses - reference)) / np.max(np.abs(reference)))
    if not difference <= AGREE:
        raise ValueError(f"the losses differ by {difference:.1e}: {AGREE:g} is allowed.")


def main() -> None:
    """Measure one backend, print, and write the results if asked."""
    given = arguments(__doc__.splitlines()[0], rounds=5)
    write(given.out, given.backend, measure(given.backend, given.rounds))


if __name__ == "__main__":
    main()
