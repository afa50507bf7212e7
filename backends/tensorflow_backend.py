"""The TensorFlow adapter: tensor ops only; neither GradientTape nor Keras is used here."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from weightdecay.ops import DTYPES, Array, Loop, NumPyArray, Observe, Ops, Step


@contextlib.contextmanager
def _stderr_on_failure() -> Iterator[None]:
    """Hold back what native code writes to descriptor 2, and show it only if the block fails."""
    if sys.stderr is None:  # a process without one
        yield
        return
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as captured:
        os.dup2(captured.fileno(), 2)
        try:
            yield
        except BaseException:
            captured.seek(0)
            os.write(kept, captured.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


with _stderr_on_failure():
    import tensorflow as tf

version = tf.__version__
dtypes = DTYPES


def devices() -> tuple[str, ...]:
    """The processor, and the GPU where TensorFlow was built for one and finds it."""
    return ("cpu", "cuda") if tf.config.list_physical_devices("GPU") else ("cpu",)


def bind(dtype: str, device: str) -> Ops:
    """The verbs for one dtype and device."""
    for gpu in tf.config.list_physical_devices("GPU"):
        # Not all of its memory at once. Too late if the user's own code has started TensorFlow.
        with contextlib.suppress(RuntimeError):
            tf.config.experimental.set_memory_growth(gpu, True)
    ops = TensorFlowOps(dtype, device)
    # The compiler announces itself on descriptor 2 when it first runs: let that be here.
    with _stderr_on_failure():
        one = ops.asarray([1.0])
        step, observe = (
            (lambda verbs, state, x, data: verbs.sign(state)),
            (lambda verbs, state, data: ()),
        )
        ops.fold(step, observe)(one, (one[None],), None)
    return ops


@dataclass(frozen=True)
class TensorFlowOps:
    """`weightdecay.ops.Ops` on TensorFlow."""

    dtype: str
    device: str

    def placement(self) -> contextlib.AbstractContextManager[None]:
        """The scope in which TensorFlow computes on the bound device."""
        scope: contextlib.AbstractContextManager[None]
        scope = tf.device("/GPU:0" if self.device == "cuda" else "/CPU:0")
        return scope

    def asarray(self, obj: npt.ArrayLike) -> Array:
        x = np.asarray(obj)
        with self.placement():
            return tf.constant(x, "int64" if x.dtype.kind in "iu" else self.dtype)

    def to_numpy(self, x: Array) -> NumPyArray:
        array: NumPyArray = x.numpy()
        return array

    def matmul(self, a: Array, b: Array) -> Array:
        if (self.device, self.dtype) == ("cuda", "float32"):
            # TensorFlow rounds float32 factors to TF32 there, with a switch for the process only.
            return tf.cast(tf.matmul(tf.cast(a, "float64"), tf.cast(b, "float64")), "float32")
        return tf.matmul(a, b)

    def matrix_transpose(self, x: Array) -> Array:
        return tf.transpose(x)

    def sum(self, x: Array, axis: int | None = None) -> Array:
        return tf.reduce_sum(x, axis=axis)

    def sqrt(self, x: Array) -> Array:
        return tf.sqrt(x)

    def sign(self, x: Array) -> Array:
        return tf.sign(x)

    def clip(self, x: Array, lower: Array, upper: Array) -> Array:
        return tf.minimum(tf.maximum(x, lower), upper)

    def take(self, x: Array, indices: Array) -> Array:
        return tf.gather(x, indices)

    def eigh(self, x: Array) -> tuple[Array, Array]:
        values, vectors = tf.linalg.eigh(x)
        return values, vectors

    def fold(self, step: Step, observe: Observe) -> Loop:
        return _compiled(self, step, observe)


@functools.cache
def _compiled(ops: TensorFlowOps, step: Step, observe: Observe) -> Loop:
    def epochs(state: Array, xs: tuple[Array, ...], data: Array) -> tuple[Array, Array]:
        count, steps = xs[0].shape[:2]

        def epoch(e: Array, state: Array, seen: list[Array]) -> tuple[Array, ...]:
            def body(i: Array, state: Array) -> tuple[Array, Array]:
                return i + 1, step(ops, state, tuple(x[e, i] for x in xs), data)

            _, state = tf.while_loop(lambda i, _: i < steps, body, (tf.constant(0), state))
            parts = tf.nest.flatten(observe(ops, state, data))
            found = [part for part in parts if part is not None]
            return e + 1, state, [a.write(e, x) for a, x in zip(seen, found, strict=True)]

        like = observe(ops, state, data)  # for its structure; the compiler drops the rest
        shapes = [x for x in tf.nest.flatten(like) if x is not None]
        seen = [tf.TensorArray(x.dtype, count, element_shape=x.shape) for x in shapes]
        start = (tf.constant(0), state, seen)
        _, state, seen = tf.while_loop(lambda e, *_: e < count, epoch, start)
        stacks = iter([a.stack() for a in seen])
        whole = tf.nest.map_structure(lambda x: None if x is None else next(stacks), like)
        return state, whole

    by_shapes: dict[tuple[Any, ...], Loop] = {}  # tf.function itself warns of many shapes

    def loop(state: Array, xs: tuple[Array, ...], data: Array) -> tuple[Array, Array]:
        arguments = state, xs, data
        flat = tf.nest.flatten(arguments)
        shapes = tuple(x if x is None else x.shape for x in flat)
        with ops.placement():
            if shapes not in by_shapes:
                by_shapes[shapes] = _flat(epochs, arguments)
            return by_shapes[shapes](*(x for x in flat if x is not None))

    return loop


def _flat(epochs: Loop, arguments: tuple[Any, ...]) -> Callable[..., Any]:
    """`epochs` compiled for arguments of these shapes, as a function of their tensors in order."""
    leaves = tf.nest.flatten(arguments)
    like: list[Any] = []

    def of_tensors(*tensors: Array) -> list[Array]:
        given = iter(tensors)
        whole = [None if x is None else next(given) for x in leaves]
        like[:] = [epochs(*tf.nest.pack_sequence_as(arguments, whole))]
        return [x for x in tf.nest.flatten(like[0]) if x is not None]

    function = tf.function(of_tensors, autograph=False, jit_compile=True)
    compiled = function.get_concrete_function(*(x for x in leaves if x is not None))
    structure = tf.nest.map_structure(lambda x: x is not None, like[0])
    # Past the checks of the arguments, which take longer than short loops; the shapes are known.
    inner = getattr(compiled, "inference_fn", None)
    call = getattr(inner, "call_flat", compiled)

    def run(*tensors: Array) -> Any:
        found = iter(call(*tensors))
        return tf.nest.map_structure(lambda there: next(found) if there else None, structure)

    return run
