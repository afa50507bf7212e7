"""`tune`: losses, splits, grids and the choice, against scikit-learn's own cross-validation."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, make_regression
from sklearn.linear_model import ElasticNet, Ridge
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.tolerances import L1, RIDGE, relative_difference
from weightdecay.errors import (
    DivergenceError,
    EdgeOfGridWarning,
    InputError,
)
from weightdecay.experiment import Experiment
from weightdecay.tuning.path import regularization_path
from weightdecay.tuning.running import tune

LAMBDAS = np.geomspace(1e-3, 10, 6)


def diabetes() -> tuple[np.ndarray, np.ndarray]:
    X, y = load_diabetes(return_X_y=True, scaled=False)
    return np.asarray(X), np.asarray(y)


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("penalty", ["l2", "l1", "elasticnet"])
def test_losses_are_those_of_a_search_over_a_pipeline(
    backend: str, penalty: str, standardize: bool
) -> None:
    """Every fold is standardised with the moments of its own training rows."""
    X, y = diabetes()
    folds = list(KFold(4, shuffle=True, random_state=0).split(X))
    found = quietly(
        X, y, penalty=penalty, lambdas=LAMBDAS, cv=folds, standardize=standardize, backend=backend
    )
    ratio = {"l2": 0.0, "l1": 1.0, "elasticnet": 0.5}[penalty]
    for k, (train, held_out) in enumerate(folds):
        for i, lambd in enumerate(LAMBDAS):
            model: Any
            if penalty == "l2":
                model = Ridge(alpha=lambd * len(train))
            else:
                model = ElasticNet(alpha=lambd, l1_ratio=ratio, tol=1e-12, max_iter=1_000_000)
            model = make_pipeline(StandardScaler(), model) if standardize else model
            model.fit(X[train], y[train])
            expected = np.mean((model.predict(X[held_out]) - y[held_out]) ** 2) / 2
            tolerance = RIDGE if penalty == "l2" else L1
            assert relative_difference([found.scores.loss[i, k]], [expected]) <= tolerance


def test_chooses_as_a_grid_search_does(backend: str) -> None:
    X, y = make_regression(90, 40, noise=20, random_state=1)
    folds = list(KFold(3).split(X))  # of 60 rows to train with each
    lambdas = np.geomspace(1e-4, 1e2, 25)
    search = GridSearchCV(
        Ridge(), {"alpha": lambdas * 60}, cv=folds, scoring="neg_mean_squared_error"
    ).fit(X, y)
    found = quietly(X, y, lambdas=lambdas, cv=folds, standardize=False, backend=backend)
    assert found.lambd * 60 == pytest.approx(search.best_params_["alpha"])
    assert (
        relative_difference(-2 * found.scores.mean, search.cv_results_["mean_test_score"]) <= RIDGE
    )
    refit = Ridge(alpha=found.lambd * 90).fit(X, y)
    assert relative_difference(found.w[:, 0], refit.coef_) <= RIDGE
    assert relative_difference(found.predict(X), refit.predict(X)) <= RIDGE


@pytest.mark.parametrize("penalty", ["l2", "l1"])
def test_weight_two_is_the_row_twice(backend: str, penalty: str) -> None:
    """In the grid, in every fold's fit, in the losses and in the final weights."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((24, 5)), rng.standard_normal(24)
    weight = np.resize([1.0, 2.0, 0.0], 24)
    rows = np.repeat(np.arange(24), weight.astype(int))
    fold = np.arange(24) % 4
    weighed_folds = [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(4)]
    again = fold[rows]
    folds = [(np.flatnonzero(again != k), np.flatnonzero(again == k)) for k in range(4)]
    settings: dict[str, Any] = {"penalty": penalty, "lambdas": 20, "backend": backend}
    weighed = quietly(X, y, sample_weight=weight, cv=weighed_folds, **settings)
    repeated = quietly(X[rows], y[rows], sample_weight=np.ones(len(rows)), cv=folds, **settings)
    tolerance = RIDGE if penalty == "l2" else L1
    assert relative_difference(weighed.lambdas, repeated.lambdas) <= RIDGE
    assert relative_difference(weighed.scores.loss, repeated.scores.loss) <= tolerance
    assert relative_difference(weighed.scores.mean, repeated.scores.mean) <= tolerance
    assert weighed.index == repeated.index
    assert relative_difference(weighed.w, repeated.w) <= tolerance
    assert relative_difference(weighed.scale, repeated.scale) <= RIDGE


def test_the_edge_of_the_grid_is_said_and_extended_on_request(backend: str) -> None:
    X, y = diabetes()
    inside = quietly(X, y, backend=backend)
    assert inside.scores.edge is None
    for lambdas in (np.geomspace(1, 10, 5), np.geomspace(1e-5, 1e-4, 5)):
        with pytest.warns(EdgeOfGridWarning, match="of the grid, so a better one may lie beyond"):
            stuck = tune(X, y, lambdas=lambdas, backend=backend)
        assert stuck.scores.edge is not None
        assert len(stuck.warnings) == 1
        found = tune(X, y, lambdas=lambdas, extend=True, backend=backend)
        assert found.extended
        assert found.scores.edge is None
        assert set(lambdas) <= set(found.lambdas)
        assert (np.diff(found.lambdas) > 0).all()
        assert found.loss <= inside.loss * 1.001
        assert found.path.w.shape[1] == len(found.lambdas) == len(found.scores.loss)


def test_an_extended_path_is_solved_as_if_it_had_been_the_grid(backend: str) -> None:
    """Dependent inputs, so that small λ need another decomposition than large ones."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 4))
    X[:, 3] = X[:, 0] + 1e-5 * X[:, 3]
    y = X @ np.array([1.0, 2.0, 3.0, -1.0])
    found = quietly(X, y, lambdas=[1e-4, 1e-3], extend=True, standardize=False, backend=backend)
    assert found.extended == 3
    for i, lambd in enumerate(found.lambdas):
        below = np.sqrt(40 * lambd) * np.eye(4)
        centred = np.concatenate([X - X.mean(0), below])
        w = np.linalg.lstsq(centred, np.append(y - y.mean(), np.zeros(4)), rcond=None)[0]
        assert relative_difference(found.path.w[:, i, 0], w) <= RIDGE


def test_a_useless_table_ends_at_the_mean(backend: str) -> None:
    """Noise for a target: with L1 nothing is beyond the λ that leaves no input."""
    rng = np.random.default_rng(1)
    X, y = rng.standard_normal((60, 20)), rng.standard_normal(60)
    with pytest.warns(EdgeOfGridWarning, match="no better than the mean"):
        found = tune(X, y, penalty="l1", extend=True, backend=backend)
    assert not found.w.any()
    assert found.extended == 0
    with pytest.warns(EdgeOfGridWarning, match="try larger ones"):  # which leave fewer weights
        tune(X, y, penalty="l1", lambdas=found.lambdas[:-20], backend=backend)
    assert found.b[0] == pytest.approx(y.mean())


@pytest.mark.parametrize("penalty", ["l2", "l1", "elasticnet"])
def test_the_path_alone_is_that_of_tune(backend: str, penalty: str) -> None:
    X, y = diabetes()
    settings: dict[str, Any] = {
        "penalty": penalty,
        "sample_weight": np.resize([1.0, 2.0], len(y)),
        "penalty_factors": np.linspace(0.5, 1.5, 10),
        "backend": backend,
    }
    for lambdas in (LAMBDAS, 7):
        alone = regularization_path(X, y, lambdas=lambdas, **settings)
        tuned = quietly(X, y, lambdas=lambdas, **settings).path
        assert np.array_equal(alone.lambdas, tuned.lambdas)
        assert relative_difference(alone.w, tuned.w) <= RIDGE
        assert relative_difference(alone.b, tuned.b) <= RIDGE
    with pytest.raises(InputError, match="unknown penalty"):
        regularization_path(X, y, penalty="l0")


def test_several_targets(backend: str) -> None:
    X, y = diabetes()
    Y = np.column_stack([y, X @ np.arange(10.0)])
    found = quietly(X, Y, lambdas=LAMBDAS, backend=backend)
    alone = [quietly(X, target, lambdas=LAMBDAS, backend=backend) for target in Y.T]
    both = np.mean([one.scores.loss for one in alone], axis=0)
    assert relative_difference(found.scores.loss, both) <= RIDGE
    assert found.predict(X).shape == Y.shape


def test_stopped_sgd_chooses_epochs_too(backend: str) -> None:
    X, y = diabetes()
    training = Experiment(lr=0.05, epochs=30, batch_size=64, init_std=0)
    found = quietly(
        X, y, solver="sgd", training=training, lambdas=[0.0, 0.1], cv=3, backend=backend
    )
    assert found.epochs in range(1, 31)
    assert (found.solver, found.evidence) == ("sgd", None)
    assert found.path.w.shape == (10, 2, 1)
    with pytest.raises(InputError, match="'l2'"):
        _ = found.prior
    given = {"training": replace(training, lr=9.0), "lambdas": [0.0], "cv": 3, "backend": backend}
    with pytest.raises(DivergenceError):  # at the rate of the training, and not at a stable one
        quietly(X, y, solver="sgd", **given)
    assert np.isfinite(quietly(X, y, solver="sgd", lr="auto", **given).loss)


def quietly(X: Any, y: Any, **settings: Any) -> Any:
    """Tune, whether or not the best is at the edge of the grid."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EdgeOfGridWarning)
        return tune(X, y, **settings)
