"""The MXNet adapter: tensor ops only; neither autograd nor gluon is used here.

Its arrays are those of mx.np, which default to float32 and, until npx.set_np() is called for the
whole process, take a shape () for an unknown one: the dtype is always said, and NumPy's meaning of
a shape is switched on around every verb and loop.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from weightdecay.ops import DTYPES, Array, Loop, NumPyArray, Ops, Step

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

    def fold(self, step: Step) -> Loop:
        def loop(state: Array, xs: tuple[Array, ...], data: Array) -> Array:
            with mx.util.np_shape(True):
                for x in zip(*xs, strict=True):
                    state = step(self, state, x, data)
            return state

        return loop
