"""Generators, splits, standardisation, monomials and minibatch plans."""

from __future__ import annotations

from itertools import combinations_with_replacement

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tolerances import PARITY, relative_difference
from weightdecay import (
    Experiment,
    Polynomial,
    Synthetic,
    Table,
    count_monomials,
    from_arrays,
    load_data,
    monomial_features,
)
from weightdecay.data import minibatches
from weightdecay.data.monomials import scaled_powers
from weightdecay.errors import InputError


def test_synthetic_is_the_equation_it_says() -> None:
    noiseless = load_data(Synthetic(noise_std=0), seed=0)
    assert (noiseless.num_train, noiseless.num_val, noiseless.num_inputs) == (20, 100, 200)
    expected = 0.05 + noiseless.X_train @ np.full(200, 0.01)
    assert relative_difference(noiseless.y_train, expected) <= PARITY["float64"]
    noisy = load_data(Synthetic(num_train=20_000, num_inputs=3, noise_std=0.5), seed=1)
    noise = noisy.y_train - (0.05 + noisy.X_train @ np.full(3, 0.01))
    assert np.std(noise) == pytest.approx(0.5, rel=0.03)
    assert np.std(noisy.X_train) == pytest.approx(1, rel=0.03)


def test_the_seed_decides_the_draw() -> None:
    a, b, c = (load_data(Synthetic(), seed) for seed in (3, 3, 4))
    assert (a.X_train == b.X_train).all()
    assert not (a.X_train == c.X_train).any()


def test_polynomial_truth_is_reproduced_by_its_own_coefficients() -> None:
    data = load_data(Polynomial(degree=3, noise_std=0), seed=2)
    expected = 5 + data.X_val @ [1.2, -3.4, 5.6]
    assert relative_difference(data.y_val, expected) <= PARITY["float64"]
    assert data.columns == ("x", "x^2/2!", "x^3/3!")


def test_scaled_powers() -> None:
    assert scaled_powers(np.array([2.0]), 4).tolist() == [[2, 2, 8 / 6, 16 / 24]]


@given(st.integers(0, 6), st.integers(1, 5))
def test_monomials_are_counted(degree: int, variables: int) -> None:
    listed = list(combinations_with_replacement(range(variables), degree))
    assert count_monomials(degree, variables) == len(listed)


@given(st.integers(1, 4), st.integers(1, 4))
def test_monomial_features_are_what_their_names_say(degree: int, variables: int) -> None:
    X = np.random.default_rng(0).uniform(0.5, 2, (3, variables))
    columns = [f"v{i}" for i in range(variables)]
    features, names = monomial_features(X, degree, columns)
    assert len(set(names)) == len(names) == features.shape[1]
    assert len(names) == sum(count_monomials(d, variables) for d in range(1, degree + 1))
    values = {column: X[:, i] for i, column in enumerate(columns)}
    for name, feature in zip(names, features.T, strict=True):
        computed = eval(name.replace("^", "**"), {}, values)
        assert relative_difference(feature, computed) <= PARITY["float64"]


def test_an_expansion_that_cannot_fit_is_refused() -> None:
    with pytest.raises(InputError, match="choose a lower degree"):
        monomial_features(np.ones((2, 200)), 3, [f"x{i}" for i in range(200)])


@given(st.integers(2, 200), st.floats(0.01, 0.99), st.integers(0, 1000))
def test_the_split_is_a_partition(n: int, fraction: float, seed: int) -> None:
    X = np.arange(n, dtype=float)[:, None]
    data = from_arrays(X, X[:, 0], validation_fraction=fraction, seed=seed)
    assert sorted([*data.y_train, *data.y_val]) == list(range(n))
    assert (data.X_train[:, 0] == data.y_train).all()
    assert 1 <= data.num_val <= n - 1
    assert abs(data.num_val - fraction * n) <= 1


def test_standardisation_is_fitted_on_the_training_part_only() -> None:
    rng = np.random.default_rng(5)
    X, y = rng.uniform(5, 9, (50, 3)), rng.uniform(-4, 0, 50)
    data = from_arrays(X, y, validation_fraction=0.3, standardize="both")
    for part in (data.X_train, data.y_train[:, None]):
        assert np.max(abs(part.mean(axis=0))) <= PARITY["float64"] * 10
        assert relative_difference(part.std(axis=0), np.ones(part.shape[1])) <= PARITY["float64"]
    assert abs(data.X_val.mean()) > 1e-3
    assert data.standardization is not None
    back = data.X_val * data.standardization.x_scale + data.standardization.x_mean
    raw = from_arrays(X, y, validation_fraction=0.3)
    assert relative_difference(back, raw.X_val) <= PARITY["float64"]
    inputs_only = from_arrays(X, y, validation_fraction=0.3, standardize="inputs")
    assert (inputs_only.y_train == raw.y_train).all()


def test_weighted_standardisation_is_that_of_repeated_rows() -> None:
    rng = np.random.default_rng(6)
    X, y = rng.standard_normal((9, 2)), rng.standard_normal(9)
    repeats = np.array([1, 2, 1, 3, 1, 1, 1, 1, 1])
    weighted = from_arrays(X, y, sample_weight=repeats.astype(float), standardize="inputs")
    repeated = from_arrays(X.repeat(repeats, axis=0), y.repeat(repeats), standardize="inputs")
    expected = repeated.X_train[np.cumsum(repeats) - 1]
    assert relative_difference(weighted.X_train, expected) <= PARITY["float64"]


@pytest.mark.parametrize("value", [0.0, 0.1, -1e9])
def test_a_constant_column_standardises_to_zero(value: float) -> None:
    X = np.column_stack([np.full(7, value), np.arange(7.0)])
    data = from_arrays(X, np.arange(7.0), standardize="inputs")
    assert relative_difference(data.X_train[:, 0], np.zeros(7)) <= PARITY["float32"]


def test_sample_weights_have_mean_one() -> None:
    data = from_arrays(np.ones((4, 1)), np.ones(4), sample_weight=[0, 1, 2, 5])
    assert data.weight_train is not None
    assert data.weight_train.tolist() == [0, 0.5, 1, 2.5]


def test_float32_stays_and_integers_become_float64() -> None:
    assert from_arrays(np.ones((3, 1), np.float32), np.ones(3)).X_train.dtype == np.float32
    assert from_arrays(np.ones((3, 1), int), np.ones(3)).X_train.dtype == np.float64


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"X": np.ones(3)}, "X has shape"),
        ({"y": np.ones(4)}, "y has shape"),
        ({"X": [["a", "b"]] * 3}, "does not hold numbers"),
        ({"X": [[1.0, np.nan]] + [[1.0, 2.0]] * 2}, "column 'x1', row 1: the value is missing"),
        ({"y": [1.0, 2.0, np.inf]}, "column 'y', row 3: the value is infinite"),
        ({"sample_weight": [1, -1, 1]}, "row 2: -1 is negative"),
        ({"sample_weight": [0, 0, 0]}, "are all 0"),
        ({"sample_weight": [1, 1]}, "sample_weight has shape"),
        ({"X_val": np.ones((1, 2))}, "go together"),
        ({"X_val": np.ones((1, 3)), "y_val": [1]}, "X_val has shape"),
        ({"validation_fraction": 1.0}, "below 1"),
        ({"standardize": "input"}, "did you mean 'inputs'"),
        ({"X": np.ones((0, 2)), "y": []}, "no training examples"),
        ({"X": np.ones((1, 2)), "y": [1], "validation_fraction": 0.5}, "at least 2 are needed"),
    ],
)
def test_bad_arrays_are_refused(arguments: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        from_arrays(**{"X": np.ones((3, 2)), "y": np.ones(3), **arguments})


@given(st.integers(1, 50), st.integers(1, 50), st.integers(0, 99))
def test_every_epoch_visits_every_row_once(n: int, size: int, seed: int) -> None:
    size = min(size, n)
    plans = list(minibatches.draw(n, size, 3, seed))
    assert len(plans) == 3
    for rows, mean in plans:
        assert rows.shape == mean.shape[:2] == (-(-n // size), size)
        real = mean[..., 0] > 0
        assert sorted(rows[real]) == list(range(n))
        assert relative_difference(mean.sum(axis=1), np.ones((len(rows), 1))) <= PARITY["float64"]
        # The last batch is as short as it has to be, and its examples count for more.
        assert real.sum(axis=1).tolist() == [size] * (n // size) + [n % size] * (n % size > 0)


def test_epochs_are_reshuffled_and_seeds_differ() -> None:
    first, second = (plan.rows.tolist() for plan in minibatches.draw(40, 5, 2, seed=0))
    assert first != second
    (other,) = (plan.rows.tolist() for plan in minibatches.draw(40, 5, 1, seed=1))
    assert first != other


def test_the_minibatches_do_not_depend_on_the_data_drawn() -> None:
    """Streams are independent: other data, the same plan; other batches, the same data."""
    a = next(minibatches.draw(20, 5, 1, seed=0)).rows
    load_data(Synthetic(num_inputs=7), seed=0)
    assert (a == next(minibatches.draw(20, 5, 1, seed=0)).rows).all()


def test_a_batch_larger_than_the_data_is_refused() -> None:
    with pytest.raises(InputError, match="batch_size is 21 and there are 20"):
        minibatches.require_batch(20, 21)


@pytest.mark.parametrize("plan", [[], [[]], [[[]]], [[[20]]], [[[-1]]], [[[0.5]]], [[[[1]]]]])
def test_bad_plans_are_refused(plan: list) -> None:
    with pytest.raises(InputError, match="minibatch plan"):
        minibatches.replay(plan, 20)


@pytest.mark.parametrize("kind", ["pandas-like", "sequence"])
def test_frames_name_the_inputs(kind: str) -> None:
    class Frame:
        columns = ("height", "weight")

        def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
            return np.ones((3, 2))

    X = Frame() if kind == "pandas-like" else [[1, 1]] * 3
    expected = ("height", "weight") if kind == "pandas-like" else ("x0", "x1")
    assert from_arrays(X, [1, 2, 3]).columns == expected


def test_the_named_data_set() -> None:
    data = load_data(Table("diabetes"), seed=0)
    assert (data.num_train, data.num_val, data.num_inputs) == (354, 88, 10)
    assert data.columns[:3] == ("age", "sex", "bmi")
    assert Experiment(data=Table("diabetes")).to_dict()["data"]["source"] == "diabetes"
