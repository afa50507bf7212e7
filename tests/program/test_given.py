"""What users pass as numbers: matched by name wherever there are names, and nothing is dropped."""

from __future__ import annotations

import datetime
import warnings
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse

from tests.tolerances import PARITY, RIDGE, relative_difference
from weightdecay.data.dataset import from_arrays
from weightdecay.data.given import inputs
from weightdecay.errors import InputError
from weightdecay.estimators import WeightDecayCV, WeightDecayRegressor
from weightdecay.paths.examples import examples
from weightdecay.tuning.model import Model
from weightdecay.tuning.path import regularization_path
from weightdecay.tuning.running import tune

RNG = np.random.default_rng(0)
NAMES = ("a", "b", "c")
X = RNG.standard_normal((30, 3)) * [1, 10, 100]
Y = X @ [3.0, 0.2, -0.01] + RNG.standard_normal(30)


class Frame:
    """A data frame like pandas', with nothing but what is read of one."""

    def __init__(self, columns: dict[Any, np.ndarray]) -> None:
        self._of = columns

    @property
    def columns(self) -> list[Any]:
        return list(self._of)

    def __getitem__(self, name: Any) -> np.ndarray:
        return self._of[name]

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.column_stack(list(self._of.values()))


def records(columns: dict[str, np.ndarray]) -> np.ndarray:
    made = np.empty(len(X), [(name, "f8") for name in columns])
    for name, values in columns.items():
        made[name] = values
    return made


KINDS: dict[str, Any] = {
    "polars": pl.DataFrame,
    "pyarrow": pa.table,
    "batch": pa.RecordBatch.from_pydict,
    "like pandas": Frame,
    "mapping": dict,
    "records": records,
}


def made(kind: str, names: Any = NAMES, of: Any = X) -> Any:
    at = {name: i for i, name in enumerate(NAMES)}
    return KINDS[kind]({name: of[:, at.get(name, 0)] for name in names})


@pytest.mark.parametrize("kind", KINDS)
class TestByName:
    def test_reordered_columns_predict_the_same(self, kind: str) -> None:
        found = tune(made(kind), Y)
        assert found.columns == NAMES
        expected = X @ found.w[:, 0] + found.b
        for names in (NAMES, "cab", "bca"):
            predicted = found.predict(made(kind, names))
            assert relative_difference(predicted, expected) <= PARITY["float64"]
            predicted = Model.of(found).predict(made(kind, names))
            assert relative_difference(predicted, expected) <= PARITY["float64"]
        assert relative_difference(found.predict(X), expected) <= PARITY["float64"]

    def test_missing_and_other_columns_are_named(self, kind: str) -> None:
        found = tune(made(kind), Y)
        for names, message in [
            (("a", "b"), "lacks the columns 'c': "),
            (("a", "b", "z"), "lacks the columns 'c' and has the columns 'z', which the fit"),
            ((*NAMES, "y"), "has the columns 'y', which the fit did not"),
        ]:
            with pytest.raises(InputError, match=message):
                found.predict(made(kind, names))

    def test_names_that_the_fit_had_not_are_told_of(self, kind: str) -> None:
        found = tune(X, Y)
        with pytest.warns(UserWarning, match="the inputs of the fit had none") as told:
            predicted = found.predict(made(kind))
        assert told[0].filename == __file__
        assert relative_difference(predicted, found.predict(X)) <= PARITY["float64"]

    def test_validation_inputs(self, kind: str) -> None:
        both = from_arrays(made(kind), Y, made(kind, "cab"), Y)
        assert (both.X_val == both.X_train).all()
        with pytest.raises(InputError, match="X_val lacks the columns 'c'"):
            from_arrays(made(kind), Y, made(kind, "ab"), Y)

    def test_a_path_has_its_names_for_penalty_factors(self, kind: str) -> None:
        path = regularization_path(made(kind), Y, lambdas=[0.1], penalty_factors={"c": 0.0})
        same = regularization_path(X, Y, lambdas=[0.1], penalty_factors=[1, 1, 0])
        assert relative_difference(path.w, same.w) <= PARITY["float64"]


@pytest.mark.parametrize("Estimator", [WeightDecayCV, WeightDecayRegressor])
def test_estimators_refuse_another_order_as_scikit_learn_does(Estimator: Any) -> None:
    fitted = Estimator().fit(made("polars"), Y)
    with pytest.raises(ValueError, match="must be in the same order"):
        fitted.predict(made("polars", "cab"))
    if Estimator is WeightDecayCV:
        both = (fitted.result_.predict(made("polars", names)) for names in (NAMES, "cab"))
        assert relative_difference(*both) <= PARITY["float64"]


def test_an_input_twice_is_refused() -> None:
    twice = pa.table([X[:, 0], X[:, 1], X[:, 2]], names=["a", "b", "a"])
    with pytest.raises(InputError, match="more than one column of X is called 'a'"):
        tune(twice, Y)


NOW = datetime.datetime(2024, 1, 31)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (X + 0j, "real numbers but complex ones"),
        (sparse.csr_array(X + 1j), "real numbers but complex ones"),
        (np.array([[1 + 2j, 1], [2, 3]], object), "real numbers but complex ones"),
        (np.ma.array(X, mask=X > 90), "column 'x2', row .*: the value is missing"),
        (
            [np.ma.array([1.0, 2.0], mask=[0, 1]), [1.0, 2.0]],
            "column 'x1', row 1: the value is mis",
        ),
        ([[1.0, None], [2.0, 3.0]], "column 'x1', row 1: the value is missing"),
        (pl.DataFrame({"a": [1, None], "b": [1, 2]}), "column 'a', row 2: the value is missing"),
        (pa.table({"a": [1, None], "b": [1, 2]}), "column 'a', row 2: the value is missing"),
        (sparse.csr_array([[1, 0], [0, np.nan]]), "column 'x1', row 2: the value is missing"),
        ([["1", "2"], ["3", "4"]], "numbers but text"),
        (np.array([[b"1"], [b"2"]]), "numbers but text"),
        (np.array([[1, "2"], [3, 4]], object), "numbers but text: encode it \\('2'\\)"),
        (pl.DataFrame({"a": ["x", "y"]}), "column 'a' of X does not hold numbers but text"),
        (np.array([["2024-01-31"], ["2024-02-01"]], "M8[D]"), "numbers but dates"),
        (np.array([[1], [2]], "m8[s]"), "numbers but time spans"),
        (np.array([[NOW], [NOW]]), "numbers but dates"),
        (pl.DataFrame({"a": [NOW, NOW]}), "column 'a' of X does not hold numbers but dates"),
        ([[1, 2], [3]], "does not hold numbers"),
        ([[10**400], [1]], "column 'x0', row 1: the value is infinite"),
        (np.array([["1e400"], ["1"]]).astype(np.longdouble), "row 1: the value is infinite"),
        ({"a": [1, 2], "b": [1]}, "not lists of one length"),
    ],
)
def test_what_is_no_table_of_numbers_is_refused(values: Any, message: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(InputError, match=message):
            examples(values, [1.0, 2.0] if inputs_rows(values) == 2 else Y)


def inputs_rows(values: Any) -> int:
    return 30 if getattr(values, "shape", (2,))[0] == 30 else 2


@pytest.mark.parametrize(
    "y", [Y + 0j, np.ma.array(Y, mask=Y > 3), Y.astype(str), sparse.csr_array([Y])]
)
def test_targets_and_weights_are_looked_at_alike(y: Any) -> None:
    for call in (lambda: examples(X, y), lambda: from_arrays(X, y), lambda: examples(X, Y, y)):
        with pytest.raises(InputError):
            call()


@pytest.mark.parametrize(
    "values",
    [
        X.astype(">f8"),
        X.astype(np.longdouble),
        X.astype(object),
        np.asfortranarray(X),
        np.repeat(X, 2, axis=0)[::2],
        np.ma.array(X, mask=False),
        [[Decimal(value) for value in row] for row in X.tolist()],
        sparse.coo_array(X),
    ],
)
def test_numbers_of_every_kind_are_the_same_numbers(values: Any) -> None:
    found = inputs(values).values
    found = found.toarray() if hasattr(found, "toarray") else found
    assert found.dtype == np.float64
    assert (found == X).all()


def test_truth_and_small_integers_are_numbers() -> None:
    for values in (X > 0, (X > 0).astype("i1"), sparse.csr_array(X > 0), (X > 0).astype("f2")):
        found = regularization_path(values, Y, lambdas=[0.1])
        same = regularization_path((X > 0).astype(float), Y, lambdas=[0.1])
        assert relative_difference(found.w, same.w) <= RIDGE


def test_places_that_a_sparse_table_stores_twice_add_up() -> None:
    places = np.arange(90) % 3
    twice = sparse.csr_array(
        (np.repeat(X.ravel() / 2, 2), np.repeat(places, 2), np.arange(0, 181, 6)), (30, 3)
    )
    found = regularization_path(twice, Y, lambdas=[0.1])
    assert relative_difference(found.w, regularization_path(X, Y, lambdas=[0.1]).w) <= RIDGE
