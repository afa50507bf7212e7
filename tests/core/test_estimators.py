"""The estimators: scikit-learn's own checks, and its own models as the independent answer."""

from __future__ import annotations

import functools
import importlib.util
import pickle
import subprocess
import sys
from typing import Any
from unittest import SkipTest

import numpy as np
import pytest
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes, make_regression
from sklearn.linear_model import (
    ElasticNet,
    ElasticNetCV,
    Lasso,
    LassoCV,
    Ridge,
    RidgeCV,
)
from sklearn.metrics import get_scorer
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    ShuffleSplit,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from tests.conftest import requested
from tests.tolerances import L1, RIDGE, relative_difference
from weightdecay.errors import (
    BackendNotInstalledError,
    DivergenceError,
    EdgeOfGridWarning,
    InputError,
    UnknownNameError,
)
from weightdecay.estimators import WeightDecayCV, WeightDecayRegressor
from weightdecay.registry import BUILT_IN

FRAMES = [name for name in ("pandas", "polars") if importlib.util.find_spec(name)]
ALPHA = 0.3


def checked(backend: str) -> list[Any]:
    """The estimators that scikit-learn's checks are run on.

    Descent with an L1 part is the same on every backend. Minibatches count rows, so that only full
    batches make no difference between weight 2 and a repeated row, which is one of the checks.
    """
    found = [WeightDecayRegressor(backend=backend), WeightDecayCV(backend=backend)]
    if backend in ("numpy", "torch"):
        found += [
            WeightDecayRegressor(solver="sgd", backend=backend),
            WeightDecayCV(5, solver="sgd", batch_size="full", epochs=20, backend=backend),
        ]
    if backend == "numpy":
        found += [WeightDecayRegressor(l1_ratio=0.5), WeightDecayCV(l1_ratio=0.5)]
    return found


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "check" in metafunc.fixturenames:
        estimators = [e for backend in requested(metafunc.config) for e in checked(backend)]
        mark = parametrize_with_checks(estimators)
        names, cases = mark.args
        metafunc.parametrize(names, list(cases), **mark.kwargs)


def name_of(check: Any) -> str:
    return str(getattr(check, "func", check).__name__)


@functools.cache
def passed_by_ridge() -> set[str]:
    """The checks that scikit-learn's own Ridge passes here."""
    passed = set()
    for case in parametrize_with_checks([Ridge()]).args[1]:
        estimator, check = getattr(case, "values", case)
        try:
            check(estimator)
        except Exception:
            continue
        passed.add(name_of(check))
    return passed


@pytest.mark.filterwarnings("ignore:the best")  # its tables are tiny, and much of it noise
def test_a_check_of_scikit_learn(estimator: Any, check: Any) -> None:
    """A check may skip itself, for want of pandas or the like, where Ridge does not pass it."""
    try:
        check(estimator)
    except SkipTest:
        assert name_of(check) not in passed_by_ridge()


def test_ridge_passes_many_checks() -> None:
    assert len(passed_by_ridge()) > 40


def problems() -> dict[str, Any]:
    """Names of tables, with X, y and sample weights or None."""
    rng = np.random.default_rng(0)
    X, y = load_diabetes(return_X_y=True)
    weight = rng.integers(0, 4, len(y)).astype(float)
    wide = make_regression(30, 50, n_informative=20, noise=3, random_state=0)
    scaled = 100 * X + 3
    awkward = np.column_stack([scaled, np.full(len(y), 7.0), scaled[:, 0], scaled[:, 3]])
    several = np.column_stack([y, rng.standard_normal(len(y)), X @ np.arange(10.0)])
    return {
        "diabetes": (20 * X, y, None),
        "weights": (20 * X, y, weight),
        "wide": (*wide, None),
        "wide, weights": (*wide, rng.uniform(0.5, 2, 30)),
        "constant and duplicated columns": (awkward, y, None),
        "several targets": (20 * X, several, None),
    }


PROBLEMS = problems()


@pytest.fixture(params=PROBLEMS)
def problem(request: pytest.FixtureRequest) -> Any:
    return PROBLEMS[request.param]


def assert_same(ours: Any, theirs: Any, tolerance: float) -> None:
    assert relative_difference(ours.coef_, theirs.coef_) <= tolerance
    assert relative_difference(ours.intercept_, theirs.intercept_) <= tolerance


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_ridge_is_ridge(backend: str, problem: Any, fit_intercept: bool) -> None:
    X, y, weight = problem
    n = len(y) if weight is None else weight.sum()
    theirs = Ridge(ALPHA * n, fit_intercept=fit_intercept, solver="svd").fit(X, y, weight)
    ours = WeightDecayRegressor(ALPHA, fit_intercept=fit_intercept, backend=backend)
    assert_same(ours.fit(X, y, weight), theirs, RIDGE)
    assert relative_difference(ours.predict(X), theirs.predict(X)) <= RIDGE
    assert ours.score(X, y, weight) == pytest.approx(theirs.score(X, y, weight), rel=1e-8)
    assert ours.n_iter_ is None


@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_l1_is_lasso_and_elastic_net(problem: Any, l1_ratio: float, fit_intercept: bool) -> None:
    X, y, weight = problem
    settings = {"fit_intercept": fit_intercept, "tol": 1e-14, "max_iter": 1_000_000}
    if l1_ratio == 1:
        theirs = Lasso(ALPHA, **settings)
    else:
        theirs = ElasticNet(ALPHA, l1_ratio=l1_ratio, **settings)
    theirs.fit(X, y, weight)
    ours = WeightDecayRegressor(ALPHA, l1_ratio=l1_ratio, fit_intercept=fit_intercept)
    ours.fit(X, y, weight)
    if X.shape[1] == 13 and l1_ratio == 1:  # which of two equal columns is anybody's choice
        assert relative_difference(ours.predict(X), theirs.predict(X)) <= L1
    else:
        assert_same(ours, theirs, L1)


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
def test_weight_two_is_a_repeated_row_and_weight_zero_none(backend: str, l1_ratio: float) -> None:
    X, y, weight = PROBLEMS["weights"]
    rows = np.repeat(np.arange(len(y)), weight.astype(int))
    estimator = WeightDecayRegressor(ALPHA, l1_ratio=l1_ratio, backend=backend)
    assert_same(clone(estimator).fit(X, y, weight), clone(estimator).fit(X[rows], y[rows]), RIDGE)


def test_sgd_does_not_see_rows_of_weight_zero(backend: str) -> None:
    X, y, weight = PROBLEMS["weights"]
    kept = weight > 0
    estimator = WeightDecayRegressor(ALPHA, solver="sgd", epochs=3, random_state=0, backend=backend)
    whole = clone(estimator).fit(X, y, weight)
    assert_same(whole, clone(estimator).fit(X[kept], y[kept], weight[kept]), 0)
    assert whole.n_iter_ == 3


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"optimizer": "momentum", "momentum": 0.5},
        {"l1_ratio": 0.5},
    ],
    ids=str,
)
def test_sgd_of_full_batches_converges(backend: str, settings: dict[str, Any]) -> None:
    X, y, weight = PROBLEMS["weights"]
    train = {"solver": "sgd", "batch_size": "full", "epochs": 300, "backend": backend}
    ours = WeightDecayRegressor(1.0, **train, **settings).fit(X, y, weight)
    exact = WeightDecayRegressor(1.0, l1_ratio=settings.get("l1_ratio", 0.0)).fit(X, y, weight)
    assert_same(ours, exact, L1)


def test_factors_by_name_and_by_number(backend: str) -> None:
    X, y, _ = PROBLEMS["diabetes"]
    factors = np.ones(10)
    factors[[2, 8]] = 0, 5
    by_number = WeightDecayRegressor(ALPHA, penalty_factors=factors, backend=backend).fit(X, y)
    by_name = WeightDecayRegressor(ALPHA, penalty_factors={"x2": 0, "x8": 5}, backend=backend)
    assert_same(by_name.fit(X, y), by_number, 0)
    # Ridge of y and X scaled: with v = w √f, the penalty of v is that of w
    shown = np.where(factors == 0, 1e8, 1 / np.sqrt(np.where(factors == 0, 1, factors)))
    theirs = Ridge(ALPHA * len(y), solver="svd").fit(X * shown, y)
    assert relative_difference(by_number.coef_, theirs.coef_ * shown) <= RIDGE
    trained = WeightDecayRegressor(
        ALPHA, penalty_factors=factors, solver="sgd", batch_size="full", epochs=2000
    )
    assert_same(trained.fit(X, y), by_number, RIDGE)


def test_the_shape_of_y_is_the_shape_of_the_answer(backend: str) -> None:
    X, y, _ = PROBLEMS["diabetes"]
    one = WeightDecayRegressor(backend=backend).fit(X, y)
    column = WeightDecayRegressor(backend=backend).fit(X, y[:, None])
    assert (one.coef_.shape, np.ndim(one.intercept_), one.predict(X).shape) == ((10,), 0, (442,))
    assert (column.coef_.shape, np.shape(column.intercept_)) == ((1, 10), (1,))
    assert column.predict(X).shape == (442, 1)
    assert relative_difference(column.coef_[0], one.coef_) == 0


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
@pytest.mark.parametrize("make", [sparse.csr_matrix, sparse.csc_array, sparse.coo_matrix])
def test_sparse_is_dense(backend: str, l1_ratio: float, make: Any) -> None:
    rng = np.random.default_rng(0)
    dense = rng.standard_normal((60, 8)) * (rng.uniform(size=(60, 8)) < 0.3)
    y = dense @ np.arange(8.0) + 3 + 0.1 * rng.standard_normal(60)
    weight = rng.uniform(0, 2, 60)
    estimator = WeightDecayRegressor(0.01, l1_ratio=l1_ratio, backend=backend)
    ours = clone(estimator).fit(make(dense), y, weight)
    theirs = clone(estimator).fit(dense, y, weight)
    assert_same(ours, theirs, L1 if l1_ratio else RIDGE)
    assert relative_difference(ours.predict(make(dense)), theirs.predict(dense)) <= L1


def test_sgd_says_that_it_takes_no_sparse_inputs_and_one_target() -> None:
    X, y, _ = PROBLEMS["diabetes"]
    with pytest.raises(TypeError, match="dense data is required"):
        WeightDecayRegressor(solver="sgd").fit(sparse.csr_matrix(X), y)
    with pytest.raises(ValueError, match="should be a 1d array"):
        WeightDecayRegressor(solver="sgd").fit(X, np.column_stack([y, y]))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"alpha": -1}, "alpha is -1: it must be a finite number at least 0"),
        ({"alpha": "1"}, "alpha is '1'"),
        ({"l1_ratio": 2}, "l1_ratio is 2"),
        ({"solver": "lsqr"}, "unknown solver 'lsqr'"),
        ({"fit_intercept": "no"}, "fit_intercept is 'no'"),
        ({"fit_intercept": False, "solver": "sgd"}, "goes with solver='exact'"),
        ({"penalty_factors": [1, 2]}, "one for each of the 10 inputs"),
        ({"penalty_factors": {"bmi": 2}}, "unknown penalty factor's column 'bmi'"),
        ({"solver": "sgd", "epochs": 0}, "epochs is 0"),
        ({"solver": "sgd", "lr": -1}, "lr is -1"),
        ({"solver": "sgd", "batch_size": 0}, "batch_size"),
        ({"solver": "sgd", "optimizer": "adamw"}, "unknown optimizer 'adamw'"),
        ({"solver": "sgd", "random_state": -1}, "random_state is -1"),
        ({"solver": "sgd", "shuffle": 1}, "shuffle is 1"),
    ],
)
def test_a_parameter_that_cannot_be_used(settings: dict[str, Any], message: str) -> None:
    X, y, _ = PROBLEMS["diabetes"]
    estimator = WeightDecayRegressor(**settings)  # which does not complain yet
    with pytest.raises(InputError) as caught:
        estimator.fit(X, y)
    assert message in str(caught.value)


def test_weights_that_cannot_be_used() -> None:
    X, y, _ = PROBLEMS["diabetes"]
    for weight, message in ((-np.ones(442), "negative"), (np.zeros(442), "only zeros")):
        with pytest.raises(InputError, match=message):
            WeightDecayRegressor().fit(X, y, weight)


def test_a_learning_rate_that_is_too_large() -> None:
    X, y, _ = PROBLEMS["diabetes"]
    with pytest.raises(DivergenceError, match="would work") as caught:
        WeightDecayRegressor(solver="sgd", lr=10.0).fit(X, y)
    WeightDecayRegressor(solver="sgd", lr=caught.value.suggested_lr).fit(X, y)


def test_the_rate_of_adam_is_its_own(backend: str) -> None:
    X, y, _ = PROBLEMS["diabetes"]
    settings = {"solver": "sgd", "optimizer": "adam", "random_state": 0, "epochs": 2}
    ours = WeightDecayRegressor(backend=backend, **settings).fit(X, y)
    assert_same(ours, WeightDecayRegressor(backend=backend, lr=0.01, **settings).fit(X, y), 0)


def test_sgd_by_minibatches_is_repeatable_and_near(backend: str) -> None:
    X, y, _ = PROBLEMS["diabetes"]
    estimator = WeightDecayRegressor(0.1, solver="sgd", random_state=3, backend=backend)
    first, again = clone(estimator).fit(X, y), clone(estimator).fit(X, y)
    assert_same(first, again, 0)
    other = clone(estimator).set_params(random_state=4).fit(X, y)
    assert relative_difference(other.coef_, first.coef_) > 0
    assert first.score(X, y) > 0.95 * Ridge(44.2).fit(X, y).score(X, y)


@pytest.mark.parametrize("solver", ["exact", "sgd"])
@pytest.mark.parametrize("make", [WeightDecayRegressor, WeightDecayCV])
def test_the_backend_is_the_one_that_was_asked_for(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, make: Any, solver: str
) -> None:
    X, y, _ = PROBLEMS["diabetes"]
    monkeypatch.setenv("WEIGHTDECAY_BACKEND", "nonesuch")
    with pytest.raises(UnknownNameError, match="nonesuch"):
        make(solver=solver).fit(X, y)
    monkeypatch.delenv("WEIGHTDECAY_BACKEND")
    unused = [name for name in BUILT_IN if name not in ("numpy", *requested(request.config))]
    monkeypatch.setattr("weightdecay.registry.is_installed", lambda framework: framework == "numpy")
    with pytest.raises(BackendNotInstalledError, match=unused[0]):
        make(solver=solver, backend=unused[0]).fit(X, y)


def test_pipelines_grid_search_and_clone(backend: str) -> None:
    X, y, _ = PROBLEMS["constant and duplicated columns"]
    alphas = [0.01, 0.1, 1.0]
    pipeline = make_pipeline(StandardScaler(), WeightDecayRegressor(backend=backend))
    ours = GridSearchCV(pipeline, {"weightdecayregressor__alpha": alphas}).fit(X, y)
    theirs = GridSearchCV(
        make_pipeline(StandardScaler(), Ridge()),
        {"ridge__alpha": [a * 442 * 4 / 5 for a in alphas]},
    ).fit(X, y)
    assert (
        relative_difference(
            ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"]
        )
        < 1e-2
    )  # the folds have 353 or 354 rows
    assert ours.best_params_ == {
        "weightdecayregressor__alpha": alphas[np.argmax(theirs.cv_results_["mean_test_score"])]
    }
    again = clone(ours.best_estimator_)
    assert (
        again.get_params()["weightdecayregressor__alpha"]
        == ours.best_params_["weightdecayregressor__alpha"]
    )
    assert not hasattr(again[-1], "coef_")
    around = TransformedTargetRegressor(
        WeightDecayRegressor(backend=backend), func=np.log, inverse_func=np.exp
    )
    assert around.fit(X, y).score(X, y) > 0.3


@pytest.mark.filterwarnings("ignore:the best")
@pytest.mark.parametrize("settings", [{}, {"solver": "sgd"}, {"l1_ratio": 1.0}], ids=str)
def test_a_fitted_estimator_survives_pickling(backend: str, settings: dict[str, Any]) -> None:
    X, y, _ = PROBLEMS["diabetes"]
    for fitted in (
        WeightDecayRegressor(backend=backend, **settings).fit(X, y),
        WeightDecayCV(4, backend=backend, **settings).fit(X, y),
    ):
        again = pickle.loads(pickle.dumps(fitted))
        assert relative_difference(again.predict(X), fitted.predict(X)) == 0
        assert again.get_params() == fitted.get_params()


def test_names_of_columns(request: pytest.FixtureRequest) -> None:
    if "numpy" in requested(request.config):
        assert "polars" in FRAMES
    X, y, _ = PROBLEMS["diabetes"]
    names = load_diabetes().feature_names
    plain = WeightDecayRegressor(ALPHA).fit(X, y)
    for module in FRAMES:
        frame = importlib.import_module(module).DataFrame(dict(zip(names, X.T, strict=True)))
        fitted = WeightDecayRegressor(ALPHA, penalty_factors={"bmi": 1.0}).fit(frame, y)
        assert list(fitted.feature_names_in_) == names
        assert_same(fitted, plain, RIDGE)
        with pytest.raises(ValueError, match="feature names"):
            fitted.predict(frame[names[::-1]])
        chosen = WeightDecayCV(5).fit(frame, y)
        assert chosen.result_.columns == tuple(names)
    assert not hasattr(plain, "feature_names_in_")
    assert plain.n_features_in_ == 10


def test_sample_weights_are_routed() -> None:
    X, y, weight = PROBLEMS["weights"]
    with config_context(enable_metadata_routing=True):
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        estimator = WeightDecayRegressor(ALPHA).set_fit_request(sample_weight=True)
        found = cross_validate(
            make_pipeline(scaler, estimator),
            X,
            y,
            params={"sample_weight": weight},
            scoring=get_scorer("r2").set_score_request(sample_weight=True),
            return_estimator=True,
        )
        folds = zip(found["estimator"], found["test_score"], KFold(5).split(X), strict=True)
        for ours, score, (train, test) in folds:
            Z, held_out = ours[0].transform(X[train]), ours[0].transform(X[test])
            theirs = Ridge(ALPHA * weight[train].sum(), solver="svd")
            theirs.fit(Z, y[train], weight[train])
            assert_same(ours[-1], theirs, RIDGE)
            assert score == pytest.approx(theirs.score(held_out, y[test], weight[test]))


GRID = np.geomspace(1e-4, 10, 30)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_leave_one_out_chooses_as_ridge_cv(backend: str, problem: Any, fit_intercept: bool) -> None:
    X, y, weight = problem
    n = len(y) if weight is None else weight.sum()
    theirs = RidgeCV(GRID * n, fit_intercept=fit_intercept).fit(X, y, weight)
    ours = WeightDecayCV(GRID, cv="loo", fit_intercept=fit_intercept, backend=backend)
    ours.fit(X, y, weight)
    assert ours.alpha_ * n == pytest.approx(theirs.alpha_)
    of_the_mean = theirs.best_score_ * len(y) / n  # whose weighted errors are divided by rows
    assert relative_difference(ours.best_score_, of_the_mean) <= RIDGE
    exact = Ridge(theirs.alpha_, fit_intercept=fit_intercept, solver="svd").fit(X, y, weight)
    assert_same(ours, exact, RIDGE)
    used = len(y) if weight is None else np.count_nonzero(weight)
    assert ours.mse_path_.shape == (30, used)


def test_leave_one_out_leaves_one_out(backend: str) -> None:
    X, y, weight = (part[:40] for part in PROBLEMS["weights"])
    ours = WeightDecayCV([0.001, 0.1, 3], cv="loo", backend=backend).fit(X, y, weight)
    used = np.flatnonzero(weight)
    for i, mse in zip(used[::4], ours.mse_path_.T[::4], strict=True):
        others = used[used != i]
        for alpha, error in zip(ours.alphas_, mse, strict=True):
            one = Ridge(alpha * weight.sum(), solver="svd")
            one.fit(X[others], y[others], weight[others])
            assert relative_difference(error, (one.predict(X[[i]])[0] - y[i]) ** 2) <= RIDGE


@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
@pytest.mark.parametrize("name", ["diabetes", "weights", "wide"])
def test_l1_chooses_what_lasso_cv_and_elastic_net_cv_choose(name: str, l1_ratio: float) -> None:
    X, y, weight = PROBLEMS[name]
    low, high = {("wide", 1.0): (5, 60), ("wide", 0.5): (0.1, 60)}.get((name, l1_ratio), (2e-3, 5))
    alphas = np.geomspace(low, high, 20)
    cv = KFold(4, shuffle=True, random_state=0)
    settings = {"alphas": alphas, "cv": cv, "tol": 1e-12, "max_iter": 1_000_000}
    theirs = LassoCV(**settings) if l1_ratio == 1 else ElasticNetCV(l1_ratio=l1_ratio, **settings)
    theirs.fit(X, y, sample_weight=weight)
    ours = WeightDecayCV(alphas, l1_ratio=l1_ratio, cv=cv).fit(X, y, weight)
    assert relative_difference(ours.alphas_, theirs.alphas_[::-1]) == 0
    assert relative_difference(ours.mse_path_, theirs.mse_path_[::-1]) <= L1
    mean = theirs.mse_path_.mean(axis=1)  # as LassoCV from some release on, weights or not
    assert ours.alpha_ == pytest.approx(theirs.alphas_[np.argmin(mean)])
    assert relative_difference(ours.best_score_, -mean.min()) <= L1
    if weight is None:
        assert_same(ours, theirs, L1)


@pytest.mark.parametrize("cv", [4, KFold(4), list(KFold(4).split(np.zeros(442)))], ids=str)
def test_folds_are_those_of_scikit_learn(backend: str, cv: Any) -> None:
    X, y, weight = PROBLEMS["weights"]
    ours = WeightDecayCV([0.1, 0.001, 0.01], cv=cv, backend=backend).fit(X, y, weight)
    assert ours.alphas_.tolist() == [0.001, 0.01, 0.1]
    for k, (train, test) in enumerate(KFold(4).split(X)):
        for alpha, mse in zip(ours.alphas_, ours.mse_path_[:, k], strict=True):
            one = Ridge(alpha * weight[train].sum(), solver="svd").fit(
                X[train], y[train], weight[train]
            )
            error = np.average((one.predict(X[test]) - y[test]) ** 2, weights=weight[test])
            assert relative_difference(mse, error) <= RIDGE


def test_weights_in_cross_validation(backend: str) -> None:
    """Weight 2 is the row twice in the same fold, weight 0 no row."""
    X, y, weight = PROBLEMS["weights"]
    folds = np.arange(len(y)) % 5
    rows = np.repeat(np.arange(len(y)), weight.astype(int))
    by_weight = [(np.flatnonzero(folds != k), np.flatnonzero(folds == k)) for k in range(5)]
    repeated = [
        (np.flatnonzero(folds[rows] != k), np.flatnonzero(folds[rows] == k)) for k in range(5)
    ]
    weighted = WeightDecayCV(GRID, cv=by_weight, backend=backend).fit(X, y, weight)
    plain = WeightDecayCV(GRID, cv=repeated, backend=backend).fit(X[rows], y[rows])
    assert relative_difference(weighted.mse_path_, plain.mse_path_) <= RIDGE
    assert_same(weighted, plain, RIDGE)


def test_the_larger_alpha_within_one_standard_error(backend: str) -> None:
    X, y, _ = PROBLEMS["diabetes"]
    best = WeightDecayCV(GRID, backend=backend).fit(X, y)
    large = WeightDecayCV(GRID, rule="one-se", backend=backend).fit(X, y)
    mean = best.mse_path_.mean(axis=1)
    error = best.mse_path_.std(axis=1, ddof=1) / np.sqrt(5)
    within = GRID[mean <= mean.min() + error[np.argmin(mean)]]
    assert (best.alpha_, best.one_se_alpha_) == (GRID[np.argmin(mean)], within[-1])
    assert large.alpha_ == large.one_se_alpha_ == within[-1] > best.alpha_
    assert best.best_score_ == pytest.approx(-mean.min())
    assert_same(large, WeightDecayRegressor(within[-1]).fit(X, y), RIDGE)
    assert best.result_.lambd == best.alpha_


def test_standardised_inputs_in_the_units_of_x(backend: str) -> None:
    X, y, weight = PROBLEMS["weights"]
    X = X * np.geomspace(0.01, 100, 10)
    ours = WeightDecayCV([0.1], standardize=True, backend=backend).fit(X, y, weight)
    pipeline = make_pipeline(StandardScaler(), Ridge(0.1 * weight.sum(), solver="svd"))
    pipeline.fit(X, y, standardscaler__sample_weight=weight, ridge__sample_weight=weight)
    assert relative_difference(ours.coef_, pipeline[-1].coef_ / pipeline[0].scale_) <= RIDGE
    assert relative_difference(ours.predict(X), pipeline.predict(X)) <= RIDGE


def test_an_automatic_grid_holds_its_best(backend: str) -> None:
    X, y, _ = PROBLEMS["diabetes"]
    for l1_ratio in (0.0, 1.0):
        ours = WeightDecayCV(40, l1_ratio=l1_ratio, backend=backend).fit(X, y)
        assert ours.alphas_.shape == (40,)
        assert ours.alphas_[0] < ours.alpha_ < ours.alphas_[-1]
    largest = np.max(np.abs((X - X.mean(axis=0)).T @ (y - y.mean()))) / len(y)
    assert relative_difference(ours.alphas_[-1], largest) <= RIDGE


def test_the_edge_of_the_grid_is_told_and_extended(backend: str) -> None:
    X, y, _ = PROBLEMS["diabetes"]
    with pytest.warns(EdgeOfGridWarning, match="larger ones"):
        WeightDecayCV("1e-6:1e-5:3", backend=backend).fit(X, y)
    ours = WeightDecayCV("1e-6:1e-5:3", extend=True, backend=backend).fit(X, y)
    assert ours.alphas_[0] == 1e-6
    assert ours.alphas_[-1] > ours.alpha_ > 1e-5


def test_sgd_chooses_alpha_and_epochs(backend: str) -> None:
    X, y, weight = PROBLEMS["weights"]
    ours = WeightDecayCV(
        [0.01, 0.1, 1, 10], solver="sgd", epochs=15, cv=3, random_state=0, lr=0.05, backend=backend
    )
    ours.fit(X, y, weight)
    assert 1 <= ours.n_iter_ <= 15
    again = WeightDecayRegressor(
        ours.alpha_,
        solver="sgd",
        epochs=ours.n_iter_,
        random_state=0,
        lr=0.05,
        backend=backend,
    )
    assert_same(again.fit(X, y, weight), ours, RIDGE)


@pytest.mark.filterwarnings("ignore:the best")
def test_groups_go_to_the_splitter(backend: str) -> None:
    X, y, _ = PROBLEMS["diabetes"]
    groups = np.arange(len(y)) // 17
    splits = list(GroupKFold(4).split(X, y, groups))
    expected = WeightDecayCV(GRID, cv=splits, backend=backend).fit(X, y)
    grouped = WeightDecayCV(GRID, cv=GroupKFold(4), backend=backend)
    for routing in (False, True):
        with config_context(enable_metadata_routing=routing):
            ours = clone(grouped).fit(X, y, groups=groups)
            assert relative_difference(ours.mse_path_, expected.mse_path_) == 0
    with pytest.raises(ValueError, match="groups"):
        clone(grouped).fit(X, y)
    with config_context(enable_metadata_routing=True):
        with pytest.raises(TypeError, match="groups"):
            WeightDecayCV(GRID).fit(X, y, groups=groups)
        inside = make_pipeline(StandardScaler(), grouped).fit(X, y, groups=groups)
        assert inside[-1].mse_path_.shape == (30, 4)
        found = cross_validate(grouped, X, y, cv=GroupKFold(3), params={"groups": groups})
        assert len(found["test_score"]) == 3
    with pytest.raises(InputError, match="fit was passed colour"):
        clone(grouped).fit(X, y, groups=groups, colour=y)


def test_splitters_draw_what_they_draw() -> None:
    X, y, _ = PROBLEMS["diabetes"]
    cv = ShuffleSplit(3, test_size=0.5, random_state=0)
    assert_same(WeightDecayCV(cv=cv).fit(X, y), WeightDecayCV(cv=list(cv.split(X))).fit(X, y), 0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"alphas": []}, "empty"),
        ({"alphas": [-1.0]}, "-1"),
        ({"alphas": 1}, "at least 2"),
        ({"cv": "LOO"}, "cv is 'LOO'"),
        ({"cv": [([0, 1], [500])]}, "fold 1"),
        ({"rule": "worst"}, "unknown rule 'worst'"),
        ({"standardize": "yes"}, "standardize is 'yes'"),
        ({"extend": 1}, "extend is 1"),
        ({"solver": "sgd", "extend": True}, "extend is for the solver 'exact'"),
        ({"solver": "sgd", "fit_intercept": False}, "goes with solver='exact'"),
        ({"solver": "adam"}, "unknown solver 'adam'"),
    ],
)
def test_a_parameter_that_cannot_choose(settings: dict[str, Any], message: str) -> None:
    X, y, _ = PROBLEMS["diabetes"]
    with pytest.raises(InputError) as caught:
        WeightDecayCV(**settings).fit(X, y)
    assert message in str(caught.value)


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
def test_sparse_inputs_are_cross_validated(backend: str, l1_ratio: float) -> None:
    rng = np.random.default_rng(0)
    dense = rng.standard_normal((60, 8)) * (rng.uniform(size=(60, 8)) < 0.3)
    y = dense @ np.arange(8.0) + 3 + rng.standard_normal(60)
    alphas = np.geomspace(1e-3, 1, 10)
    ours, theirs = (
        WeightDecayCV(alphas, l1_ratio=l1_ratio, backend=backend).fit(X, y)
        for X in (sparse.csr_matrix(dense), dense)
    )
    assert relative_difference(ours.mse_path_, theirs.mse_path_) <= L1
    assert_same(ours, theirs, L1)


IMPORTING = "import sys; import weightdecay, weightdecay.cli, weightdecay.estimators; "


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_importing_costs_nothing() -> None:
    assert run(IMPORTING + "print('sklearn' in sys.modules)").stdout.strip() == "False"
    loading = IMPORTING + "weightdecay.estimators.WeightDecayCV; print('sklearn' in sys.modules)"
    assert run(loading).stdout.strip() == "True"


@pytest.mark.parametrize("name", ["WeightDecayRegressor", "WeightDecayCV"])
def test_without_scikit_learn_the_extra_is_named(name: str) -> None:
    done = run(
        "import sys; sys.modules['sklearn'] = None\n"
        "from weightdecay.errors import MissingExtraError\n"
        f"try:\n    from weightdecay.estimators import {name}\n"
        "except MissingExtraError as error:\n    print(error)\n"
    )
    assert f"weightdecay.estimators.{name} needs the extra 'sklearn'" in done.stdout
