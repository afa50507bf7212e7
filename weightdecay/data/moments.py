"""Means and deviations of columns that neither overflow, nor vanish, nor cancel.

A column is first brought to

    (x − shift) / unit

exactly: `unit` is a power of two, by which floats are divided without rounding, and is 1 but for
very large or small columns; `shift` is one of the values where they lie close together far from 0,
and 0 elsewhere, so that the differences are floats, too (Sterbenz, 1974).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from weightdecay.errors import InputError
from weightdecay.ops import NumPyArray

FAR = 1024
"""The least value beside the spread from which on a column is shifted."""

ORDINARY = 40
"""Powers of two up to which a column keeps its unit, either way."""


ROOM = {"float64": 500, "float32": 60}
"""Powers of two whose squares, and sums of them, stay inside a dtype."""


class Moments(NamedTuple):
    """Arrays of shape (columns,); mean and deviation are those of (x − shift) / unit.

    The deviation of a constant column is exactly 0.
    """

    shift: NumPyArray
    unit: NumPyArray
    mean: NumPyArray
    deviation: NumPyArray

    @property
    def center(self) -> NumPyArray:
        """The mean of x."""
        return np.asarray(self.shift + self.unit * self.mean)

    @property
    def scale(self) -> NumPyArray:
        """The deviation of x, and 1 for a constant column."""
        return np.where(self.deviation == 0, 1, self.unit * self.deviation)

    def standardized(self, X: NumPyArray) -> NumPyArray:
        """X to mean 0 and deviation 1, in its own dtype; a constant column to 0."""
        deviation = np.where(self.deviation == 0, 1, self.deviation)
        with np.errstate(over="ignore"):  # of rows far outside those that were measured
            off = (X - self.shift.astype(X.dtype)) / self.unit.astype(X.dtype)
            found: NumPyArray = (off - self.mean.astype(X.dtype)) / deviation.astype(X.dtype)
        return found


def moments(X: NumPyArray, weight: NumPyArray | None = None) -> Moments:
    """Of the rows that count."""
    if weight is not None and not weight.all():
        X, weight = X[weight > 0], weight[weight > 0]
    shift, size = shifted(X.min(axis=0), X.max(axis=0))
    unit = units(size)
    if shift.any() or (unit != 1).any():
        X = (X - shift.astype(X.dtype)) / unit.astype(X.dtype)
    mean = np.average(X, axis=0, weights=weight)
    deviation = np.sqrt(np.average((X - mean) ** 2, axis=0, weights=weight))
    return Moments(shift, unit, mean, np.where(size == 0, 0, deviation))


def shifted(low: NumPyArray, high: NumPyArray) -> tuple[NumPyArray, NumPyArray]:
    """By how much columns are shifted, and the size of their values afterwards, in float64."""
    low, high = low.astype(np.float64), high.astype(np.float64)
    least = np.minimum(abs(low), abs(high))
    with np.errstate(over="ignore"):
        spread = high - low
        far = (np.sign(low) == np.sign(high)) & (least > FAR * spread)
    return np.where(far, low, 0.0), np.where(far, spread, np.maximum(abs(low), abs(high)))


def units(size: NumPyArray) -> NumPyArray:
    """Powers of two that bring columns of such a size near 1; 1 where they need none."""
    exponent = np.frexp(size)[1]
    unit = np.ones(len(size))
    far = abs(exponent) > ORDINARY
    unit[far] = np.ldexp(1.0, np.minimum(exponent[far], 1023))
    return unit


def require_room(name: str, size: float, dtype: str, remedy: str = "") -> None:
    """Raise InputError where squares of numbers of some size leave the dtype."""
    if size > 0 and abs(int(np.frexp(size)[1])) > ROOM[dtype]:
        large = size > 1
        raise InputError(
            f"the values of {name} {'reach' if large else 'differ by no more than'} {size:.0e}, "
            f"and their squares {'overflow' if large else 'vanish'} in {dtype}: "
            f"{remedy}{'divide' if large else 'multiply'} them by a power of ten."
        )
