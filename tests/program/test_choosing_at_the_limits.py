"""Choosing λ where floats, rows or labels run out: an answer, or one sentence that says why not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.tolerances import PARITY, RIDGE, relative_difference
from weightdecay.data.dataset import from_arrays
from weightdecay.errors import InputError
from weightdecay.estimators import WeightDecayCV, WeightDecayRegressor
from weightdecay.tuning.running import tune

pytestmark = [
    pytest.mark.filterwarnings("ignore::weightdecay.errors.EdgeOfGridWarning"),
    pytest.mark.filterwarnings("ignore::weightdecay.errors.IllConditionedWarning"),
]

RNG = np.random.default_rng(0)
X = RNG.standard_normal((6, 2))
Y = RNG.standard_normal(6)
SQUARE = RNG.standard_normal((6, 6))


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("table", [SQUARE, np.eye(6)])
def test_leave_one_out_of_a_square_table(table: np.ndarray, standardize: bool) -> None:
    """At λ = 0 the others do not determine a row: least norm, as where inputs outnumber rows."""
    settings: dict[str, Any] = {"fit_intercept": False, "cv": "loo", "standardize": standardize}
    found = tune(table, Y, lambdas=[0.0], **settings)
    scale = found.scale if standardize else np.ones(6)
    for i in range(6):
        others = np.delete(np.arange(6), i)
        w = np.linalg.lstsq(table[others] / scale, Y[others])[0]
        error = (table[i] / scale @ w - Y[i]) ** 2 / 2
        assert relative_difference(found.scores.loss[0, i], error) <= RIDGE


@pytest.mark.parametrize("rule", ["best", "one-se"])
def test_a_table_that_no_lambda_can_be_judged_on_is_said(rule: str) -> None:
    """Where a row alone speaks of an input, nothing without a penalty predicts it."""
    alone = np.column_stack([np.eye(6)[:, :3], np.ones(6)])[:5]
    settings: dict[str, Any] = {"fit_intercept": False, "rule": rule, "cv": "loo"}
    with pytest.raises(InputError, match="no λ of the grid can be judged"):
        tune(alone, Y[:5], lambdas=[0.0], standardize=False, **settings)
    with pytest.raises(InputError, match="no λ of the grid can be judged"):
        WeightDecayCV([0.0], **settings).fit(alone, Y[:5])
    far = np.r_[[[1e300]], RNG.standard_normal((19, 1))]
    with pytest.raises(InputError, match="no λ of the grid can be judged"):
        tune(far, RNG.standard_normal(20), cv=5, rule=rule)


@pytest.mark.parametrize("lambd", [1e308, 1e-320])
def test_lambda_at_the_ends_of_the_floats(lambd: float) -> None:
    found = tune(X, Y, lambdas=[lambd])
    estimator = WeightDecayRegressor(lambd).fit(X, Y)
    assert np.isfinite(found.w).all()
    assert np.isfinite(estimator.coef_).all()
    if lambd > 1:
        assert relative_difference(found.predict(X), np.full(6, Y.mean())) <= PARITY["float64"]
    else:
        least = np.linalg.lstsq(np.column_stack([np.ones(6), X]), Y)[0]
        assert relative_difference(estimator.coef_, least[1:]) <= RIDGE
        assert relative_difference(found.w[:, 0], least[1:]) <= RIDGE


@pytest.mark.parametrize("size", [1e308, 1e-308])
def test_weights_at_the_ends_of_the_floats(size: float) -> None:
    weight = np.array([1.0, 1.5, 1.25, 1.0, 1.0, 1.75])
    usual, extreme = (tune(X, Y, cv="loo", sample_weight=c) for c in (weight, weight * size))
    assert extreme.index == usual.index
    assert relative_difference(extreme.w, usual.w) <= RIDGE
    data = from_arrays(X, Y, sample_weight=weight * size)
    expected = from_arrays(X, Y, sample_weight=weight)
    assert relative_difference(data.weight_train, expected.weight_train) <= RIDGE


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"groups": [1, 2, 3, 4, None, 5]}, "groups, row 5: the value is missing"),
        ({"groups": [1, 2, 3, np.nan, 4, 5]}, "groups, row 4: the value is missing"),
        ({"groups": np.ma.array([1, 2, 3, 4, 5, 6], mask=[0, 1, 0, 0, 0, 0])}, "groups, row 2"),
        ({"times": [1, 2, np.nan, 3, 4, 5]}, "times, row 3: the value is missing"),
        ({"times": np.array(["2024-01-01"] * 5 + ["NaT"], "M8[D]")}, "times, row 6"),
        ({"times": ["1-2-24"] * 6}, "which does not sort as time"),
    ],
)
def test_labels_that_cannot_be_used(labels: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        tune(X, Y, cv=2, **labels)


def test_every_warning_names_the_line_of_the_caller() -> None:
    from weightdecay.errors import EdgeOfGridWarning, IllConditionedWarning
    from weightdecay.tuning.path import regularization_path

    twin = np.column_stack([X[:, 0], X[:, 0] * (1 + 1e-12 * X[:, 1])])
    for kind, call in (
        (EdgeOfGridWarning, lambda: tune(X, Y, lambdas=[1e-3, 1e3])),
        (EdgeOfGridWarning, lambda: WeightDecayCV([1e-3, 1e3], cv=3).fit(X, Y)),
        (IllConditionedWarning, lambda: regularization_path(twin, Y, lambdas=[1e-25, 1.0])),
        (IllConditionedWarning, lambda: WeightDecayRegressor(1e-25).fit(twin, Y)),
        (
            IllConditionedWarning,
            lambda: regularization_path(twin, Y, penalty="l1", lambdas=[1e-25]),
        ),
    ):
        with pytest.warns(kind) as told:
            call()
        assert {warning.filename for warning in told} == {__file__}
