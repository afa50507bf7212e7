"""Inputs far from 0: whatever predicts, predicts as exact arithmetic does."""

from __future__ import annotations

import csv
import json
import pickle
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from tests.tolerances import L1, PARITY, RIDGE, relative_difference
from weightdecay.errors import InputError
from weightdecay.estimators import WeightDecayCV, WeightDecayRegressor
from weightdecay.tuning.model import Model, load_model
from weightdecay.tuning.predicting import predict
from weightdecay.tuning.running import tune

pytestmark = pytest.mark.filterwarnings("ignore::weightdecay.errors.EdgeOfGridWarning")

OFFSETS = (1e6, -1e12, 1e15)
LAMBDA = 0.25
RNG = np.random.default_rng(4)
NEAR = np.round(RNG.standard_normal((24, 2)) * 8) / 8  # what is left of it beside 1e15
NEW = np.round(RNG.standard_normal((5, 2)) * 16) / 8
Y = np.round(NEAR @ [3.0, -2.0] + 5 + RNG.standard_normal(24), 3)
SETTINGS: dict[str, Any] = {"lambdas": [LAMBDA, 64.0], "cv": 4}


def at(offset: float, X: np.ndarray) -> np.ndarray:
    found: np.ndarray = X + np.array([offset, 0])
    return found


def exactly(y: np.ndarray = Y, new: np.ndarray = NEW) -> np.ndarray:
    """Predictions of ridge with two inputs in fractions; a shift of the inputs is no matter."""
    n = len(y)
    rows = [[Fraction(x) for x in row] for row in NEAR.tolist()]
    targets = [Fraction(t) for t in y.tolist()]
    p, q = (sum(column) / n for column in zip(*rows, strict=True))
    t = sum(targets) / n
    off = [(a - p, b - q) for a, b in rows]
    aa, ab, bb = (sum(r[i] * r[j] for r in off) / n for i, j in ((0, 0), (0, 1), (1, 1)))
    ay, by = (sum(r[i] * (z - t) for r, z in zip(off, targets, strict=True)) / n for i in (0, 1))
    aa, bb = aa + Fraction(LAMBDA), bb + Fraction(LAMBDA)
    det = aa * bb - ab * ab
    w = (ay * bb - by * ab) / det, (by * aa - ay * ab) / det
    found = [(Fraction(a) - p) * w[0] + (Fraction(b) - q) * w[1] + t for a, b in new.tolist()]
    return np.array([float(value) for value in found])


def saved(model: Model, folder: Path) -> Model:
    model.save(folder / "model.json")
    return load_model(folder / "model.json")


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("offset", OFFSETS)
def test_predictions_are_those_of_exact_arithmetic(
    tmp_path: Path, offset: float, form: Any
) -> None:
    X, new, expected = form(at(offset, NEAR)), form(at(offset, NEW)), exactly()
    result = tune(X, Y, standardize=False, **SETTINGS)
    assert result.lambd == LAMBDA
    chosen = WeightDecayCV([LAMBDA, 64.0], cv=4).fit(X, Y)
    assert chosen.alpha_ == LAMBDA
    for predictor in (
        result,
        chosen,
        pickle.loads(pickle.dumps(chosen)),
        WeightDecayRegressor(LAMBDA).fit(X, Y),
        Model.of(result),
        saved(Model.of(result), tmp_path),
    ):
        assert relative_difference(predictor.predict(new), expected) <= PARITY["float64"]
    both = WeightDecayRegressor(LAMBDA).fit(X, np.column_stack([Y, -Y[::-1]])).predict(new)
    assert both.shape == (5, 2)
    assert relative_difference(both[:, 0], expected) <= PARITY["float64"]
    assert relative_difference(both[:, 1], exactly(-Y[::-1])) <= PARITY["float64"]


@pytest.mark.parametrize("offset", OFFSETS)
def test_a_table_far_from_zero(tmp_path: Path, offset: float) -> None:
    result = tune(at(offset, NEAR), Y, standardize=False, **SETTINGS)
    model = saved(Model.of(result), tmp_path)
    with (tmp_path / "new.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(model.inputs)
        writer.writerows([int(8 * a) / 8, b] for a, b in at(offset, NEW).tolist())
    found = predict(model, str(tmp_path / "new.csv"))
    assert relative_difference(found.values, exactly()) <= PARITY["float64"]


@pytest.mark.parametrize("offset", OFFSETS)
@pytest.mark.parametrize(
    ("settings", "tolerance"),
    [
        ({"penalty": "l1"}, L1),
        ({"penalty": "elasticnet", "standardize": False}, L1),
        ({"solver": "sgd"}, RIDGE),
        ({"dtype": "float32"}, PARITY["float32"]),
    ],
)
def test_other_fits_are_those_of_the_inputs_near_zero(
    tmp_path: Path, offset: float, settings: dict[str, Any], tolerance: float
) -> None:
    given = {"lambdas": [0.01, 0.1], "cv": 3} | settings
    near, far = (tune(at(place, NEAR), Y, **given) for place in (0, offset))
    assert far.index == near.index
    expected = near.predict(NEW)
    for predictor in (far, saved(Model.of(far), tmp_path)):
        assert relative_difference(predictor.predict(at(offset, NEW)), expected) <= tolerance


@pytest.mark.parametrize("intercept", [True, False])
def test_ordinary_predictions_are_the_equation(tmp_path: Path, intercept: bool) -> None:
    # A constant column lies as far from 0 as one can, and has no weight beside a bias.
    X, new = (np.column_stack([at(3, rows), np.ones(len(rows))]) for rows in (NEAR, NEW))
    result = tune(X, Y, fit_intercept=intercept, **SETTINGS)
    assert result.centre is None
    assert (result.predict(new) == (new @ result.w + result.b)[:, 0]).all()
    model = saved(Model.of(result), tmp_path)
    assert (model.predict(new) == new @ np.array(model.w) + model.b).all()
    written = json.loads((tmp_path / "model.json").read_text(encoding="utf-8"))
    assert not {"centre", "at_centre"} & set(written)  # which older programs would refuse
    ours = WeightDecayRegressor(LAMBDA, fit_intercept=intercept).fit(X, Y)
    assert (ours.predict(new) == new @ ours.coef_ + ours.intercept_).all()


@pytest.mark.parametrize("estimator", [WeightDecayRegressor(), WeightDecayCV([LAMBDA], cv=3)])
def test_coefficients_that_were_replaced_are_what_predicts(estimator: Any) -> None:
    X, new = at(1e15, NEAR), at(1e15, NEW)
    for change in ("coef_", "intercept_", "in place"):
        ours = estimator.fit(X, Y)
        if change == "in place":
            ours.coef_[0] = 0
        else:
            setattr(ours, change, getattr(ours, change) * 0)
        assert (ours.predict(new) == new @ ours.coef_ + ours.intercept_).all()
    ours = estimator.fit(X, Y).fit(NEAR, Y)
    assert (ours.predict(NEW) == NEW @ ours.coef_ + ours.intercept_).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"centre": ...}, "centre and at_centre go together"),
        ({"at_centre": None}, "centre and at_centre go together"),
        ({"centre": [1]}, "centre holds 1 numbers: one for each of the 2 columns"),
        ({"centre": [1, "2"]}, "centre is '2'"),
        ({"at_centre": float("inf")}, "at_centre is inf"),
        ({"bias": 0.5}, "at_centre is not what weights and bias predict at centre"),
        ({"weights": [1e300, -1e300]}, "at_centre is not what weights and bias predict"),
        ({"centre": [0, 0]}, "leave out both centre and at_centre"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    path = tmp_path / "model.json"
    Model.of(tune(at(1e12, NEAR), Y, **SETTINGS)).save(path)
    found = json.loads(path.read_text(encoding="utf-8"))
    assert found["centre"][1] == 0
    changed = {name: value for name, value in (found | changes).items() if value is not ...}
    path.write_text(json.dumps(changed), encoding="utf-8")
    with pytest.raises(InputError, match=message):
        load_model(path)


def test_an_older_file_is_the_equation(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    Model.of(tune(at(1e12, NEAR), Y, **SETTINGS)).save(path)
    found = json.loads(path.read_text(encoding="utf-8"))
    del found["centre"], found["at_centre"]
    path.write_text(json.dumps(found), encoding="utf-8")
    model, new = load_model(path), at(1e12, NEW)
    assert (model.predict(new) == new @ np.array(model.w) + model.b).all()
