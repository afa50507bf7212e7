"""The PyTorch adapter: tensor ops only; neither autograd nor torch.optim is used here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from weightdecay.ops import DTYPES, Array, Loop, NumPyArray, Ops, Step

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

    def fold(self, step: Step) -> Loop:
        def loop(state: Array, xs: tuple[Array, ...], data: Array) -> Array:
            with torch.inference_mode():
                for x in zip(*(x.unbind() for x in xs), strict=True):
                    state = step(self, state, x, data)
            return state

        return loop
