"""Comparing two trajectories: how far apart they are, and the first step at which they part.

The measure is |x − x₀| over the largest |x₀| that the reference has shown so far in that tensor, so
that a run that later explodes does not hide where it began to differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from weightdecay.errors import InputError
from weightdecay.ops import NumPyArray
from weightdecay.tolerances import PARITY
from weightdecay.train import FitResult


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
    value, reference : float
        That element in both.
    relative_difference : float
        The relative difference at that step.
    """

    step: int
    tensor: str
    index: tuple[int, ...]
    value: float
    reference: float
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
    """

    max_relative_difference: float
    tolerance: float
    agrees: bool
    first_divergence: Divergence | None
    growth: NumPyArray


def compare(a: Any, b: Any, *, tolerance: float | None = None) -> Comparison:
    """Compare a trajectory with a reference, step by step and tensor by tensor.

    Parameters
    ----------
    a, b : trajectories
        Each one of: a `FitResult` that was recorded; a mapping from names to arrays of shape
        (steps, …); a sequence with one mapping from names to arrays a step, such as copies of a
        ``state_dict()``; one array of shape (steps, …). Tensors of any framework that NumPy can
        read will do. `b` is the reference.
    tolerance : float, optional
        By default rounding for the coarser dtype of the two: 1e-12 for float64, 1e-5 for float32.

    Raises
    ------
    InputError
        Trajectories without a common name, shape or number of steps.
    """
    ours, reference = trajectory(a), trajectory(b)
    if ours.keys() != reference.keys():
        raise InputError(
            f"the trajectories name different tensors, {sorted(ours)} and {sorted(reference)}: "
            "they must have the same names."
        )
    for name in reference:
        if ours[name].shape != reference[name].shape:
            raise InputError(
                f"{name!r} has shapes {ours[name].shape} and {reference[name].shape}: both must "
                "have the same steps and elements."
            )
    if tolerance is None:
        dtypes = {x.dtype for x in [*ours.values(), *reference.values()]}
        tolerance = PARITY["float32" if np.dtype(np.float32) in dtypes else "float64"]
    apart = {name: differences(ours[name], reference[name]) for name in reference}
    growth = np.max(list(apart.values()), axis=0)
    largest = float(np.max(growth))
    first = None
    if largest > tolerance:
        step = int(np.argmax(growth > tolerance))
        name = max(apart, key=lambda name: apart[name][step])
        first = _divergence(step, name, ours[name][step], reference[name][step], growth[step])
    return Comparison(largest, tolerance, first is None, first, growth)


def differences(x: NumPyArray, reference: NumPyArray) -> NumPyArray:
    """The relative difference at every step, for arrays of shape (steps, …)."""
    steps = len(reference)
    x, reference = (array.reshape(steps, -1).astype(np.float64) for array in (x, reference))
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.max(np.abs(x - reference), axis=1, initial=0)
        same = np.all((x == reference) | (np.isnan(x) & np.isnan(reference)), axis=1)
        scale = np.maximum.accumulate(np.max(np.abs(reference), axis=1, initial=0))
        relative = apart / np.where(scale > 0, scale, 1.0)
    return np.where(same, 0.0, np.where(np.isfinite(relative), relative, np.inf))


def _divergence(
    step: int, name: str, x: NumPyArray, reference: NumPyArray, relative: float
) -> Divergence:
    with np.errstate(invalid="ignore"):
        distance = np.abs(x.astype(np.float64) - reference)
    distance = np.where(np.isnan(distance) & ~(np.isnan(x) & np.isnan(reference)), np.inf, distance)
    index = np.unravel_index(int(np.argmax(np.nan_to_num(distance, nan=-1))), x.shape)
    return Divergence(
        step,
        name,
        tuple(int(i) for i in index),
        float(x[index]),
        float(reference[index]),
        float(relative),
    )


def trajectory(given: Any) -> dict[str, NumPyArray]:
    """Names to arrays of shape (steps, …); see `compare` for what may be given."""
    if isinstance(given, FitResult):
        if given.trajectory is None:
            raise InputError("the result has no trajectory: run fit with record=True.")
        found = given.trajectory._asdict()
    elif isinstance(given, Mapping):
        found = {str(name): _array(values) for name, values in given.items()}
    elif isinstance(given, Sequence) and given and isinstance(given[0], Mapping):
        names = set(given[0])
        if any(set(step) != names for step in given):
            raise InputError("the steps of a trajectory must all name the same tensors.")
        found = {str(name): np.stack([_array(step[name]) for step in given]) for name in given[0]}
    else:
        found = {"parameters": _array(given)}
    if not found or any(array.ndim == 0 or not len(array) for array in found.values()):
        raise InputError("a trajectory is empty: it must hold at least one step of one tensor.")
    if len({len(array) for array in found.values()}) != 1:
        lengths = {name: len(array) for name, array in found.items()}
        raise InputError(f"the tensors of a trajectory differ in their number of steps: {lengths}.")
    return found


def _array(values: Any) -> NumPyArray:
    if isinstance(values, Sequence) and not isinstance(values, str):
        return np.stack([_array(value) for value in values]) if len(values) else np.empty(0)
    if hasattr(values, "detach"):  # PyTorch will not give NumPy a tensor that has a gradient
        values = values.detach().cpu()
    elif hasattr(values, "asnumpy"):  # MXNet
        values = values.asnumpy()
    try:
        array = np.asarray(values)
        return array if array.dtype.kind == "f" else array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"a trajectory must hold numbers ({error}).") from error
