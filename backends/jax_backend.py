"""The JAX adapter: tensor ops only; neither jax.grad nor optax is used here.

JAX computes in 32 bits unless told otherwise, and the user's own code keeps it that way: float64
is switched on around every verb and loop, and nowhere else. So Python numbers meet float64 arrays
only inside a loop: outside, ``x / 2`` gives float32.
"""

from __future__ import annotations

import functools
from contextlib import AbstractContextManager
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from weightdecay.ops import DTYPES, Array, Loop, NumPyArray, Observe, Ops, Step

version = jax.__version__
dtypes = DTYPES


def devices() -> tuple[str, ...]:
    """The processor, and the GPU where JAX has a plugin for one and finds it."""
    found = {device.platform for device in jax.local_devices()}
    return ("cpu", "cuda") if "gpu" in found else ("cpu",)


def bind(dtype: str, device: str) -> Ops:
    """The verbs for one dtype and device."""
    return JaxOps(dtype, device)


@dataclass(frozen=True)
class JaxOps:
    """`weightdecay.ops.Ops` on JAX."""

    dtype: str
    device: str

    def precision(self) -> AbstractContextManager[None]:
        """The scope in which JAX has the bound dtype; it holds for this thread only."""
        scope: AbstractContextManager[None] = jax.enable_x64(self.dtype == "float64")
        return scope

    def asarray(self, obj: npt.ArrayLike) -> Array:
        x = np.asarray(obj)
        x = x if x.dtype.kind in "iu" else np.asarray(x, dtype=self.dtype)
        with self.precision():
            return jax.device_put(x, jax.local_devices(backend=self.device)[0])

    def to_numpy(self, x: Array) -> NumPyArray:
        return np.asarray(x)

    def matmul(self, a: Array, b: Array) -> Array:
        with self.precision():  # the argument: GPUs would round float32 factors to TF32
            return jnp.matmul(a, b, precision="highest")

    def matrix_transpose(self, x: Array) -> Array:
        with self.precision():
            return jnp.matrix_transpose(x)

    def sum(self, x: Array, axis: int | None = None) -> Array:
        with self.precision():
            return jnp.sum(x, axis=axis)

    def sqrt(self, x: Array) -> Array:
        with self.precision():
            return jnp.sqrt(x)

    def sign(self, x: Array) -> Array:
        with self.precision():
            return jnp.sign(x)

    def clip(self, x: Array, lower: Array, upper: Array) -> Array:
        with self.precision():
            return jnp.clip(x, lower, upper)

    def take(self, x: Array, indices: Array) -> Array:
        with self.precision():
            return jnp.take(x, indices, axis=0, mode="clip")

    def eigh(self, x: Array) -> tuple[Array, Array]:
        with self.precision():
            values, vectors = jnp.linalg.eigh(x)
        return values, vectors

    def fold(self, step: Step, observe: Observe) -> Loop:
        return _compiled(self, step, observe)


@functools.cache
def _compiled(ops: JaxOps, step: Step, observe: Observe) -> Loop:
    def epochs(state: Array, xs: tuple[Array, ...], data: Array) -> tuple[Array, Array]:
        def epoch(state: Array, xs: tuple[Array, ...]) -> tuple[Array, Array]:
            state, _ = jax.lax.scan(lambda s, x: (step(ops, s, x, data), None), state, xs)
            return state, observe(ops, state, data)

        ended: tuple[Array, Array] = jax.lax.scan(epoch, state, xs)
        return ended

    compiled = jax.jit(epochs)

    def loop(state: Array, xs: tuple[Array, ...], data: Array) -> tuple[Array, Array]:
        with ops.precision():
            ended: tuple[Array, Array] = compiled(state, xs, data)
        return ended

    return loop
