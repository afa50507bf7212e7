"""L1 and elastic-net paths: against scikit-learn, and certified from the data alone."""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.datasets import load_diabetes, make_regression
from sklearn.linear_model import ElasticNet, Lasso, LinearRegression
from sklearn.model_selection import KFold, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.tolerances import CERTIFICATE, L1, RIDGE, relative_difference
from weightdecay import exact, registry
from weightdecay.errors import IllConditionedWarning, InputError, MissingExtraError
from weightdecay.paths import descent, lasso, passes, prepared, ridge
from weightdecay.paths import examples as checked
from weightdecay.paths.examples import Examples, Formulation, Path, Split
from weightdecay.paths.optimality import Optimality, certify

RATIOS = (1.0, 0.5, 0.05)
NUMPY = registry.load("numpy")


def diabetes() -> tuple[Any, Any]:
    X, y = load_diabetes(return_X_y=True, scaled=False)
    return X, y


def wide(n: int = 40, p: int = 100) -> tuple[Any, Any]:
    X, y = make_regression(n, p, n_informative=8, noise=5.0, random_state=1)
    return X, y + 3


def small(seed: int = 0, n: int = 30, p: int = 6, targets: int = 1) -> Examples:
    draw = np.random.default_rng(seed)
    X = draw.normal(size=(n, p)) @ draw.normal(size=(p, p)) + 5 * draw.normal(size=p)
    Y = X @ draw.normal(size=(p, targets)) + draw.normal(size=(n, targets)) + 2
    return checked.examples(X, Y, draw.uniform(0.5, 2, n))


def grid(data: Examples, formulation: Formulation, least: float = 1e-3, count: int = 8) -> Any:
    return lasso.largest_lambda(data, formulation) * np.geomspace(1, least, count)


def sklearns(alpha: float, l1_ratio: float, intercept: bool = True) -> ElasticNet:
    return ElasticNet(
        alpha=alpha, l1_ratio=l1_ratio, fit_intercept=intercept, tol=1e-13, max_iter=1_000_000
    )


def require_certified(
    data: Examples, formulation: Formulation, path: Path, allowed: float = CERTIFICATE
) -> Optimality:
    found = certify(data, formulation, path)
    assert found.gap.shape == found.kkt_residual.shape == found.scale.shape == path.b.shape
    assert (found.gap <= allowed * found.scale).all(), found.gap / found.scale
    gradient = np.max(abs(slopes_at_zero(data)))
    assert (found.kkt_residual <= allowed * gradient).all(), found.kkt_residual / gradient
    return found


def slopes_at_zero(data: Examples) -> Any:
    X = np.asarray(data.X.todense()) if data.is_sparse else data.X
    return X.T @ (data.share[:, None] * (data.Y - data.share @ data.Y))


@pytest.mark.parametrize("l1_ratio", RATIOS)
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("make", [diabetes, wide], ids=["diabetes", "n < p"])
def test_the_same_as_scikit_learn(make: Any, intercept: bool, l1_ratio: float) -> None:
    X, y = make()
    data = checked.examples(X, y)
    formulation = Formulation(l1_ratio, intercept=intercept)
    path = lasso.path(data, formulation, grid(data, formulation))
    require_certified(data, formulation, path)
    for i in range(1, len(path.lambdas), 3):
        other = sklearns(path.lambdas[i], l1_ratio, intercept).fit(X, y)
        assert relative_difference(path.w[:, i, 0], other.coef_) <= L1
        assert relative_difference(path.b[i, 0], other.intercept_) <= L1
        assert ((path.w[:, i, 0] == 0) == (other.coef_ == 0)).all()


def test_lasso_itself() -> None:
    X, y = diabetes()
    path = lasso.path(checked.examples(X, y), Formulation(1.0), np.array([2.0, 0.1]))
    for i, alpha in enumerate((2.0, 0.1)):
        other = Lasso(alpha=alpha, tol=1e-13, max_iter=1_000_000).fit(X, y)
        assert relative_difference(path.w[:, i, 0], other.coef_) <= L1


@pytest.mark.parametrize("l1_ratio", RATIOS)
def test_weight_2_is_the_row_twice_and_0_the_row_left_out(l1_ratio: float) -> None:
    X, y = diabetes()
    weight = np.random.default_rng(0).integers(0, 3, len(y)).astype(float)
    formulation = Formulation(l1_ratio, standardize=True)
    weighted = checked.examples(X, y, weight)
    repeated = np.repeat(np.arange(len(y)), weight.astype(int))
    lambdas = grid(weighted, formulation)
    one = lasso.path(weighted, formulation, lambdas)
    two = lasso.path(checked.examples(X[repeated], y[repeated]), formulation, lambdas)
    assert relative_difference(one.w, two.w) <= L1
    assert relative_difference(one.b, two.b) <= L1
    other = sklearns(lambdas[5], l1_ratio)
    scale = np.sqrt(np.cov(X.T, aweights=weight, ddof=0).diagonal())
    other.fit(X / scale, y, sample_weight=weight)
    assert relative_difference(one.w[:, 5, 0], other.coef_ / scale) <= L1


@pytest.mark.parametrize("l1_ratio", RATIOS)
def test_standardised_as_in_a_pipeline(l1_ratio: float) -> None:
    X, y = diabetes()
    X = np.column_stack([X, np.full(len(y), 0.1)])  # constant: 1/n · Σ 0.1 is not 0.1
    data, formulation = checked.examples(X, y), Formulation(l1_ratio, standardize=True)
    path = lasso.path(data, formulation, grid(data, formulation))
    require_certified(data, formulation, path)
    for i in (2, 6):
        steps = make_pipeline(StandardScaler(), sklearns(path.lambdas[i], l1_ratio)).fit(X, y)
        fitted = X @ path.w[:, i, 0] + path.b[i, 0]
        assert relative_difference(fitted, steps.predict(X)) <= L1
    assert (path.w[-1] == 0).all()


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("l1_ratio", RATIOS)
def test_constant_and_duplicated_columns(
    l1_ratio: float, standardize: bool, intercept: bool
) -> None:
    X, y = diabetes()
    X = np.column_stack([X[:, :5], np.full(len(y), 7.3), X[:, 2], np.zeros(len(y))])
    data = checked.examples(X, y)
    formulation = Formulation(l1_ratio, standardize=standardize, intercept=intercept)
    path = lasso.path(data, formulation, grid(data, formulation))
    require_certified(data, formulation, path)
    if intercept:
        assert (path.w[[5, 7]] == 0).all()
    if l1_ratio < 1:  # then the answer is one, and shared evenly
        assert relative_difference(path.w[2], path.w[6]) <= L1
    if not standardize:
        other = sklearns(path.lambdas[5], l1_ratio, intercept).fit(X, y)
        w = path.w[:, 5, 0]
        assert relative_difference(X @ w, X @ other.coef_) <= L1


@pytest.mark.parametrize("l1_ratio", RATIOS)
@pytest.mark.parametrize("standardize", [True, False])
def test_factors_are_columns_in_other_units(l1_ratio: float, standardize: bool) -> None:
    """λ fⱼ|wⱼ| is λ|vⱼ| for vⱼ = fⱼwⱼ; the L2 part asks for the minimum by its definition."""
    data = small()
    f = np.array([0.5, 2.0, 1.0, 3.0, 0.1, 1.0])
    formulation = Formulation(l1_ratio, f, standardize=standardize)
    path = lasso.path(data, formulation, grid(data, formulation))
    require_certified(data, formulation, path)
    if l1_ratio == 1:
        unit = f * (np.sqrt(passes.location(data).variance) if standardize else 1)
        other = sklearns(path.lambdas[4], 1.0).fit(data.X / unit, data.Y, data.weight)
        assert relative_difference(path.w[:, 4, 0], other.coef_ / unit) <= L1
    for i in (2, 5):
        require_minimum(data, formulation, path, i)


def require_minimum(data: Examples, formulation: Formulation, path: Path, i: int) -> None:
    """J is no lower a little way off in any direction."""
    draw = np.random.default_rng(0)
    w, b, lambd = path.w[:, i, 0], path.b[i, 0], path.lambdas[i]
    least = objective(data, formulation, lambd, w, b)
    for size in 10.0 ** np.arange(-5, 0):
        for _ in range(20):
            step = size * draw.normal(size=len(w) + 1) * (draw.random(len(w) + 1) < 0.5)
            moved = objective(data, formulation, lambd, w + step[:-1], b + step[-1])
            assert moved >= least * (1 - 1e-12)


def objective(data: Examples, formulation: Formulation, lambd: float, w: Any, b: Any) -> float:
    """J, as the docstring of Formulation has it."""
    c = data.share
    mean = c @ data.X
    s = np.sqrt(c @ (data.X - mean) ** 2) if formulation.standardize else np.ones(len(w))
    f = np.ones(len(w)) if formulation.factors is None else formulation.factors
    l1_ratio = formulation.l1_ratio
    penalty = f * ((1 - l1_ratio) / 2 * (s * w) ** 2 + l1_ratio * abs(s * w))
    return float(c @ (data.X @ w + b - data.Y[:, 0]) ** 2 / 2 + lambd * np.sum(penalty))


@pytest.mark.parametrize("make", [diabetes, wide], ids=["diabetes", "n < p"])
@pytest.mark.parametrize("l1_ratio", RATIOS)
def test_factor_0_leaves_an_input_free(make: Any, l1_ratio: float) -> None:
    X, y = make()
    free = [1, 4]
    f = np.ones(X.shape[1])
    f[free] = 0
    data, formulation = checked.examples(X, y), Formulation(l1_ratio, f)
    lambdas = grid(data, formulation)
    path = lasso.path(data, formulation, lambdas)
    require_certified(data, formulation, path)
    others = np.delete(np.arange(X.shape[1]), free)
    assert (path.w[others, 0] == 0).all()
    alone = LinearRegression().fit(X[:, free], y)
    assert relative_difference(path.w[free, 0, 0], alone.coef_) <= L1
    assert path.w[others, 1].any()
    # scikit-learn's answer on what the free columns leave
    U = np.column_stack([np.ones(len(y)), X[:, free]])
    rest = np.column_stack([X[:, others], y])
    rest -= U @ np.linalg.lstsq(U, rest, rcond=None)[0]
    other = sklearns(lambdas[5], l1_ratio, False).fit(rest[:, :-1], rest[:, -1])
    assert relative_difference(path.w[others, 5, 0], other.coef_) <= L1


def test_a_penalised_copy_of_a_free_column_is_0() -> None:
    X, y = diabetes()
    X = np.column_stack([X, X[:, 3]])
    f = np.ones(X.shape[1])
    f[3] = 0
    data, formulation = checked.examples(X, y), Formulation(1.0, f)
    path = lasso.path(data, formulation, grid(data, formulation))
    require_certified(data, formulation, path)
    assert (abs(path.w[-1]) <= 1e-9 * abs(path.w[3])).all()


def test_free_columns_that_depend_on_each_other() -> None:
    X, y = diabetes()
    X = np.column_stack([X, X[:, 3]])
    f = np.ones(X.shape[1])
    f[[3, -1]] = 0
    data, formulation = checked.examples(X, y), Formulation(1.0, f)
    path = lasso.path(data, formulation, grid(data, formulation))
    require_certified(data, formulation, path)
    assert relative_difference(path.w[3], path.w[-1]) <= L1  # of least norm


@pytest.mark.parametrize("l1_ratio", RATIOS)
def test_each_target_by_itself(l1_ratio: float) -> None:
    data, formulation = small(targets=3), Formulation(l1_ratio, standardize=True)
    lambdas = grid(data, formulation)
    together = lasso.path(data, formulation, lambdas)
    require_certified(data, formulation, together)
    assert together.w.shape == (6, 8, 3)
    for target in range(3):
        alone = checked.examples(data.X, data.Y[:, target], data.weight)
        one = lasso.path(alone, formulation, lambdas)
        assert relative_difference(together.w[:, :, [target]], one.w) <= L1
        assert relative_difference(together.b[:, [target]], one.b) <= L1


@pytest.mark.parametrize("make", [diabetes, wide], ids=["diabetes", "n < p"])
@pytest.mark.parametrize("l1_ratio", RATIOS)
def test_lambda_0_is_least_squares_of_least_norm(make: Any, l1_ratio: float) -> None:
    X, y = make()
    data, formulation = checked.examples(X, y), Formulation(l1_ratio)
    lambdas = np.array([0.0, 0.1, 1.0])
    path = lasso.path(data, formulation, lambdas)
    off, mean = X - X.mean(axis=0), y.mean()
    best = np.linalg.lstsq(off, y - mean, rcond=None)[0]
    assert relative_difference(path.w[:, 0, 0], best) <= RIDGE
    require_certified(data, formulation, path)
    without = lasso.path(data, formulation, lambdas[1:])
    assert (without.w == path.w[:, 1:]).all()
    worse = Path(lambdas, path.w * 1.01, path.b)
    assert certify(data, formulation, worse).gap[0, 0] > 0


def test_the_order_of_the_grid_does_not_matter() -> None:
    data, formulation = small(), Formulation(0.5)
    lambdas = grid(data, formulation)
    down = lasso.path(data, formulation, lambdas)
    up = lasso.path(data, formulation, lambdas[::-1])
    assert (down.w == up.w[:, ::-1]).all()
    assert (up.lambdas == lambdas[::-1]).all()


@pytest.mark.parametrize("l1_ratio", RATIOS)
@pytest.mark.parametrize("targets", [1, 3])
def test_the_largest_lambda(l1_ratio: float, targets: int) -> None:
    data = small(targets=targets)
    f = np.array([0.5, 2.0, 1.0, 3.0, 0.1, 1.0])
    formulation = Formulation(l1_ratio, f, standardize=True)
    most = lasso.largest_lambda(data, formulation)
    path = lasso.path(data, formulation, most * np.array([10, 1.001, 1, 0.999]))
    assert (path.w[:, :3] == 0).all()
    assert path.w[:, 3].any()
    assert relative_difference(path.b[0], data.share @ data.Y) <= RIDGE
    s = np.sqrt(passes.location(data).variance)
    slopes = abs(slopes_at_zero(data)) / (f * s)[:, None]
    assert relative_difference(most, np.max(slopes) / l1_ratio) <= RIDGE


def test_a_constant_target_and_nothing_to_penalise() -> None:
    data = small()
    flat = checked.examples(data.X, np.full(30, 2.5))
    assert lasso.largest_lambda(flat, Formulation(1.0)) <= 1e-12
    path = lasso.path(flat, Formulation(1.0), np.array([1.0, 0.1]))
    assert (path.w == 0).all()
    assert relative_difference(path.b, np.full((2, 1), 2.5)) <= RIDGE
    still = checked.examples(np.full((30, 2), 0.1), data.Y, data.weight)
    path = lasso.path(still, Formulation(1.0), np.array([1.0, 0.0]))
    assert (path.w == 0).all()
    assert relative_difference(path.b, np.tile(data.share @ data.Y, (2, 1))) <= RIDGE
    free = Formulation(1.0, np.zeros(6))
    assert lasso.largest_lambda(data, free) == 0
    path = lasso.path(data, free, np.array([1.0]))
    other = LinearRegression().fit(data.X, data.Y, data.weight)
    assert relative_difference(path.w[:, 0].T, other.coef_) <= L1
    require_certified(data, free, path)


@pytest.mark.parametrize("l1_ratio", RATIOS)
def test_sparse_and_float32_are_the_same_numbers(l1_ratio: float) -> None:
    draw = np.random.default_rng(0)
    X = (draw.normal(size=(80, 12)) + 3) * (draw.random((80, 12)) < 0.3)
    X[:, 3] = 7.3  # constant, with nothing that is 0
    X[:, 4] = 0
    X = X.astype(np.float32)
    y, weight = X @ draw.normal(size=12) + draw.normal(size=80), draw.uniform(0, 2, 80)
    formulation = Formulation(l1_ratio, standardize=True)
    data = checked.examples(X.astype(float), y, weight)
    lambdas = np.append(grid(data, formulation), 0.0)
    expected = lasso.path(data, formulation, lambdas)
    optimality = require_certified(data, formulation, expected)
    splits = [Split(a, b) for a, b in KFold(4).split(X)]
    loss = lasso.cross_validate(data, formulation, lambdas, splits)
    for other in (X, sparse.csr_matrix(X), sparse.csr_matrix(X.astype(float))):
        same = checked.examples(other, y, weight)
        assert relative_difference(lasso.largest_lambda(same, formulation), lambdas[0]) <= RIDGE
        path = lasso.path(same, formulation, lambdas)
        assert relative_difference(path.w, expected.w) <= L1
        assert (path.w[3:5] == 0).all()
        found = certify(same, formulation, path)
        assert (abs(found.gap - optimality.gap) <= CERTIFICATE * optimality.scale).all()
        again = lasso.cross_validate(same, formulation, lambdas, splits)
        assert relative_difference(again, loss) <= L1


@pytest.mark.parametrize("l1_ratio", RATIOS)
def test_many_columns_are_looked_at_as_they_come(
    l1_ratio: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    X, y = wide(50, 300)
    f = np.random.default_rng(0).uniform(0.5, 2, 300)
    f[7] = 0
    data, formulation = checked.examples(X, y), Formulation(l1_ratio, f, standardize=True)
    lambdas = grid(data, formulation, 1e-2)
    whole = lasso.path(data, formulation, lambdas)
    monkeypatch.setattr(prepared, "MOST_PRODUCTS", 0)
    by_parts = lasso.path(data, formulation, lambdas)
    assert relative_difference(by_parts.w, whole.w) <= L1
    require_certified(data, formulation, by_parts)


def test_columns_that_the_strong_rule_missed_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = wide(50, 300)
    data, formulation = checked.examples(X, y), Formulation(1.0)
    lambdas = grid(data, formulation, 1e-2, 2)  # a step too large for the rule
    monkeypatch.setattr(prepared, "MOST_PRODUCTS", 0)
    monkeypatch.setattr(descent, "MOST_NEW", 5)
    require_certified(data, formulation, lasso.path(data, formulation, lambdas))


@pytest.mark.parametrize("l1_ratio", [*RATIOS, 0.0])
def test_certificates_are_those_of_exact(l1_ratio: float) -> None:
    """Another derivation, from a triangle of the data: near the optimum and far from it."""
    data = small()
    f = np.array([0.5, 2.0, 1.0, 3.0, 0.0, 1.0])
    formulation = Formulation(l1_ratio, f, standardize=True)
    lambdas = np.array([2.0, 0.3, 0.01])
    draw = np.random.default_rng(0)
    c, s = data.share, np.sqrt(passes.location(data).variance)
    root = np.sqrt(c)[:, None]
    problem = exact.LeastSquares(
        root * np.column_stack([np.ones(30), data.X]), root[:, 0] * data.Y[:, 0]
    )
    w, b = minimisers(data, formulation, lambdas)
    for off in (0, 1e-6, 1e-3, 1.0):
        moved = w + off * draw.normal(size=w.shape) * (w != 0)
        path = Path(lambdas, moved, b + off)
        found = certify(data, formulation, path)
        for i, lambd in enumerate(lambdas):
            theta = np.append(path.b[i], path.w[:, i, 0])
            l1 = np.append(0, lambd * l1_ratio * f * s)
            l2 = np.append(0, lambd * (1 - l1_ratio) * f * s**2)
            # exact has the gradient of w, and this that of s w
            unit = np.append(1, s)
            slack = CERTIFICATE * found.scale[i, 0]
            if not off:
                assert found.gap[i, 0] <= slack
            elif l1_ratio:
                wanted = exact.duality_gap(problem, theta, l1, l2)
                assert abs(found.gap[i, 0] - wanted) <= 1e-6 * wanted + slack
            # of centred inputs: the same conditions, where the bias is at its best
            g = problem.A.T @ (problem.A @ theta - problem.t) + l2 * theta
            best = problem.A[:, 0] @ (problem.A @ theta - problem.t)
            g -= problem.A.T @ problem.A[:, 0] * best
            g[0] = best
            subgradient = abs(g + l1 * np.sign(theta))
            violation = np.where(theta == 0, np.maximum(abs(g) - l1, 0), subgradient)
            violation[0] = abs(best)
            assert abs(found.kkt_residual[i, 0] - np.max(violation / unit)) <= slack


def minimisers(data: Examples, formulation: Formulation, lambdas: Any) -> tuple[Any, Any]:
    if formulation.l1_ratio:
        path = lasso.path(data, formulation, lambdas)
    else:
        path = ridge.path(data, formulation, lambdas, NUMPY)
    return path.w, path.b


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    l1_ratio=st.sampled_from([0.0, 0.3, 1.0]),
    size=st.floats(1e-4, 1.0),
    intercept=st.booleans(),
    standardize=st.booleans(),
    free=st.booleans(),
)
def test_the_gap_bounds_the_distance_to_the_minimum(
    seed: int, l1_ratio: float, size: float, intercept: bool, standardize: bool, free: bool
) -> None:
    data = small(seed, n=seed % 12 + 3)
    f = np.array([1.0, 2.0, 0.0 if free else 0.5, 1.0, 3.0, 1.0])
    formulation = Formulation(l1_ratio, f, intercept, standardize)
    lambdas = np.array([1.0, 0.1, 0.001])
    w, b = minimisers(data, formulation, lambdas)
    at = certify(data, formulation, Path(lambdas, w, b))
    assert (at.gap <= CERTIFICATE * at.scale).all()
    draw = np.random.default_rng(seed)
    moved_w = w + size * draw.normal(size=w.shape)
    moved_b = b + size * draw.normal(size=b.shape) * intercept
    far = certify(data, formulation, Path(lambdas, moved_w, moved_b))
    for i, lambd in enumerate(lambdas):
        before = objective(data, formulation, lambd, w[:, i, 0], b[i, 0])
        after = objective(data, formulation, lambd, moved_w[:, i, 0], moved_b[i, 0])
        assert far.gap[i, 0] >= (after - before) * (1 - 1e-9) - 1e-12 * after
        assert far.gap[i, 0] > 0
        assert far.kkt_residual[i, 0] > 0


def test_certificates_at_lambda_0() -> None:
    """The distance to the minimum itself, whatever the penalty."""
    for data in (small(), small(n=5)):
        c = data.share
        for intercept in (True, False):
            draw = np.random.default_rng(0)
            path = Path(
                np.zeros(1), draw.normal(size=(6, 1, 1)), draw.normal(size=(1, 1)) * intercept
            )
            A = np.sqrt(c)[:, None] * np.column_stack([np.full(len(c), float(intercept)), data.X])
            t = np.sqrt(c) * data.Y[:, 0]
            theta = np.append(path.b, path.w)
            best = np.linalg.lstsq(A, t, rcond=None)[0]
            distance = np.sum((A @ (theta - best)) ** 2) / 2
            for l1_ratio in (0.0, 1.0):
                found = certify(data, Formulation(l1_ratio, intercept=intercept), path)
                assert relative_difference(found.gap[0, 0], distance) <= L1


@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("make", [diabetes, wide], ids=["diabetes", "n < p"])
@pytest.mark.parametrize("cut", [KFold(4, shuffle=True, random_state=0), TimeSeriesSplit(3)])
def test_cross_validation_is_a_loop_over_folds(
    cut: Any, make: Any, weighted: bool, l1_ratio: float
) -> None:
    X, y = make()
    weight = np.random.default_rng(0).uniform(0.1, 2, len(y)) if weighted else np.ones(len(y))
    data = checked.examples(X, y, weight if weighted else None)
    formulation = Formulation(l1_ratio)
    lambdas = grid(data, formulation, 1e-2, 4)
    splits = [Split(*pair) for pair in cut.split(X)]
    loss = lasso.cross_validate(data, formulation, lambdas, splits)
    assert loss.shape == (4, len(splits))
    for k, (train, held_out) in enumerate(splits):
        for i in (1, 3):
            model = sklearns(lambdas[i], l1_ratio).fit(X[train], y[train], weight[train])
            error = (model.predict(X[held_out]) - y[held_out]) ** 2
            wanted = np.average(error, weights=weight[held_out]) / 2
            assert relative_difference(loss[i, k], wanted) <= L1


def test_folds_where_a_column_is_constant_or_small() -> None:
    """Not from the moments of all rows, where such a column has lost its digits."""
    X, y = diabetes()
    X = np.column_stack([X, np.zeros(len(y)), X[:, 2] * 1e-9])
    X[:50, -2], X[:50, -1] = 1000.0, np.arange(50) * 1e3
    data, formulation = checked.examples(X, y), Formulation(1.0, standardize=True)
    lambdas = np.append(grid(data, formulation, 1e-2, 4), 0.0)
    first, rest = np.arange(50), np.arange(50, len(y))
    loss = lasso.cross_validate(data, formulation, lambdas, [Split(rest, first)])
    path = lasso.path(data.take(rest), formulation, lambdas)
    off = np.tensordot(X[first], path.w, 1)[:, :, 0] + path.b[:, 0] - y[first, None]
    assert relative_difference(loss[:, 0], np.mean(off**2, axis=0) / 2) <= L1
    assert (path.w[-2] == 0).all()


def test_what_cannot_be_done_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    data = small()
    with pytest.raises(InputError, match="l1_ratio is 0"):
        lasso.path(data, Formulation(0.0), np.array([1.0]))
    much = checked.examples(sparse.csr_matrix((3, 10_001)), np.zeros(3))
    with pytest.raises(InputError, match="X is sparse and has 10,001 columns"):
        lasso.path(much, Formulation(1.0), np.array([1.0]))
    weight = np.append(np.zeros(10), np.ones(20))
    silent = checked.examples(data.X, data.Y, weight)
    split = Split(np.arange(10, 30), np.arange(10))
    with pytest.raises(InputError, match="no row of positive weight to validate with"):
        lasso.cross_validate(silent, Formulation(1.0), np.array([1.0]), [split])
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    with pytest.raises(MissingExtraError, match="needs the extra 'sklearn'"):
        lasso.path(data, Formulation(1.0), np.array([1.0]))


def test_a_lambda_that_did_not_converge_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = diabetes()
    data, formulation = checked.examples(X, y), Formulation(1.0)
    lambdas = np.append(grid(data, formulation, 1e-3, 3), 0.0)
    monkeypatch.setattr(descent, "MOST_EPOCHS", 1)
    monkeypatch.setattr(descent, "_solved", lambda *_: None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.warns(IllConditionedWarning, match=r"did not converge at 2 λ, the largest"):
            path = lasso.path(data, formulation, lambdas)
    found = certify(data, formulation, path)
    assert found.gap[2, 0] > CERTIFICATE * found.scale[2, 0]
    assert found.gap[0, 0] <= CERTIFICATE * found.scale[0, 0]
