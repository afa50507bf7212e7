"""Sample weights in the choice of λ: weights of 1 are none, and weight k is the row k times."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tolerances import L1, RIDGE, relative_difference
from weightdecay.estimators import WeightDecayCV
from weightdecay.experiment import Experiment
from weightdecay.tuning.running import tune

pytestmark = [
    pytest.mark.filterwarnings("ignore::weightdecay.errors.EdgeOfGridWarning"),
    pytest.mark.filterwarnings("ignore:the best number of epochs:UserWarning"),
]

SETTINGS: dict[str, dict[str, Any]] = {
    "l2": {"lambdas": "1e-3:10:12"},
    "l1": {"penalty": "l1", "lambdas": "1e-3:1:12"},
    "sgd": {"solver": "sgd", "lambdas": "1e-2:1:3", "training": Experiment(epochs=3, init_std=0)},
}


def table(seed: int, n: int = 23) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 3))
    return X, X[:, 0] + 3 * rng.standard_normal(n)


def folds_of(labels: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    every = np.unique(labels)
    return [(np.flatnonzero(labels != k), np.flatnonzero(labels == k)) for k in every]


@given(seed=st.integers(0, 999))
@settings(max_examples=10)
def test_weights_of_one_are_no_weights_where_folds_are_unequal(seed: int) -> None:
    """23 rows in 5 folds: three of 5 rows and two of 4."""
    X, y = table(seed)
    without, ones = (tune(X, y, sample_weight=weight) for weight in (None, np.ones(23)))
    assert (ones.index, ones.scores.one_standard_error) == (
        without.index,
        without.scores.one_standard_error,
    )
    assert relative_difference(ones.scores.mean, without.scores.mean) <= RIDGE
    assert relative_difference(ones.scores.standard_error, without.scores.standard_error) <= RIDGE


@pytest.mark.parametrize("cv", [5, "loo"])
@pytest.mark.parametrize("solver", SETTINGS)
def test_weights_of_one_are_no_weights(solver: str, cv: Any) -> None:
    X, y = table(3, 11)
    without, ones = (
        tune(X, y, cv=cv, sample_weight=weight, **SETTINGS[solver])
        for weight in (None, np.ones(11))
    )
    assert ones.index == without.index
    assert relative_difference(ones.scores.mean, without.scores.mean) <= L1


@given(seed=st.integers(0, 999), penalty=st.sampled_from(["l2", "l1"]))
@settings(max_examples=10)
def test_weight_k_is_the_row_k_times_in_its_fold(seed: int, penalty: str) -> None:
    """Against the same rows repeated, without weights: folds of very different weight."""
    X, y = table(seed)
    rng = np.random.default_rng(seed)
    fold, weight = np.arange(23) % 4, rng.integers(0, 5, 23)
    weight[:8] += 1  # every fold keeps rows of positive weight
    rows = np.repeat(np.arange(23), weight)
    chosen = {**SETTINGS[penalty], "rule": "one-se"}
    weighed = tune(X, y, sample_weight=weight, cv=folds_of(fold), **chosen)
    repeated = tune(X[rows], y[rows], cv=folds_of(fold[rows]), **chosen)
    assert weighed.lambd == repeated.lambd
    assert relative_difference(weighed.scores.mean, repeated.scores.mean) <= L1
    assert relative_difference(weighed.scores.standard_error, repeated.scores.standard_error) <= L1
    estimator = WeightDecayCV([0.1, 1], cv=folds_of(fold)).fit(X, y, weight)
    again = WeightDecayCV([0.1, 1], cv=folds_of(fold[rows])).fit(X[rows], y[rows])
    assert estimator.alpha_ == again.alpha_
    assert relative_difference(estimator.best_score_, again.best_score_) <= RIDGE


@pytest.mark.parametrize("solver", SETTINGS)
def test_a_row_of_weight_zero_is_no_row_of_leave_one_out(solver: str) -> None:
    X, y = table(5, 9)
    weight = np.array([1, 1, 0, 1, 2, 1, 0, 1, 1.0])
    kept = weight > 0
    settings = {"cv": "loo", "standardize": False, **SETTINGS[solver]}
    if solver == "sgd":  # whose minibatches count rows
        settings["training"] = Experiment(epochs=3, init_std=0, batch_size="full")
    zeros = tune(X, y, sample_weight=weight, **settings)
    without = tune(X[kept], y[kept], sample_weight=weight[kept], **settings)
    assert zeros.lambd == without.lambd
    assert relative_difference(zeros.scores.mean, without.scores.mean) <= L1
