"""`compare`: the first step, tensor and element that part, on trajectories from anywhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tolerances import PARITY
from weightdecay import Experiment, Synthetic, compare, fit
from weightdecay.errors import InputError

SMALL = Experiment(data=Synthetic(num_train=11, num_val=3, num_inputs=4), lr=0.05, epochs=2)


def walk(steps: int = 8) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {"w": rng.standard_normal((steps, 3, 2)), "b": rng.standard_normal(steps)}


@given(step=st.integers(0, 7), row=st.integers(0, 2), column=st.integers(0, 1))
def test_the_planted_difference_is_found(step: int, row: int, column: int) -> None:
    reference, ours = walk(), walk()
    ours["w"][step, row, column] += 1e-6
    ours["b"][step + 1 :] += 1
    found = compare(ours, reference)
    first = found.first_divergence
    assert first is not None
    assert not found.agrees
    assert (first.step, first.tensor, first.index) == (step, "w", (row, column))
    assert first.value == ours["w"][step, row, column]
    assert first.reference == reference["w"][step, row, column]
    scale = np.max(abs(reference["w"][: step + 1]))
    assert first.relative_difference == pytest.approx(1e-6 / scale, rel=1e-6)
    assert found.growth.shape == (8,)
    assert (found.growth[:step] == 0).all()
    assert found.max_relative_difference == np.max(found.growth)


def test_rounding_is_no_difference() -> None:
    reference, ours = walk(), walk()
    ours["w"] *= 1 + 1e-15
    assert compare(ours, reference).agrees
    assert compare(ours, reference, tolerance=0).first_divergence is not None


def test_the_tolerance_follows_the_coarser_dtype() -> None:
    ours = {name: values.astype(np.float32) for name, values in walk().items()}
    assert compare(ours, walk()).tolerance == PARITY["float32"]
    assert compare(ours, walk()).agrees
    assert compare(walk(), walk()).tolerance == PARITY["float64"]


def test_a_run_that_explodes_later_does_not_hide_its_beginning() -> None:
    reference = {"w": np.array([[1.0], [1.0], [1e30]])}
    ours = {"w": np.array([[1.0], [1.1], [1e30]])}
    first = compare(ours, reference).first_divergence
    assert first is not None
    assert first.step == 1


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_a_difference_unless_both_are(bad: float) -> None:
    reference, ours = walk(), walk()
    ours["b"][3] = bad
    found = compare(ours, reference)
    assert found.max_relative_difference == np.inf
    first = found.first_divergence
    assert first is not None
    assert (first.step, first.tensor, first.index) == (3, "b", ())
    reference["b"][3] = bad
    assert compare(ours, reference).agrees


def test_recorded_fits_compare() -> None:
    a = fit(SMALL, record=True)
    assert compare(a, fit(SMALL, record=True)).agrees
    other = fit(SMALL, initial=(np.zeros(4), [0, 1e-3]), record=True)
    first = compare(other, a).first_divergence
    assert first is not None
    assert first.step == 0
    with pytest.raises(InputError, match="record=True"):
        compare(fit(SMALL), a)


def test_snapshots_and_plain_arrays_compare() -> None:
    reference = walk()
    snapshots = [{"w": reference["w"][t], "b": reference["b"][t]} for t in range(8)]
    assert compare(snapshots, reference).agrees
    assert compare(reference["w"], list(reference["w"])).agrees


class Tensor:
    """Like PyTorch's: NumPy may not read it while it has a gradient."""

    def __init__(self, values: Any, attached: bool = True) -> None:
        self.values, self.attached = values, attached

    def detach(self) -> Tensor:
        return Tensor(self.values, attached=False)

    def cpu(self) -> Tensor:
        return self

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        assert not self.attached
        return np.asarray(self.values)


def test_tensors_with_gradients_compare() -> None:
    reference = walk()
    snapshots = [{name: Tensor(values[t]) for name, values in reference.items()} for t in range(8)]
    assert compare(snapshots, reference).agrees


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ({"w": np.ones((2, 1))}, {"v": np.ones((2, 1))}, "name different tensors"),
        ({"w": np.ones((2, 1))}, {"w": np.ones((2, 2))}, "has shapes"),
        ({"w": np.ones((2, 1)), "b": np.ones(3)}, {}, "number of steps"),
        ({}, {}, "is empty"),
        (np.ones(()), np.ones(()), "is empty"),
        ([], [], "is empty"),
        ([{"w": 1}, {"b": 1}], np.ones(2), "same tensors"),
        ({"w": ["a", "b"]}, {"w": np.ones(2)}, "must hold numbers"),
    ],
)
def test_what_cannot_be_compared_is_told(a: Any, b: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        compare(a, b)
