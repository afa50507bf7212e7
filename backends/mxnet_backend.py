"""The MXNet adapter: tensor ops only; neither autograd nor gluon is used here.

Its arrays are those of mx.np, which default to float32 and, until npx.set_np() is called for the
whole process, take a shape () for an unknown one: the dtype is always said, and NumPy's meaning of
a shape is switched on around every verb and loop.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from weightdecay.eager import folding
from weightdecay.eager.recording import Instruction, Recorded, Value, When, needed
from weightdecay.ops import DTYPES, Array, Loop, NumPyArray, Observe, Ops, Step

with warnings.catch_warnings():
    # np.bool, np.mirr and distutils versions: MXNet 1.9.1 is the last release and reads them all.
    warnings.simplefilter("ignore", DeprecationWarning)
    import mxnet as mx

version = mx.__version__
dtypes = DTYPES

UNROLLED = 40
"""Steps in one graph."""


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

    def eigh(self, x: Array) -> tuple[Array, Array]:
        values, vectors = mx.np.linalg.eigh(x)
        return values, vectors

    def fold(self, step: Step, observe: Observe) -> Loop:
        return _folded(self, step, observe)


@functools.cache
def _folded(ops: MXNetOps, step: Step, observe: Observe) -> Loop:
    program = folding.fold(step, observe, Graphs(ops))

    def loop(state: Array, xs: tuple[Array, ...], data: Array) -> tuple[Array, Array]:
        with mx.util.np_shape(True):
            return program(state, xs, data)

    return loop


@dataclass(frozen=True)
class Graphs:
    """A recorded step as a graph of MXNet's own, which costs less than its operations one by one.

    This is what `hybridize` does to a block: a symbol for every value, and the whole run by MXNet's
    executor. `UNROLLED` steps make one graph.
    """

    ops: MXNetOps

    def loop(self, recorded: Recorded, steps: int) -> Callable[..., Sequence[Array]]:
        """The graph of some steps, called until all are done, and one of those that are left."""
        size = min(steps, UNROLLED)
        graphs = {size: self._graph(recorded, size)}
        if steps % size:
            graphs[steps % size] = self._graph(recorded, steps % size)
        of_state, of_x = len(recorded.state), len(recorded.x)

        def run(*arrays: Array) -> Sequence[Array]:
            state: Sequence[Array] = arrays[:of_state]
            xs, data = arrays[of_state : of_state + of_x], arrays[of_state + of_x :]
            for first in range(0, steps, size):
                last = min(first + size, steps)
                state = graphs[last - first](*state, *(x[first:last] for x in xs), *data)
            return state

        return run

    def once(self, recorded: Recorded) -> Callable[..., Sequence[Array]]:
        """The graph of a look."""
        return self._graph(recorded, 1)

    def stack(self, arrays: Sequence[Array]) -> Array:
        """One array, with a new axis in front."""
        return mx.np.stack(arrays)

    def _graph(self, recorded: Recorded, steps: int) -> Callable[..., Sequence[Array]]:
        if not recorded.after:  # a graph of nothing cannot be
            return lambda *arrays: ()
        given = [*recorded.state, *recorded.x, *recorded.data]
        symbols = {x: mx.sym.var(x.name).as_np_ndarray() for x in given}
        numbers = {value: number for number, value in recorded.tape.numbers.items()}
        symbols |= {x: mx.sym.var(x.name).as_np_ndarray() for x in numbers}
        instructions = needed(recorded.tape.instructions, recorded.after)
        # Where a product reads a transpose, it reads the matrix itself, with a flag.
        upright = {m.result: m.operands[0] for m in instructions if m.operation == "transpose"}
        for made in instructions:  # what is known for the block has the steps along axis 0
            if made.result.when != When.STEP:
                symbols[made.result] = _symbol(made, symbols, upright)
        each = [made for made in instructions if made.result.when == When.STEP]
        read = {x for made in each for x in made.operands} | set(recorded.after)
        read |= {upright[x] for x in read if x in upright}
        parts = {x: _split(symbols[x], x, steps) for x in read if x.when == When.BLOCK}
        for i in range(steps):
            symbols |= {x: part[i] for x, part in parts.items()}
            for made in each:
                symbols[made.result] = _symbol(made, symbols, upright)
            after = [symbols[x] for x in recorded.after]
            if recorded.x:  # a loop, and not a look
                symbols |= dict(zip(recorded.state, after, strict=True))
        return self._run(mx.sym.Group(after), given, numbers)

    def _run(
        self, symbol: Any, given: Sequence[Value], numbers: Mapping[Value, float]
    ) -> Callable[..., Sequence[Array]]:
        flags = {"static_alloc": True, "static_shape": True, "inline_limit": 2}
        graph = mx.ndarray.CachedOp(symbol, list((flags | {"forward_bulk_size": 1000}).items()))
        places = {x.name: i for i, x in enumerate(given)}
        constants = {x.name: self.ops.asarray(np.array(number)) for x, number in numbers.items()}
        order = [(name, places.get(name)) for name in symbol.list_inputs()]

        def run(*arrays: Array) -> Sequence[Array]:
            found = graph(*(constants[n] if i is None else arrays[i] for n, i in order))
            found = found if isinstance(found, (list, tuple)) else [found]
            return [x.as_np_ndarray() for x in found]

        return run


def _symbol(made: Instruction, symbols: Mapping[Value, Any], upright: Mapping[Value, Value]) -> Any:
    operands = [symbols[x] for x in made.operands]
    S = mx.sym.np
    match made.operation:
        case "clip":
            x, lower, upper = operands
            return S.minimum(S.maximum(x, lower), upper)
        case "matmul":
            flags = {}
            for i, name in enumerate(("transpose_a", "transpose_b")):
                if made.operands[i] in upright:
                    operands[i], flags[name] = symbols[upright[made.operands[i]]], True
            product = mx.sym.dot(*(x.as_nd_ndarray() for x in operands), **flags)
            return product.as_np_ndarray()
        case "sum":
            return S.sum(*operands, axis=made.axis)
        case "take":
            return S.take(*operands, axis=0)
        case "transpose":
            return S.swapaxes(*operands, -1, -2)
        case elementwise:
            return getattr(S, elementwise)(*operands)


def _split(x: Any, value: Value, steps: int) -> list[Any]:
    """The steps of an array that has them along axis 0."""
    if steps == 1:
        return [mx.sym.np.reshape(x, value.shape)]
    flags = {"num_outputs": steps, "axis": 0, "squeeze_axis": True}
    parts = mx.sym.SliceChannel(x.as_nd_ndarray(), **flags)
    return [parts[i].as_np_ndarray() for i in range(steps)]
