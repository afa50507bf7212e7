"""An adapter for array_api_strict, which has nothing but the array API standard.

What passes on it uses nothing but the interface. It is registered the way any third party
registers one, through the entry point in the folder beside this file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import array_api_strict as xp
import numpy as np

version = xp.__version__
dtypes = ("float32", "float64")


def devices() -> tuple[str, ...]:
    return ("cpu",)


def bind(dtype: str, device: str) -> StrictOps:
    return StrictOps(dtype, device)


@dataclass(frozen=True)
class StrictOps:
    dtype: str
    device: str

    def asarray(self, obj: Any) -> Any:
        x = np.asarray(obj)
        dtype = xp.int64 if x.dtype.kind in "iu" else getattr(xp, self.dtype)
        return xp.asarray(x, dtype=dtype)

    def to_numpy(self, x: Any) -> Any:
        return np.asarray(x)

    def matmul(self, a: Any, b: Any) -> Any:
        assert a.ndim == b.ndim == 2
        return xp.matmul(a, b)

    def matrix_transpose(self, x: Any) -> Any:
        assert x.ndim == 2
        return xp.matrix_transpose(x)

    def sum(self, x: Any, axis: int | None = None) -> Any:
        return xp.sum(x, axis=axis)

    def sqrt(self, x: Any) -> Any:
        return xp.sqrt(x)

    def sign(self, x: Any) -> Any:
        return xp.sign(x)

    def clip(self, x: Any, lower: Any, upper: Any) -> Any:
        return xp.minimum(xp.maximum(x, lower), upper)

    def take(self, x: Any, indices: Any) -> Any:
        return xp.take(x, indices, axis=0)

    def eigh(self, x: Any) -> Any:
        return xp.linalg.eigh(x)

    def fold(self, step: Any, observe: Any) -> Any:
        def loop(state: Any, xs: Any, data: Any) -> Any:
            seen = []
            with np.errstate(over="ignore", invalid="ignore"):
                for e in range(xs[0].shape[0]):
                    for i in range(xs[0].shape[1]):
                        state = step(self, state, tuple(x[e, i, ...] for x in xs), data)
                    seen.append(observe(self, state, data))
            return state, _stacked(seen)

        return loop


def _stacked(trees: list[Any]) -> Any:
    """One tree like each of them, with a new axis in front of every array."""
    first = trees[0]
    if isinstance(first, tuple):
        parts = [_stacked(list(part)) for part in zip(*trees, strict=True)]
        return type(first)(*parts) if hasattr(first, "_fields") else tuple(parts)
    return None if first is None else xp.stack(trees)
