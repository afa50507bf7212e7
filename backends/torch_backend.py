"""The PyTorch adapter: tensor ops only; neither autograd nor torch.optim is used here."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from weightdecay.eager import folding
from weightdecay.eager.dialect import Dialect
from weightdecay.eager.rows import in_order
from weightdecay.eager.writing import Writer
from weightdecay.ops import DTYPES, Array, Loop, NumPyArray, Observe, Ops, Step

version = torch.__version__
dtypes = DTYPES


def devices() -> tuple[str, ...]:
    """The processor, and the GPU where PyTorch was built for one and finds it."""
    return ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",)


def bind(dtype: str, device: str) -> Ops:
    """The verbs for one dtype and device."""
    return TorchOps(dtype, device)


@dataclass(frozen=True)
class TorchOps:
    """`weightdecay.ops.Ops` on PyTorch."""

    dtype: str
    device: str

    def asarray(self, obj: npt.ArrayLike) -> Array:
        x = np.asarray(obj)
        dtype = torch.int64 if x.dtype.kind in "iu" else getattr(torch, self.dtype)
        # PyTorch shares memory with the array where it can, and has no read-only tensors.
        return torch.as_tensor(
            x if x.flags.writeable else x.copy(), dtype=dtype, device=self.device
        )

    def to_numpy(self, x: Array) -> NumPyArray:
        array: NumPyArray = x.detach().cpu().numpy()
        return array

    def matmul(self, a: Array, b: Array) -> Array:
        return torch.matmul(a, b)

    def matrix_transpose(self, x: Array) -> Array:
        return x.mT

    def sum(self, x: Array, axis: int | None = None) -> Array:
        return torch.sum(x, dim=axis)

    def sqrt(self, x: Array) -> Array:
        return torch.sqrt(x)

    def sign(self, x: Array) -> Array:
        return torch.sign(x)

    def clip(self, x: Array, lower: Array, upper: Array) -> Array:
        return torch.clamp(x, lower, upper)

    def take(self, x: Array, indices: Array) -> Array:
        return torch.index_select(x, 0, indices)

    def eigh(self, x: Array) -> tuple[Array, Array]:
        values, vectors = torch.linalg.eigh(x)
        return values, vectors

    def fold(self, step: Step, observe: Observe) -> Loop:
        return _folded(self, step, observe)


@functools.cache
def _folded(ops: TorchOps, step: Step, observe: Observe) -> Loop:
    program = folding.fold(step, observe, Writer(_dialect(ops)))

    def loop(state: Array, xs: tuple[Array, ...], data: Array) -> tuple[Array, Array]:
        with torch.inference_mode():
            return program(state, xs, data)

    return loop


def _dialect(ops: TorchOps) -> Dialect:
    spelt = {"negative": "neg", "absolute": "abs", "sqrt": "sqrt", "sign": "sign"}
    value = {name: f"{short}({{0}})" for name, short in spelt.items()}
    spelt = {"add": "add", "subtract": "sub", "multiply": "mul", "divide": "div"}
    value |= {name: f"{short}({{0}}, {{1}})" for name, short in spelt.items()}
    value |= {
        "clip": "clamp({0}, {1}, {2})",
        "matmul": "mm({0}, {1})",
        "take": "index_select({0}, 0, {1})",
    }
    into = {name: text.replace(")", ", out={out})") for name, text in value.items()}
    value |= {
        "sum": "sum({0}, {axis})",
        "transpose": "{0}.mT",
        "copy": "{0}.clone()",
    }
    into |= {
        "sum": "sum({0}, {axis}, out={out})",
        "copy": "{out}.copy_({0})",
    }
    over = {name: f"{{0}}.{short}_({{1}})" for name, short in spelt.items()}
    dtype = getattr(torch, ops.dtype)
    calls = ("neg", "abs", "sqrt", "sign", "add", "sub", "mul", "div", "clamp", "mm", "sum")
    return Dialect(
        value,
        into,
        over,
        {name: getattr(torch, name) for name in (*calls, "index_select")},
        empty=functools.partial(torch.empty, dtype=dtype, device=ops.device),
        constant=functools.partial(torch.tensor, dtype=dtype, device=ops.device),
        in_order=_in_order,
        gather=_gather,
        unbind=torch.unbind,
        stack=lambda arrays: torch.stack(list(arrays)),
        itemsize=dtype.itemsize,
    )


def _in_order(rows: Array, size: int) -> list[int | None]:
    """Where to find consecutive rows; on a GPU, a look at the numbers would wait for them."""
    if rows.device.type != "cpu":
        return [None] * -(-len(rows) // size)
    return in_order(rows.numpy(), size)


def _gather(x: Array, rows: Array, buffer: Array | None) -> tuple[Array, Array | None]:
    """Rows of x for a block of steps."""
    count = rows.numel()
    if buffer is None:
        buffer = torch.empty((count, *x.shape[1:]), dtype=x.dtype, device=x.device)
    out = buffer if buffer.shape[0] == count else buffer[:count]
    torch.index_select(x, 0, rows.reshape(-1), out=out)
    return out.view(*rows.shape, *x.shape[1:]), buffer
