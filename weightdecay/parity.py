"""Comparing two trajectories: how far apart they are, and the first step at which they part.

The measure is |x − x₀| over the largest |x₀| that the reference has shown so far in that tensor
(and |x − x₀| itself while that is 0), so that a run that later explodes does not hide where it
began to differ. Complex numbers are compared as such.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from weightdecay.errors import InputError
from weightdecay.ops import NumPyArray
from weightdecay.tensors import Tensor
from weightdecay.tolerances import rounding
from weightdecay.trajectories import apart, trajectory
from weightdecay.validate import number


@dataclass(frozen=True)
class Divergence:
    """Where two trajectories part.

    Attributes
    ----------
    step : int
        The first step at which any tensor differs by more than the tolerance; 0 is the initial
        state.
    tensor, index : str, tuple of int
        The tensor, and its element with the largest difference there.
    value, reference : float or complex
        That element in both.
    relative_difference : float
        The relative difference at that step.
    """

    step: int
    tensor: str
    index: tuple[int, ...]
    value: float | complex
    reference: float | complex
    relative_difference: float


@dataclass(frozen=True, eq=False)
class Comparison:
    """The outcome of comparing two trajectories.

    Attributes
    ----------
    max_relative_difference : float
        The largest over all tensors and steps; infinite where one of the two is not finite.
    tolerance : float
        What counts as rounding.
    agrees : bool
        Whether no step differs by more.
    first_divergence : Divergence or None
        Where they part, if they do.
    growth : array of shape (steps + 1,)
        The largest relative difference at every step.
    dtypes : dict
        By tensor, the names of its dtypes in the two, where they differ.
    """

    max_relative_difference: float
    tolerance: float
    agrees: bool
    first_divergence: Divergence | None
    growth: NumPyArray
    dtypes: dict[str, tuple[str, str]]

    def __str__(self) -> str:
        """Say how far apart they are, and where they part."""
        said = f"the largest relative difference is {self.max_relative_difference:.1e}, "
        said += f"where {self.tolerance:g} is rounding"
        first = self.first_divergence
        if first is not None:
            where = f"{first.tensor}[{', '.join(map(str, first.index))}]"
            said = (
                f"they part at step {first.step}, {where}: {first.value!r} against "
                f"{first.reference!r}; {said}"
            )
        mixed = sorted({f"{ours} against {theirs}" for ours, theirs in self.dtypes.values()})
        return f"{said} ({', '.join(mixed)})." if mixed else f"{said}."


def compare(a: Any, b: Any, *, tolerance: float | None = None) -> Comparison:
    """Compare a trajectory with a reference, step by step and tensor by tensor.

    Parameters
    ----------
    a, b : trajectories
        Each one of: a `FitResult` that was recorded; a mapping from names to arrays of shape
        (steps, …); a sequence with one mapping from names to arrays a step, such as copies of a
        ``state_dict()``; one array of shape (steps, …). Tensors of NumPy, PyTorch, TensorFlow,
        Keras, JAX and MXNet will do, of any float, complex or whole dtype, wherever they lie. `b`
        is the reference.
    tolerance : float, optional
        By default rounding for the coarsest dtype of the two, since what one tensor rounds reaches
        the others: 1e-12 for float64, 1e-5 for float32, 4.9e-4 for float16, 3.9e-3 for bfloat16.

    Raises
    ------
    InputError
        Trajectories without a common name, shape or number of steps; what is not made of numbers;
        steps that share one memory.
    """
    if tolerance is not None:
        tolerance = number("tolerance", tolerance, least=0)
    ours, reference = trajectory(a), trajectory(b)
    _require_alike(ours, reference)
    if tolerance is None:
        tolerance = max(rounding(x.dtype) for x in [*ours.values(), *reference.values()])
    relative = {name: differences(ours[name].array, reference[name].array) for name in reference}
    growth = np.max(list(relative.values()), axis=0)
    largest = float(np.max(growth))
    first = None
    if largest > tolerance:
        step = int(np.argmax(growth > tolerance))
        name = max(relative, key=lambda name: relative[name][step])
        x, x0 = ours[name].array[step], reference[name].array[step]
        index = np.unravel_index(int(np.argmax(_distances(x, x0))), x.shape)
        place = tuple(int(i) for i in index)
        there = float(growth[step])
        first = Divergence(step, name, place, x[index].item(), x0[index].item(), there)
    dtypes = {name: (ours[name].dtype, reference[name].dtype) for name in reference}
    differ = {name: pair for name, pair in dtypes.items() if pair[0] != pair[1]}
    return Comparison(largest, tolerance, first is None, first, growth, differ)


def differences(x: NumPyArray, reference: NumPyArray) -> NumPyArray:
    """The relative difference at every step, for arrays of shape (steps, …)."""
    steps = len(reference)
    x, reference = x.reshape(steps, -1), reference.reshape(steps, -1)
    with np.errstate(over="ignore"):
        size = np.abs(reference.astype(_common(reference)))
        # What is not finite is no scale: after it everything would be alike.
        size = np.where(np.isfinite(size), size, 0)
        scale = np.maximum.accumulate(np.max(size, axis=1, initial=0))
        apart = np.max(_distances(x, reference), axis=1, initial=0)
        return np.asarray(apart / np.where(scale > 0, scale, 1.0), np.float64)


def _distances(x: NumPyArray, reference: NumPyArray) -> NumPyArray:
    """|x − x₀|: 0 for equals, two NaN among them, and else infinite where it is not finite."""
    dtype = _common(x, reference)
    x, reference = x.astype(dtype), reference.astype(dtype)
    with np.errstate(invalid="ignore", over="ignore"):
        distance = np.abs(x - reference)
    same = (x == reference) | (np.isnan(x) & np.isnan(reference))
    return np.where(same, 0.0, np.where(np.isfinite(distance), distance, np.inf))


def _common(*arrays: NumPyArray) -> np.dtype[Any]:
    """At least float64, and complex where one of them is."""
    return np.result_type(np.float64, *(array.dtype for array in arrays))


def _require_alike(ours: dict[str, Tensor], reference: dict[str, Tensor]) -> None:
    if ours.keys() != reference.keys():
        told = apart(ours, reference, "the first", "the second")
        raise InputError(f"the trajectories name different tensors: {told}.")
    for name in reference:
        (steps, *shape), (steps0, *shape0) = ours[name].array.shape, reference[name].array.shape
        if steps != steps0:
            raise InputError(
                f"the trajectories have {steps} and {steps0} steps: give both the same ones, "
                "the initial state in both or in neither."
            )
        if shape != shape0:
            raise InputError(
                f"{name!r} has the shape {tuple(shape)} in the first trajectory and "
                f"{tuple(shape0)} in the second: it must have the same in both."
            )
