"""The NumPy adapter: the default, and the reference that every other backend is compared with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from weightdecay.ops import DTYPES, Array, Loop, NumPyArray, Ops, Step

version = np.__version__
dtypes = DTYPES


def devices() -> tuple[str, ...]:
    """NumPy computes on the processor."""
    return ("cpu",)


def bind(dtype: str, device: str) -> Ops:
    """The verbs for one dtype."""
    return NumPyOps(dtype, device)


@dataclass(frozen=True)
class NumPyOps:
    """`weightdecay.ops.Ops` on NumPy."""

    dtype: str
    device: str

    def asarray(self, obj: npt.ArrayLike) -> NumPyArray:
        x = np.asarray(obj)
        return x if x.dtype.kind in "iu" else np.asarray(x, dtype=self.dtype)

    def to_numpy(self, x: Array) -> NumPyArray:
        return np.asarray(x)

    def matmul(self, a: Array, b: Array) -> Array:
        return np.matmul(a, b)

    def matrix_transpose(self, x: Array) -> Array:
        return x.T

    def sum(self, x: Array, axis: int | None = None) -> Array:
        return np.sum(x, axis=axis)

    def sqrt(self, x: Array) -> Array:
        return np.sqrt(x)

    def sign(self, x: Array) -> Array:
        return np.sign(x)

    def clip(self, x: Array, lower: Array, upper: Array) -> Array:
        return np.clip(x, lower, upper)

    def take(self, x: Array, indices: Array) -> Array:
        return np.take(x, indices, axis=0)

    def fold(self, step: Step) -> Loop:
        def loop(state: Array, xs: tuple[Array, ...], data: Array) -> Array:
            # A diverging run overflows on its way to infinity: reported as such, not as a warning.
            with np.errstate(over="ignore", invalid="ignore"):
                for x in zip(*xs, strict=True):
                    state = step(self, state, x, data)
            return state

        return loop
