"""Ridge paths: against scikit-learn, least squares with appended rows, and an SVD."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_diabetes, make_regression
from sklearn.linear_model import Ridge, RidgeCV

from tests.tolerances import PARITY, RIDGE, relative_difference
from weightdecay.errors import IllConditionedWarning, InputError
from weightdecay.ops import Ops
from weightdecay.paths import ridge
from weightdecay.paths.evidence import evidence
from weightdecay.paths.examples import Examples, Formulation, Split, examples
from weightdecay.paths.leave_one_out import leave_one_out
from weightdecay.registry import load

LAMBDAS = np.geomspace(1e-3, 1e2, 5)


@pytest.fixture
def ops(backend: str) -> Ops:
    return load(backend)


def drawn(n: int, p: int, targets: int = 1, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Columns of different scale and far from 0."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) * rng.uniform(0.1, 10, p) + rng.uniform(-100, 100, p)
    Y = (X - X.mean(0)) @ rng.standard_normal((p, targets)) + rng.standard_normal((n, targets))
    return X, Y


def appended(data: Examples, formulation: Formulation, lambd: float) -> tuple[Any, Any]:
    """w and b by least squares with rows √(λ fⱼ) sⱼ below X, from LAPACK alone."""
    c = data.share[:, None]
    p = data.num_inputs
    s = np.ones(p)
    if formulation.standardize:
        s = np.sqrt(c[:, 0] @ (data.X - c[:, 0] @ data.X) ** 2)
    f = np.ones(p) if formulation.factors is None else formulation.factors
    A = np.concatenate([np.sqrt(c) * data.X, np.diag(np.sqrt(lambd * f) * s)])
    one = np.concatenate([np.sqrt(c), np.zeros((p, 1))])
    A = np.column_stack([A, one]) if formulation.intercept else A
    t = np.concatenate([np.sqrt(c) * data.Y, np.zeros((p, data.num_targets))])
    theta = np.linalg.lstsq(A, t, rcond=None)[0]
    return theta[:p], theta[p] if formulation.intercept else np.zeros(data.num_targets)


@given(
    shape=st.sampled_from([(40, 6, 1), (12, 25, 2), (15, 15, 1)]),
    weighted=st.booleans(),
    intercept=st.booleans(),
    standardize=st.booleans(),
    with_factors=st.booleans(),
    seed=st.integers(0, 5),
)
def agrees_with_appended_rows(
    ops: Ops,
    shape: tuple[int, int, int],
    weighted: bool,
    intercept: bool,
    standardize: bool,
    with_factors: bool,
    seed: int,
) -> None:
    n, p, targets = shape
    X, Y = drawn(n, p, targets, seed)
    rng = np.random.default_rng(seed)
    weight = rng.integers(0, 4, n).astype(float) if weighted else None
    factors = np.concatenate([[0, 2.5, 0], rng.uniform(0.5, 2, p - 3)]) if with_factors else None
    data = examples(X, Y, weight)
    formulation = Formulation(0.0, factors, intercept, standardize)
    path = ridge.path(data, formulation, LAMBDAS, ops)
    for i, lambd in enumerate(LAMBDAS):
        w, b = appended(data, formulation, lambd)
        assert relative_difference(path.w[:, i], w) <= RIDGE
        assert relative_difference(path.b[i], b) <= RIDGE


def test_agrees_with_least_squares_with_appended_rows(ops: Ops) -> None:
    agrees_with_appended_rows(ops)


@pytest.mark.parametrize("table", ["diabetes", "wide"])
@pytest.mark.parametrize("weighted", [False, True])
def test_agrees_with_ridge(ops: Ops, table: str, weighted: bool) -> None:
    if table == "diabetes":
        X, y = load_diabetes(return_X_y=True, scaled=False)
    else:
        X, y = make_regression(40, 120, noise=3.0, random_state=0)
    n = len(y)
    weight = np.random.default_rng(1).uniform(0, 3, n) if weighted else None
    path = ridge.path(examples(X, y, weight), Formulation(), LAMBDAS, ops)
    mass = n if weight is None else weight.sum()
    for i, lambd in enumerate(LAMBDAS):
        model = Ridge(alpha=lambd * mass, solver="cholesky" if table == "diabetes" else "svd")
        model.fit(X, y, weight)
        assert relative_difference(path.w[:, i, 0], model.coef_) <= RIDGE
        assert relative_difference(path.b[i], [model.intercept_]) <= RIDGE


@pytest.mark.parametrize("shape", [(30, 4), (6, 9)])
def test_weight_two_is_the_row_twice_and_weight_zero_no_row(
    ops: Ops, shape: tuple[int, int]
) -> None:
    X, y = drawn(*shape)
    weight = np.resize([2.0, 1.0, 0.0], shape[0])
    rows = np.repeat(np.arange(shape[0]), weight.astype(int))
    for formulation in (Formulation(), Formulation(standardize=True)):
        weighed = ridge.path(examples(X, y, weight), formulation, LAMBDAS, ops)
        repeated = ridge.path(examples(X[rows], y[rows]), formulation, LAMBDAS, ops)
        assert relative_difference(weighed.w, repeated.w) <= RIDGE
        assert relative_difference(weighed.b, repeated.b) <= RIDGE


@pytest.mark.parametrize("n", [30, 5])
def test_constant_and_duplicated_columns(ops: Ops, n: int) -> None:
    """Constant columns get no weight, duplicated ones share theirs evenly, λ = 0 has an answer."""
    X, y = drawn(n, 4)
    X = np.column_stack([X, np.full(n, 0.1), X[:, 0]])
    for formulation in (Formulation(), Formulation(standardize=True)):
        path = ridge.path(examples(X, y), formulation, np.array([0.0, 1e-9, 1.0]), ops)
        assert not path.w[4].any()
        assert relative_difference(path.w[5], path.w[0]) <= RIDGE
        fitted = X @ path.w[:, 0] + path.b[0]
        centred = X - X.mean(0)
        best = y.mean() + centred @ np.linalg.lstsq(centred, y - y.mean(), rcond=None)[0]
        assert relative_difference(fitted, best) <= RIDGE


@pytest.mark.parametrize("shape", [(60, 12), (300, 12), (10, 20)])
def test_ill_conditioned_inputs_keep_their_digits(ops: Ops, shape: tuple[int, int]) -> None:
    """The reference is the answer in closed form from the SVD that made X, not one of X itself."""
    rng = np.random.default_rng(0)
    r = min(shape)
    U = np.linalg.qr(rng.standard_normal((shape[0], r)))[0]
    V = np.linalg.qr(rng.standard_normal((shape[1], r)))[0]
    y = rng.standard_normal(shape[0])
    for condition in (1e3, 1e6, 1e8):
        X = U * np.geomspace(1, 1 / condition, r) @ V.T
        left, sigma, right = np.linalg.svd(X, full_matrices=False)
        lambdas = np.array([1e-14, 1e-8, 1e-3])
        path = ridge.path(examples(X, y), Formulation(intercept=False), lambdas, ops)
        for i, lambd in enumerate(lambdas):
            w = right.T @ (sigma / (sigma**2 + shape[0] * lambd) * (left.T @ y))
            assert relative_difference(path.w[:, i, 0], w) <= RIDGE


def test_beyond_that_a_warning_says_so(ops: Ops) -> None:
    X, y = drawn(50, 3)
    X[:, 2] = X[:, 0] + 1e-9 * np.random.default_rng(1).standard_normal(50)
    with pytest.warns(IllConditionedWarning, match=r"at λ = 0 the condition number is .*e\+"):
        ridge.path(examples(X, y), Formulation(), np.zeros(1), ops)
    ridge.path(examples(X, y), Formulation(), np.ones(1), ops)  # and not where λ helps


def test_float32(backend: str) -> None:
    X, y = drawn(50, 5)
    X -= X.mean(0)
    in_32 = ridge.path(examples(X, y), Formulation(), LAMBDAS, load(backend, "float32"))
    in_64 = ridge.path(examples(X, y), Formulation(), LAMBDAS, load(backend))
    assert relative_difference(in_32.w, in_64.w) <= PARITY["float32"]


@pytest.mark.parametrize("shape", [(25, 4, 1), (8, 20, 2), (10, 9, 1)])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("intercept", [False, True])
def test_leave_one_out_is_leaving_out_one_by_one(
    ops: Ops, shape: tuple[int, int, int], weighted: bool, intercept: bool
) -> None:
    X, Y = drawn(*shape)
    n = shape[0]
    weight = np.resize([1.0, 3.0, 0.5, 0.0], n) if weighted else None
    factors = np.concatenate([[0.0], np.linspace(0.5, 2, shape[1] - 1)])
    formulation = Formulation(0.0, factors, intercept)
    data = examples(X, Y, weight)
    loss = leave_one_out(data, formulation, LAMBDAS, ops)
    for i in range(n):
        if data.share[i] == 0:
            assert not loss[:, i].any()
            continue
        rest = examples(*(np.delete(part, i, axis=0) for part in (X, Y, data.share)))
        for k, lambd in enumerate(LAMBDAS):
            w, b = appended(rest, formulation, lambd / (1 - data.share[i]))
            expected = np.mean((X[i] @ w + b - Y[i]) ** 2) / 2
            assert relative_difference([loss[k, i]], [expected]) <= RIDGE


def test_leave_one_out_chooses_as_ridgecv_does(ops: Ops) -> None:
    for X, y in (load_diabetes(return_X_y=True), make_regression(30, 60, noise=5, random_state=0)):
        n = len(y)
        alphas = np.geomspace(1e-3, 1e4, 40)
        model = RidgeCV(alphas, store_cv_results=True).fit(X, y)
        loss = leave_one_out(examples(X, y), Formulation(), alphas / n, ops)
        assert alphas[np.argmin(loss.mean(axis=1))] == model.alpha_
        assert relative_difference(2 * loss.T, model.cv_results_) <= RIDGE


def test_a_row_that_the_others_cannot_predict_is_infinitely_bad(ops: Ops) -> None:
    """The only row in which an unpenalised input is not 0."""
    X = np.array([[0.0, 1.0], [0.0, 2.0], [0.0, 4.0], [1.0, 3.0]])
    formulation = Formulation(0.0, np.array([0.0, 1.0]))
    loss = leave_one_out(examples(X, [1.0, 2.0, 3.0, 5.0]), formulation, np.ones(1), ops)
    assert np.isfinite(loss[0, :3]).all()
    assert np.isinf(loss[0, 3])


SPLITS = {
    "folds": lambda n: [(np.setdiff1d(np.arange(n), h), h) for h in np.arange(n).reshape(4, -1)],
    "in time": lambda n: [(np.arange(k), np.arange(k, k + 5)) for k in (10, 15, n - 5)],
    "overlapping": lambda n: [(np.arange(5, n), np.arange(5)), (np.arange(3, n), np.arange(3))],
    "with rows twice": lambda n: [(np.r_[0:12, 0:6], np.arange(12, n))],
    "few to train with": lambda n: [(np.arange(4), np.arange(4, n))],
}


@pytest.mark.parametrize("kind", SPLITS)
@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_cross_validation_is_fitting_every_fold_apart(
    ops: Ops, kind: str, standardize: bool, weighted: bool
) -> None:
    n = 24
    X, Y = drawn(n, 6, 2)
    X[:, 5] = np.arange(n) < 3  # constant in some of the folds
    weight = np.resize([1.0, 2.0, 0.5], n) if weighted else None
    data, formulation = examples(X, Y, weight), Formulation(standardize=standardize)
    splits = [Split(*pair) for pair in SPLITS[kind](n)]
    loss = ridge.cross_validate(data, formulation, LAMBDAS, splits, ops)
    for k, split in enumerate(splits):
        alone = data.take(split.train)
        c = data.share[split.held_out] / data.share[split.held_out].sum()
        for i, lambd in enumerate(LAMBDAS):
            varies = np.ptp(alone.X, axis=0) > 0
            part = examples(alone.X[:, varies], alone.Y, alone.weight)
            w, b = appended(part, formulation, lambd)
            r = X[split.held_out][:, varies] @ w + b - Y[split.held_out]
            assert relative_difference([loss[i, k]], [np.mean(c @ r**2) / 2]) <= RIDGE


def test_a_fold_without_weight_is_refused(ops: Ops) -> None:
    X, y = drawn(6, 2)
    data = examples(X, y, [1, 1, 1, 1, 0, 0])
    split = Split(np.arange(4), np.array([4, 5]))
    with pytest.raises(InputError, match="fold 1 has no row of positive weight to validate with"):
        ridge.cross_validate(data, Formulation(), LAMBDAS, [split], ops)


@pytest.mark.parametrize("shape", [(40, 6), (12, 30)])
def test_sparse_inputs_are_the_same_inputs(ops: Ops, shape: tuple[int, int]) -> None:
    from scipy import sparse

    X = sparse.random(*shape, density=0.3, random_state=0, format="csr")
    X.data += 1
    X = X.tolil()
    X[:, 1] = 0.7  # constant, without a zero
    X = X.tocsr()
    y = np.random.default_rng(0).standard_normal(shape[0])
    splits = [Split(np.arange(6, shape[0]), np.arange(6)), Split(np.arange(6), np.arange(6, 12))]
    for formulation in (
        Formulation(),
        Formulation(standardize=True),
        Formulation(intercept=False),
    ):
        sparse_data, dense_data = examples(X, y), examples(X.toarray(), y)
        sparse_path = ridge.path(sparse_data, formulation, LAMBDAS, ops)
        dense_path = ridge.path(dense_data, formulation, LAMBDAS, ops)
        assert relative_difference(sparse_path.w, dense_path.w) <= RIDGE
        assert relative_difference(sparse_path.b, dense_path.b) <= RIDGE
        found, expected = (
            ridge.cross_validate(data, formulation, LAMBDAS, splits, ops)
            for data in (sparse_data, dense_data)
        )
        assert relative_difference(found, expected) <= RIDGE


@pytest.mark.parametrize("shape", [(20, 4), (8, 15)])
def test_evidence_is_the_density_of_a_gaussian(ops: Ops, shape: tuple[int, int]) -> None:
    """Against the determinant and the inverse of the covariance matrix of y."""
    n, p = shape
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal(shape), rng.standard_normal((n, 1))
    data, formulation = examples(X, y), Formulation(intercept=False)
    lambdas = np.array([1e-3, 0.1, 2.0])
    found = evidence(ridge.decompose(data, formulation, 1e-3, ops), lambdas, n)
    for i, lambd in enumerate(lambdas):
        covariance = np.eye(n) + X @ X.T / (n * lambd)
        variance = (y.T @ np.linalg.solve(covariance, y)).item() / n
        _, log_determinant = np.linalg.slogdet(2 * np.pi * variance * covariance)
        expected = -(log_determinant + n) / 2
        assert relative_difference([found.log_evidence[i]], [expected]) <= RIDGE
        hat = X @ np.linalg.solve(X.T @ X + n * lambd * np.eye(p), X.T)
        assert relative_difference([found.effective[i]], [np.trace(hat)]) <= RIDGE
        r = y - hat @ y
        noise = (r.T @ r).item() / (n - np.trace(hat))
        assert relative_difference(found.noise_variance[i], [noise]) <= RIDGE


@pytest.mark.parametrize("shape", [(20, 4), (8, 15)])
def test_evidence_does_not_see_what_is_free(ops: Ops, shape: tuple[int, int]) -> None:
    """With an intercept it is that of n − 1 orthonormal contrasts, which no mean reaches."""
    n, _ = shape
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal(shape), rng.standard_normal(n)
    contrasts = np.linalg.svd(np.ones((n, 1)))[0][:, 1:].T
    found = evidence(ridge.decompose(examples(X, y), Formulation(), 0.1, ops), np.ones(1), n)
    # λ is beside a mean over rows: n of them on the one side, n − 1 on the other
    alone = examples(contrasts @ X, contrasts @ y)
    lambd = np.array([n / (n - 1)])
    other = evidence(ridge.decompose(alone, Formulation(intercept=False), 0.1, ops), lambd, n - 1)
    assert relative_difference(found.log_evidence, other.log_evidence) <= RIDGE
    assert relative_difference(found.noise_variance, other.noise_variance) <= RIDGE


@pytest.mark.parametrize(
    ("X", "y", "weight", "message"),
    [
        ([1.0, 2.0], [1.0, 2.0], None, r"X has shape \(2,\)"),
        ([[1.0], [2.0]], [1.0], None, r"y has shape \(1,\)"),
        ([[1.0], [np.nan]], [1.0, 2.0], None, "column 'x0', row 2: the value is missing"),
        ([["a"], ["b"]], [1.0, 2.0], None, "X does not hold numbers"),
        ([[1.0], [2.0]], [1.0, 2.0], [1.0, -1.0], "row 2: -1 is negative"),
        ([[1.0], [2.0]], [1.0, 2.0], [0.0, 0.0], "0 for every row"),
        (np.empty((0, 2)), [], None, "at least one of each"),
    ],
)
def test_what_cannot_be_fitted_is_said(X: Any, y: Any, weight: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        examples(X, y, weight)


def test_inputs_far_from_zero_keep_their_digits(ops: Ops) -> None:
    """The covariance of columns whose mean is a million times their deviation."""
    X, Y = drawn(40, 5)
    far = X - X.mean(0) + 1e7
    path = ridge.path(examples(far, Y), Formulation(), LAMBDAS, ops)
    near = ridge.path(examples(far - 1e7, Y), Formulation(), LAMBDAS, ops)
    assert relative_difference(path.w, near.w) <= RIDGE


def test_a_penalised_input_that_nearly_is_a_free_one(ops: Ops) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((30, 3)), rng.standard_normal((30, 1))
    X[:, 1] = X[:, 0] + 1e-6 * X[:, 1]
    formulation = Formulation(0.0, np.array([0.0, 1.0, 1.0]))
    lambdas = np.array([1e-16, 1e-13])
    path = ridge.path(examples(X, y), formulation, lambdas, ops)
    for i, lambd in enumerate(lambdas):
        w, _ = appended(examples(X, y), formulation, lambd)
        assert relative_difference(path.w[:, i], w) <= RIDGE


def test_leave_one_out_of_dependent_inputs(ops: Ops) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((20, 3)), rng.standard_normal((20, 1))
    X[:, 2] = X[:, 0] + 1e-5 * X[:, 2]
    lambdas = np.array([1e-12, 1e-8])
    loss = leave_one_out(examples(X, y), Formulation(), lambdas, ops)
    for i in range(20):
        rest = examples(np.delete(X, i, axis=0), np.delete(y, i, axis=0))
        for k, lambd in enumerate(lambdas):
            w, b = appended(rest, Formulation(), lambd * 20 / 19)
            expected = ((X[i] @ w + b - y[i]) ** 2).item() / 2
            assert relative_difference([loss[k, i]], [expected]) <= RIDGE
