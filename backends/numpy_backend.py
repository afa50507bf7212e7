"""The NumPy adapter: the default, and the reference that every other backend is compared with."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from weightdecay.eager import folding
from weightdecay.eager.dialect import Dialect
from weightdecay.eager.rows import in_order
from weightdecay.eager.writing import Writer
from weightdecay.ops import DTYPES, Array, Loop, NumPyArray, Observe, Ops, Step

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

    def eigh(self, x: Array) -> tuple[Array, Array]:
        values, vectors = np.linalg.eigh(x)
        return values, vectors

    def fold(self, step: Step, observe: Observe) -> Loop:
        return _folded(self, step, observe)


@functools.cache
def _folded(ops: NumPyOps, step: Step, observe: Observe) -> Loop:
    program = folding.fold(step, observe, Writer(_dialect(ops.dtype)))

    def loop(state: Array, xs: tuple[Array, ...], data: Array) -> tuple[Array, Array]:
        # A diverging run overflows on its way to infinity: reported as such, not as a warning.
        with np.errstate(over="ignore", invalid="ignore"):
            return program(state, xs, data)

    return loop


def _dialect(dtype: str) -> Dialect:
    unary = ("negative", "absolute", "sqrt", "sign")
    value = {name: name + "({0})" for name in unary}
    value |= {name: name + "({0}, {1})" for name in ("add", "subtract", "multiply", "divide")}
    into = {name: text.replace(")", ", {out})") for name, text in value.items()}
    value |= {
        "clip": "minimum(maximum({0}, {1}), {2})",
        "matmul": "dot({0}, {1})",
        "sum": "add.reduce({0}, {axis})",
        "take": "take({0}, {1}, 0)",
        "transpose": "{0}.swapaxes(-1, -2)",
        "copy": "{0}.copy()",
    }
    into |= {
        "clip": "minimum(maximum({0}, {1}, out={out}), {2}, out={out})",
        "matmul": "dot({0}, {1}, {out})",
        "sum": "add.reduce({0}, {axis}, None, {out})",
        "take": "take({0}, {1}, 0, {out})",
        "copy": "copyto({out}, {0})",
    }
    mentioned = (*unary, "add", "subtract", "multiply", "divide", "minimum", "maximum")
    return Dialect(
        value,
        into,
        {},
        {name: getattr(np, name) for name in (*mentioned, "dot", "take", "copyto")},
        empty=functools.partial(np.empty, dtype=dtype),
        constant=functools.partial(np.array, dtype=dtype),
        in_order=in_order,
        gather=_gather,
        unbind=iter,
        stack=np.stack,
        itemsize=np.dtype(dtype).itemsize,
    )


def _gather(
    x: NumPyArray, rows: NumPyArray, buffer: NumPyArray | None
) -> tuple[NumPyArray, NumPyArray | None]:
    """Rows of x for a block of steps."""
    if buffer is None:
        buffer = np.empty((rows.size, *x.shape[1:]), x.dtype)
    # 'clip' writes straight into the buffer, 'raise' by way of a copy; the plan is checked before.
    found = x.take(rows.reshape(-1), 0, buffer[: rows.size], "clip")
    return found.reshape(rows.shape + x.shape[1:]), buffer
