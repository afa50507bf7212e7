"""The MXNet adapter: tensor ops only; neither autograd nor gluon is used here.

Its arrays are those of mx.np, which default to float32 and, until npx.set_np() is called for the
whole process, take a shape () for an unknown one: the dtype is always said, and NumPy's meaning of
a shape is switched on around every verb and loop.
"""

from __future__ import annotations

import functools
import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from weightdecay.eager import folding
from weightdecay.eager.dialect import Dialect
from weightdecay.ops import DTYPES, Array, Loop, NumPyArray, Observe, Ops, Step

with warnings.catch_warnings():
    # np.bool, np.mirr and distutils versions: MXNet 1.9.1 is the last release and reads them all.
    warnings.simplefilter("ignore", DeprecationWarning)
    import mxnet as mx

version = mx.__version__
dtypes = DTYPES


def devices() -> tuple[str, ...]:
    """The processor, and the GPU where MXNet was built for one and finds it."""
    return ("cpu", "cuda") if mx.context.num_gpus() else ("cpu",)


def bind(dtype: str, device: str) -> Ops:
    """The verbs for one dtype and device."""
    return MXNetOps(dtype, device)


@mx.util.use_np_shape  # every method
@dataclass(frozen=True)
class MXNetOps:
    """`weightdecay.ops.Ops` on MXNet."""

    dtype: str
    device: str

    def asarray(self, obj: npt.ArrayLike) -> Array:
        x = np.asarray(obj)
        dtype = "int64" if x.dtype.kind in "iu" else self.dtype
        return mx.np.array(x, dtype=dtype, ctx=mx.gpu() if self.device == "cuda" else mx.cpu())

    def to_numpy(self, x: Array) -> NumPyArray:
        array: NumPyArray = x.asnumpy()
        return array

    def matmul(self, a: Array, b: Array) -> Array:
        return mx.np.dot(a, b)

    def matrix_transpose(self, x: Array) -> Array:
        return x.T

    def sum(self, x: Array, axis: int | None = None) -> Array:
        return mx.np.sum(x, axis=axis)

    def sqrt(self, x: Array) -> Array:
        return mx.np.sqrt(x)

    def sign(self, x: Array) -> Array:
        return mx.np.sign(x)

    def clip(self, x: Array, lower: Array, upper: Array) -> Array:
        return mx.np.minimum(mx.np.maximum(x, lower), upper)  # mx.np.clip has float32 bounds

    def take(self, x: Array, indices: Array) -> Array:
        return mx.np.take(x, indices, axis=0)

    def fold(self, step: Step, observe: Observe) -> Loop:
        return _folded(self, step, observe)


@functools.cache
def _folded(ops: MXNetOps, step: Step, observe: Observe) -> Loop:
    program = folding.fold(step, observe, _dialect(ops))

    def loop(state: Array, xs: tuple[Array, ...], data: Array) -> tuple[Array, Array]:
        with mx.util.np_shape(True):
            return program(state, xs, data)

    return loop


def _dialect(ops: MXNetOps) -> Dialect:
    value = {name: f"{name}({{0}})" for name in ("negative", "absolute", "sqrt", "sign")}
    binary = ("add", "subtract", "multiply", "divide")
    value |= {name: f"{name}({{0}}, {{1}})" for name in binary}
    value |= {"matmul": "dot({0}, {1})", "take": "take({0}, {1}, axis=0)"}
    value |= {"sum": "sum({0}, axis={axis})"}
    into = {name: text.replace(")", ", out={out})") for name, text in value.items()}
    value |= {
        "clip": "minimum(maximum({0}, {1}), {2})",
        "transpose": "swapaxes({0}, -1, -2)",
        "copy": "{0}.copy()",
    }
    into |= {
        "clip": "minimum(maximum({0}, {1}, out={out}), {2}, out={out})",
        "copy": "{0}.copyto({out})",
    }
    called = (*value, "dot", "minimum", "maximum", "swapaxes")
    context = mx.gpu() if ops.device == "cuda" else mx.cpu()
    return Dialect(
        value,
        into,
        {},
        {name: getattr(mx.np, name) for name in called if hasattr(mx.np, name)},
        empty=functools.partial(mx.np.empty, dtype=ops.dtype, ctx=context),
        constant=functools.partial(mx.np.array, dtype=ops.dtype, ctx=context),
        gather=_gather,
        unbind=_unbind,
        stack=mx.np.stack,
        itemsize=np.dtype(ops.dtype).itemsize,
    )


def _gather(x: Array, rows: Array, buffer: None) -> tuple[Array, None]:
    """Rows of x for a block of steps."""
    return mx.np.take(x, rows, axis=0), None


def _unbind(x: Array) -> list[Array]:
    return [x[i] for i in range(x.shape[0])]
