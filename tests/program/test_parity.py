"""`compare`: the first step, tensor and element that part, on trajectories from anywhere."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tolerances import PARITY
from weightdecay import Experiment, Synthetic, compare, fit, tolerances
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


@pytest.mark.parametrize(
    ("narrow", "as_fine_as"),
    [
        ("float16", "float16"),
        ("complex64", "float32"),
        ("complex128", "float64"),
        ("int64", "float64"),
    ],
)
def test_one_rounding_to_a_coarser_dtype_is_no_difference(narrow: str, as_fine_as: str) -> None:
    tolerance = PARITY[as_fine_as]
    values = np.linspace(1, 2, 999)[:, None]
    if narrow == "int64":
        values = np.round(2 / tolerance * values)
    found = compare({"w": values.astype(narrow)}, {"w": values})
    assert (found.agrees, found.tolerance) == (True, tolerance)
    assert found.dtypes == {"w": (narrow, "float64")}
    assert f"rounding ({narrow} against float64)." in str(found)
    assert not compare({"w": (values * (1 + 3 * tolerance)).astype(narrow)}, {"w": values}).agrees


def test_whole_numbers_are_compared_to_their_last_digit() -> None:
    for dtype in (np.int64, np.uint64):
        counts = np.array([2**62, 2**62 + 1], dtype)
        assert compare(counts, counts, tolerance=0).agrees
        assert not compare(counts, counts[::-1], tolerance=0).agrees


def test_floats_of_few_bits_err_by_half_a_unit_of_their_last_place() -> None:
    bits = {"float16": 11, "bfloat16": 8, "float8_e4m3fn": 4, "float8_e5m2": 3, "float4_e2m1fn": 2}
    for dtype, significant in bits.items():
        half = 2.0**-significant
        assert half / (1 + half) <= tolerances.rounding(dtype) <= 1.01 * half


@pytest.mark.parametrize("other", [1, np.exp(0.1j), 1 + np.finfo(float).eps])
def test_complex_numbers_are_compared_as_such(other: complex) -> None:
    rng = np.random.default_rng(0)
    reference = rng.standard_normal((5, 3)) + 1j * rng.standard_normal((5, 3))
    found = compare({"w": other * reference}, {"w": reference})
    assert found.max_relative_difference == pytest.approx(abs(other - 1), rel=PARITY["float32"])
    assert found.agrees == (abs(other - 1) < PARITY["float64"])
    against = compare({"w": reference}, {"w": reference.real}).first_divergence
    assert against is not None
    assert against.value == reference[0][against.index]


def test_what_is_not_finite_in_both_hides_nothing() -> None:
    """An infinite scale would make everything after it alike, and a NaN everything apart."""
    for bad in (np.nan, np.inf, complex(np.nan, 1)):
        reference = np.array([[bad, 1.0], [1.0, 1.0]])
        assert compare(reference * [1, 1 + 1e-15], reference).agrees
        found = compare(reference + np.array([[0, 0], [0, 1e-3]]), reference)
        assert found.max_relative_difference == pytest.approx(1e-3)
    assert not compare([complex(0, np.inf)], [complex(0, -np.inf)]).agrees
    assert not compare([complex(np.nan, 1)], [complex(1, 2)]).agrees


def in_place(view: Callable[[np.ndarray], Any]) -> list[Any]:
    """The trajectory of a program that appends without a copy."""
    w, steps = np.zeros((2, 2)), []
    for _ in range(4):
        w += 1
        steps.append(view(w))
    return steps


@pytest.mark.parametrize(
    "steps",
    [
        in_place(lambda w: w),
        in_place(lambda w: w.T),
        in_place(lambda w: w[::-1]),
        {"w": in_place(lambda w: w[1:])},
        in_place(lambda w: {"w": w, "b": w.sum()}),
        in_place(lambda w: [w, w]),
        deque(in_place(lambda w: w)),
        [[[1.0, 2.0], [3.0, 4.0]]] * 4,
        [{"w": [1.0, 2.0]}] * 4,
    ],
)
def test_steps_that_are_one_memory_are_no_trajectory(steps: Any) -> None:
    with pytest.raises(InputError, match=r"^all steps share one memory in .*append a copy"):
        compare(steps, np.ones((4, 2, 2)))


def test_which_steps_share_memory_is_told() -> None:
    one, two = np.ones(3), np.ones(3)
    with pytest.raises(InputError, match=r"^steps 1 and 3 share one memory in 'w'"):
        compare([{"w": w} for w in (np.ones(3), one, two, one)], np.ones((4, 3)))


def test_memory_of_its_own_may_be_part_of_one_array() -> None:
    reference = walk()
    for rows in (
        list(reference["w"]),
        list(np.moveaxis(np.moveaxis(reference["w"], 0, -1), -1, 0)),
    ):
        assert compare(rows, reference["w"]).agrees
    apart = np.asfortranarray(reference["w"])  # steps lie between one another
    assert compare(list(apart), reference["w"]).agrees
    tied = [{"in": w, "out": w} for w in reference["w"]]
    assert compare(tied, {"in": reference["w"], "out": reference["w"]}).agrees
    assert compare(in_place(np.copy), in_place(np.copy)).agrees
    frozen = np.ones(3)
    frozen.flags.writeable = False
    assert compare([frozen] * 4, np.ones((4, 3))).agrees


def test_masks_are_not_ignored() -> None:
    masked = np.ma.masked_array(np.ones((2, 3)), mask=[[0, 0, 1], [0, 0, 0]])
    for steps in (masked, list(masked), {"w": masked}):
        with pytest.raises(InputError, match="has masked values"):
            compare(steps, steps)
    assert compare(np.ma.masked_array(np.ones((2, 3))), np.ones((2, 3))).agrees


def test_a_named_tuple_names_its_tensors() -> None:
    a = fit(SMALL, record=True).trajectory
    assert a is not None
    assert compare(a, {"w": a.w, "b": a.b}).agrees


class Unreadable:
    """As tensors on a device of no numbers, deleted ones and random keys are."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        raise RuntimeError("Array has been deleted\nor so")


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ({"w": np.ones((2, 1))}, {"v": np.ones((2, 1))}, "name different tensors"),
        ({"w": np.ones((2, 1)), "b": np.ones(3)}, {}, "number of steps"),
        ({}, {}, "is empty"),
        (np.ones(()), np.ones(()), "is one number"),
        ({"w": 1.0}, {"w": 1.0}, "'w' is one number"),
        ([], [], "is empty"),
        ({"w": np.ones((2, 0))}, {"w": np.ones((2, 0))}, "is empty"),
        (
            [{"w": 1}, {"b": 1}],
            np.ones(2),
            "step 1, only step 0 has 'w' and only step 1 has 'b'",
        ),
        ([{"w": 1}, [1]], np.ones(2), "step 1 of a trajectory is a list"),
        ({"w": ["a", "b"]}, {"w": np.ones(2)}, "must hold numbers"),
        (
            {"w": np.array([1.0, None])},
            {"w": np.ones(2)},
            "'w' holds ndarray: it must hold",
        ),
        ({"w": np.array(["2020"], "M8[Y]")}, {"w": np.ones(1)}, "datetime64.*must hold numbers"),
        (
            {"w": [Unreadable()]},
            {"w": [1.0]},
            r"cannot be read \(Array has been deleted\)",
        ),
        ({"w": [10**400]}, {"w": [1.0]}, "must hold numbers"),
        ({"layer": {"w": np.ones(2)}}, {"w": np.ones(2)}, "'layer' is nested: .*layer.weight"),
        ([{"layer": {"w": 1.0}}], np.ones(1), "'layer' is nested"),
        ([[np.ones(2), 1.0]], np.ones(1), r"shapes \(2,\) and, in place 1, \(\): give each tensor"),
        ([np.ones(2), np.ones(3)], np.ones(2), r"shapes \(2,\) and, in place 1, \(3,\)"),
        ({1: [1.0], "1": [2.0]}, {"1": [2.0]}, "read the same"),
        (
            {str(i): [1.0] for i in range(9)},
            {"8": [1.0]},
            "only the first has '0', '1', '2', '3', '4' and 3 more.$",
        ),
        ({"w": np.ones((3, 1))}, {"w": np.ones((2, 1))}, "have 3 and 2 steps"),
        (
            {"w": np.ones((2, 1))},
            {"w": np.ones((2, 2))},
            r"shape \(1,\) in the first .* \(2,\) in",
        ),
    ],
)
def test_what_cannot_be_compared_is_told(a: Any, b: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        compare(a, b)


@pytest.mark.parametrize("tolerance", [np.nan, np.inf, -1.0, "1e-3", True])
def test_a_tolerance_that_would_settle_it_is_refused(tolerance: Any) -> None:
    with pytest.raises(InputError, match=r"tolerance is .*: it must be a finite number"):
        compare(walk(), {name: 2 * values for name, values in walk().items()}, tolerance=tolerance)


def test_a_complex_initial_state_does_not_lose_its_imaginary_part() -> None:
    with pytest.raises(InputError, match="two arrays of real numbers"):
        fit(SMALL, initial=(1j * np.ones(4), 0.0))
