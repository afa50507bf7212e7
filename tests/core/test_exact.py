"""The closed form and the certificates, against scikit-learn and against their own definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import ElasticNet, Lasso, Ridge

from tests.tolerances import CERTIFICATE, L1, PARITY, RIDGE, relative_difference
from weightdecay import Experiment, exact, fit, from_arrays
from weightdecay.exact import certify, reduce, ridge
from weightdecay.ops import Parameters
from weightdecay.penalty import strength

SHAPES = [(40, 7), (12, 30), (5000, 3)]


def draw(n: int, p: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) + 0.5
    w = np.where(np.arange(p) < 3, 2.0, 0)
    return X, X @ w + 3 + 0.1 * rng.standard_normal(n)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_ridge_is_scikit_learns(shape: tuple[int, int], weighted: bool) -> None:
    X, y = draw(*shape)
    weight = np.random.default_rng(1).uniform(0, 2, len(y)) if weighted else None
    data = from_arrays(X, y, sample_weight=weight)
    lambd = 0.3
    theta = ridge(reduce(data), np.array([0.0] + [lambd] * shape[1]))
    theirs = Ridge(alpha=len(y) * lambd, solver="svd").fit(X, y, data.weight_train)
    assert relative_difference(theta, np.append(theirs.intercept_, theirs.coef_)) <= RIDGE


def test_ridge_with_factors_is_ridge_on_scaled_columns() -> None:
    X, y = draw(40, 7)
    factor = np.array([1, 4, 0.25, 9, 1, 1, 2])
    theta = ridge(reduce(from_arrays(X, y)), np.append(0, 0.3 * factor))
    theirs = Ridge(alpha=40 * 0.3, solver="svd").fit(X / np.sqrt(factor), y)
    expected = np.append(theirs.intercept_, theirs.coef_ / np.sqrt(factor))
    assert relative_difference(theta, expected) <= RIDGE


def test_unpenalised_inputs_are_least_squares_of_the_rest() -> None:
    """With all factors 0 but one huge, the rest are ordinary least squares."""
    X, y = draw(40, 4)
    theta = ridge(reduce(from_arrays(X, y)), np.array([0, 0, 0, 0, 1e14]))
    A = np.column_stack([np.ones(40), X[:, :3]])
    expected = np.append(np.linalg.lstsq(A, y, rcond=None)[0], 0)
    assert relative_difference(theta, expected) <= RIDGE


def test_a_repeated_row_is_a_row_of_weight_two() -> None:
    X, y = draw(12, 30)
    doubled = ridge(reduce(from_arrays(X, y, sample_weight=[2.0] + [1.0] * 11)), np.full(31, 0.1))
    repeated = ridge(
        reduce(from_arrays(np.vstack([X[:1], X]), np.append(y[0], y))), np.full(31, 0.1)
    )
    assert relative_difference(doubled, repeated) <= RIDGE


def test_columns_far_from_zero_keep_their_digits() -> None:
    """The bias takes up the means, which are a million times the spread."""
    X, y = draw(40, 4)
    theta = ridge(reduce(from_arrays(X + 2.0**20, y)), np.append(0, np.full(4, 0.2)))
    theirs = Ridge(alpha=40 * 0.2, solver="svd").fit(X - X.mean(axis=0), y)
    assert relative_difference(theta[1:], theirs.coef_) <= RIDGE


def test_constant_and_duplicated_columns() -> None:
    X, y = draw(40, 4)
    X = np.column_stack([X, X[:, 0], np.ones(40)])
    theta = ridge(reduce(from_arrays(X, y)), np.append(0, np.full(6, 0.2)))
    theirs = Ridge(alpha=40 * 0.2, solver="svd").fit(X, y)
    assert relative_difference(theta, np.append(theirs.intercept_, theirs.coef_)) <= RIDGE


@pytest.mark.parametrize("condition", [1e2, 1e5, 1e7])
def test_ill_conditioned_inputs_keep_their_digits(condition: float) -> None:
    """At 1e7 the normal equations would keep two digits."""
    rng = np.random.default_rng(3)
    U, _ = np.linalg.qr(rng.standard_normal((9000, 6)))
    V, _ = np.linalg.qr(rng.standard_normal((6, 6)))
    X = U * np.geomspace(1, 1 / condition, 6) @ V.T
    y = X @ np.ones(6)
    theta = ridge(reduce(from_arrays(X, y)), np.zeros(7))
    assert relative_difference(theta[1:], np.ones(6)) <= RIDGE


@pytest.mark.parametrize("weighted", [False, True])
def test_both_ways_of_reducing_are_the_same_problem(weighted: bool) -> None:
    X, y = draw(9000, 5)
    weight = np.random.default_rng(1).uniform(0, 2, len(y)) if weighted else None
    data = from_arrays(X, y, sample_weight=weight)
    products, rotations = exact._by_products(data), exact._by_rotations(data)
    assert products is not None
    assert reduce(data).A.shape == (6, 6)  # many rows: by products
    for part in (
        lambda problem: problem.A.T @ problem.A,
        lambda problem: problem.A.T @ problem.t,
        lambda problem: ridge(problem, np.append(0, np.full(5, 0.1))),
    ):
        assert relative_difference(part(products), part(rotations)) <= PARITY["float64"]


def test_dependent_columns_are_reduced_by_rotations() -> None:
    X, y = draw(9000, 5)
    X = np.column_stack([X, X[:, 0], np.ones(9000)])
    data = from_arrays(X, y)
    assert exact._by_products(data) is None
    theta = ridge(reduce(data), np.append(0, np.full(7, 0.2)))
    theirs = Ridge(alpha=9000 * 0.2, solver="svd").fit(X, y)
    assert relative_difference(theta, np.append(theirs.intercept_, theirs.coef_)) <= RIDGE


@pytest.mark.parametrize("penalize_bias", [False, True])
@pytest.mark.parametrize("factors", [None, (1.0, 0.0, 2.0, 0.5)])
@pytest.mark.parametrize("penalty", ["none", "l2", "l1", "elasticnet"])
def test_certificate_at_and_off_the_optimum(
    penalty: str, factors: tuple[float, ...] | None, penalize_bias: bool
) -> None:
    """At a trained optimum both certificates vanish; off it both speak, and the gap is a bound."""
    X, y = draw(30, 4)
    data = from_arrays(X, y)
    experiment = Experiment(
        penalty=penalty,
        lambd=0.0 if penalty == "none" else 0.2,
        penalty_factors=factors,
        penalize_bias=penalize_bias,
        lr=0.15,
        batch_size="full",
        epochs=6000,
    )
    result = fit(experiment, data, backend="numpy")
    (at_optimum,) = result.certificates
    scale = float(np.mean(y**2))
    assert at_optimum.kkt_residual <= CERTIFICATE * scale
    assert 0 <= at_optimum.optimum_gap <= CERTIFICATE * scale
    assert at_optimum.gap_is == ("exact" if penalty in ("none", "l2") else "upper bound")

    @given(st.integers(0, 2**32 - 1))
    def check(seed: int) -> None:
        shift = np.random.default_rng(seed).standard_normal(5)
        off = Parameters(result.params.w + shift[1:, None], result.params.b + shift[0])
        strengths = strength(experiment, data.columns)
        (certificate,) = certify(data, strengths, off)
        true_gap = objective(data, off, strengths) - objective(data, result.params, strengths)
        assert certificate.kkt_residual > CERTIFICATE * scale
        if certificate.gap_is == "exact":
            assert certificate.optimum_gap == pytest.approx(true_gap, rel=RIDGE)
        else:
            assert certificate.optimum_gap >= true_gap * (1 - CERTIFICATE)

    check()


def objective(data, params, strengths) -> float:  # type: ignore[no-untyped-def]
    """J, term by term, as the docstring of `Experiment` writes it."""
    w, b = params.w[:, 0], params.b[0]
    r = data.X_train @ w + b - data.y_train
    l1, l2 = (np.broadcast_to(s.w, params.w.shape)[:, 0] for s in strengths)
    l1_b, l2_b = (s.b[0] for s in strengths)
    of_weights = np.sum(l2 * w**2) / 2 + np.sum(l1 * abs(w))
    return float(np.mean(r**2) / 2 + of_weights + l2_b * b**2 / 2 + l1_b * abs(b))


def test_training_converges_to_the_closed_form(backend: str) -> None:
    X, y = draw(30, 5)
    data = from_arrays(X, y)
    experiment = Experiment(lambd=0.4, lr=0.2, batch_size="full", epochs=2000)
    result = fit(experiment, data, backend=backend)
    found = np.append(result.params.b, result.params.w[:, 0])
    theirs = Ridge(alpha=30 * 0.4, solver="svd").fit(X, y)
    assert relative_difference(found, np.append(theirs.intercept_, theirs.coef_)) <= RIDGE
    optimum = result.certificates[0].optimum
    assert optimum is not None
    assert relative_difference(found, np.append(optimum.b, optimum.w)) <= RIDGE


@pytest.mark.parametrize("penalty", ["l1", "elasticnet"])
def test_proximal_training_converges_to_scikit_learns(backend: str, penalty: str) -> None:
    X, y = draw(60, 12)
    experiment = Experiment(
        penalty=penalty,
        lambd=0.3,
        l1_ratio=0.7,
        lr=0.1,
        batch_size="full",
        epochs=3000,
    )
    result = fit(experiment, from_arrays(X, y), backend=backend)
    settings = {"tol": 1e-14, "max_iter": 1_000_000}
    theirs = (
        Lasso(alpha=0.3, **settings)
        if penalty == "l1"
        else ElasticNet(alpha=0.3, l1_ratio=0.7, **settings)
    ).fit(X, y)
    found = np.append(result.params.b, result.params.w[:, 0])
    assert relative_difference(found, np.append(theirs.intercept_, theirs.coef_)) <= L1
    assert ((result.params.w[:, 0] == 0) == (theirs.coef_ == 0)).all()
    assert 0 < np.count_nonzero(theirs.coef_) < 12
