"""Units do not matter: columns of any size and place, and targets, have moments that hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from tests.tolerances import CERTIFICATE, L1, PARITY, RIDGE, relative_difference
from weightdecay.data.dataset import from_arrays
from weightdecay.errors import DivergenceError, InputError
from weightdecay.estimators import WeightDecayCV, WeightDecayRegressor
from weightdecay.experiment import Experiment
from weightdecay.remedies.comparing import compare_remedies
from weightdecay.sweeping.running import sweep
from weightdecay.train import fit
from weightdecay.tuning.comparing import std_of
from weightdecay.tuning.model import mean_of
from weightdecay.tuning.path import regularization_path
from weightdecay.tuning.running import tune

pytestmark = pytest.mark.filterwarnings("ignore::weightdecay.errors.EdgeOfGridWarning")

RNG = np.random.default_rng(0)
X = np.round(RNG.standard_normal((24, 3)), 3) + np.array([0, 0, 2])
GRAINED = np.round(X * 8) / 8  # what is left of X beside 1e15
Y = X @ [1.0, 2.0, 3.0] + RNG.standard_normal(24)
WEIGHT = np.resize([1.0, 2.0, 0.5], 24)
SETTINGS: dict[str, Any] = {"lambdas": "1e-3:1:8", "cv": 4}


def at(scale: float, offset: float = 0.0, of: np.ndarray = X, column: int = 0) -> np.ndarray:
    changed = of.copy()
    changed[:, column] = changed[:, column] * scale + offset
    return changed


SCALES = (1e300, 1e160, 1e30, 1e-30, 1e-160, 1e-300)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("penalty", ["l2", "l1", "elasticnet"])
def test_a_column_of_any_size(backend: str, penalty: str, scale: float) -> None:
    settings = {**SETTINGS, "penalty": penalty, "backend": backend, "sample_weight": WEIGHT}
    usual, changed = tune(X, Y, **settings), tune(at(scale), Y, **settings)
    tolerance = RIDGE if penalty == "l2" else L1
    assert changed.index == usual.index
    assert relative_difference(changed.scores.loss, usual.scores.loss) <= tolerance
    assert relative_difference(changed.predict(at(scale)), usual.predict(X)) <= tolerance
    assert changed.w[0, 0] * scale == pytest.approx(usual.w[0, 0])
    assert np.max(changed.optimality.gap / changed.optimality.scale) <= CERTIFICATE
    assert changed.scale[0] / scale == pytest.approx(usual.scale[0])


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("penalty", ["l2", "l1"])
@pytest.mark.parametrize("cv", [4, "loo"])
def test_a_column_far_from_zero(backend: str, penalty: str, cv: Any, form: Any) -> None:
    settings = {**SETTINGS, "penalty": penalty, "backend": backend, "cv": cv, "lambdas": [0.01, 1]}
    for offset in (1e15, -1e15):
        far = form(at(1, offset, GRAINED))
        usual, changed = tune(GRAINED, Y, **settings), tune(far, Y, **settings)
        assert changed.index == usual.index
        assert relative_difference(changed.scores.loss, usual.scores.loss) <= L1
        assert relative_difference(changed.w, usual.w) <= L1
        assert relative_difference(changed.predict(far), usual.predict(GRAINED)) <= L1
        assert relative_difference(changed.scale, usual.scale) <= RIDGE


def test_targets_far_from_zero(backend: str) -> None:
    y = np.round(Y * 8) / 8
    usual = tune(X, y, backend=backend, **SETTINGS)
    changed = tune(X, y + 1e15, backend=backend, **SETTINGS)
    assert changed.index == usual.index
    assert relative_difference(changed.w, usual.w) <= RIDGE
    assert relative_difference(changed.scores.loss, usual.scores.loss) <= RIDGE


@given(
    powers=st.lists(st.integers(-1000, 1000), min_size=3, max_size=3),
    penalty=st.sampled_from(["l2", "l1", "elasticnet"]),
    sparsely=st.booleans(),
    weighted=st.booleans(),
)
@settings(max_examples=8)
def test_powers_of_two_change_no_prediction(
    powers: list[int], penalty: str, sparsely: bool, weighted: bool
) -> None:
    scale = np.ldexp(1.0, powers)
    form = sparse.csr_array if sparsely else np.asarray
    settings = {**SETTINGS, "penalty": penalty, "sample_weight": WEIGHT if weighted else None}
    usual, changed = tune(form(X), Y, **settings), tune(form(X * scale), Y, **settings)
    assert changed.lambd == usual.lambd
    assert relative_difference(changed.predict(form(X * scale)), usual.predict(form(X))) <= RIDGE
    path = regularization_path(form(X * scale), Y, penalty=penalty, lambdas="1e-3:1:8")
    same = regularization_path(form(X), Y, penalty=penalty, lambdas="1e-3:1:8")
    assert relative_difference(path.w * scale[:, None, None], same.w) <= RIDGE
    estimator = WeightDecayCV("1e-3:1:8", standardize=True, cv=4, l1_ratio=0.0)
    ours, again = (estimator.fit(form(Z), Y).predict(form(Z)) for Z in (X, X * scale))
    assert relative_difference(again, ours) <= RIDGE


@given(powers=st.lists(st.integers(-1000, 1000), min_size=3, max_size=3), both=st.booleans())
@settings(max_examples=10)
def test_powers_of_two_change_no_training(powers: list[int], both: bool) -> None:
    scale = np.ldexp(1.0, powers)
    standardize = "both" if both else "inputs"
    usual, changed = (
        from_arrays(Z[:18], Y[:18], Z[18:], Y[18:], standardize=standardize) for Z in (X, X * scale)
    )
    assert relative_difference(changed.X_train, usual.X_train) <= PARITY["float64"]
    assert relative_difference(changed.X_val, usual.X_val) <= PARITY["float64"]


def test_moments_of_columns_far_from_zero(dtype: str) -> None:
    offset = 1e15 if dtype == "float64" else 2**20
    Z = np.column_stack([GRAINED[:, 0] + offset, np.full(24, 0.1), GRAINED[:, 2]]).astype(dtype)
    far = from_arrays(Z, Y, standardize="inputs", sample_weight=WEIGHT).X_train
    near = from_arrays(GRAINED, Y, standardize="inputs", sample_weight=WEIGHT).X_train
    assert relative_difference(far[:, [0, 2]], near[:, [0, 2]]) <= PARITY[dtype]
    assert not far[:, 1].any()


def test_the_moments_that_are_reported() -> None:
    for scale, offset in ((1e300, 0), (1e-300, 0), (1, 1e15)):
        of = GRAINED if offset else X
        found = tune(at(scale, offset, of), Y, **SETTINGS).examples
        assert mean_of(found)[0] == pytest.approx(of[:, 0].mean() * scale + offset)
        assert std_of(found)[0] == pytest.approx(of[:, 0].std() * scale)


@pytest.mark.parametrize("size", [1e160, 1e-160])
def test_targets_whose_squares_are_no_floats_are_said(size: float) -> None:
    message = "squares overflow" if size > 1 else "squares vanish"
    data = from_arrays(X[:18], Y[:18] * size, X[18:], Y[18:] * size, standardize="inputs")
    for call in (
        lambda: tune(X, Y * size),
        lambda: tune(X, Y * size, penalty="l1", cv="loo"),
        lambda: tune(X, Y * size, solver="sgd"),
        lambda: regularization_path(X, Y * size),
        lambda: WeightDecayRegressor().fit(X, Y * size),
        lambda: WeightDecayRegressor(l1_ratio=0.5).fit(X, Y * size),
        lambda: WeightDecayCV().fit(X, Y * size),
        lambda: compare_remedies(Experiment(), data),
    ):
        with pytest.raises(InputError, match=f"values of y .* {message}"):
            call()


def test_inputs_whose_squares_are_no_floats_are_said_unless_they_are_standardised() -> None:
    for call in (
        lambda Z: tune(Z, Y, standardize=False),
        lambda Z: WeightDecayRegressor().fit(Z, Y),
        lambda Z: WeightDecayRegressor(solver="sgd").fit(Z, Y),
    ):
        with pytest.raises(InputError, match=r"column 'x0' reach .* squares overflow in float64"):
            call(at(1e160))
    with pytest.raises(InputError, match="squares overflow in float32: standardise"):
        tune(at(1e30), Y, standardize=False, dtype="float32")
    settings = {"standardize": False, "lambdas": [1.0]}
    tiny = tune(at(1e-300), Y, **settings)  # next to nothing beside λ = 1
    assert relative_difference(tiny.w[1:], tune(X[:, 1:], Y, **settings).w) <= RIDGE


def test_float32_holds_the_moments_of_large_columns() -> None:
    settings = {**SETTINGS, "dtype": "float32"}
    usual, changed = tune(X, Y, **settings), tune(at(1e30).astype("f4"), Y, **settings)
    assert relative_difference(changed.predict(at(1e30)), usual.predict(X)) <= PARITY["float32"]


def test_training_on_inputs_whose_squares_are_no_floats_diverges_with_the_remedy() -> None:
    with pytest.raises(DivergenceError, match="standardise the data"):
        fit(Experiment(), (at(1e160), Y))
    with pytest.raises(DivergenceError, match="standardise the data"):
        _ = sweep(Experiment(), (at(1e160), Y, X, Y)).best
