"""Anybody's tensor as a NumPy array, with the name of the dtype that it had.

The one door for the tensors of users: of NumPy, PyTorch (on any device, with a gradient, a lazy
conjugate, in bfloat16), TensorFlow, Keras, JAX or MXNet, Python's numbers, and lists of these. No
framework is imported: a tensor is known by what it offers. What NumPy would read as something else
than was meant (the values under a mask, the addresses of objects, text) is refused.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from weightdecay.errors import InputError
from weightdecay.ops import NumPyArray
from weightdecay.tolerances import rounding

Memory: TypeAlias = Any
"""Where the numbers lie: an array on the host, or whatever names a place elsewhere."""

EXTENSION = re.compile(r"bfloat16|float\d_\w+|u?int[124]")
"""dtypes that NumPy has from the package ml_dtypes, and takes for raw bytes."""


@dataclass(frozen=True, eq=False)
class Tensor:
    """Numbers on the host.

    Attributes
    ----------
    array : array
        Real or complex floats; those of fewer than 16 bits, bfloat16 and whole numbers are widened.
    dtype : str
        The name of the dtype they came in.
    memory : tuple
        The places that they were read from and that somebody may write to later.
    """

    array: NumPyArray
    dtype: str
    memory: tuple[Memory, ...] = ()


def read(value: Any, name: str) -> Tensor:
    """The numbers of a tensor, or of a list of equally shaped ones, stacked.

    Raises
    ------
    InputError
        What is not made of numbers; `name` says in the message what it is.
    """
    if isinstance(value, Mapping):
        raise InputError(
            f"{name!r} is nested: give its tensors one level of names, such as {name}.weight."
        )
    own = (id(value),) if isinstance(value, list | deque) else ()  # which can be written to as well
    if isinstance(value, list | tuple | deque) and not _plain(value):
        found = stack([read(part, name) for part in value], name)
        return replace(found, memory=own + found.memory)
    try:
        array, dtype, memory = _on_host(value)
    except Exception as error:  # each framework has its own
        first, *_ = str(error).strip().splitlines() or [type(error).__name__]
        raise InputError(
            f"{name!r} holds a {type(value).__name__} that cannot be read ({first}): "
            "it must hold numbers."
        ) from error
    if isinstance(array, np.ma.MaskedArray):
        if np.ma.is_masked(array):
            raise InputError(f"{name!r} has masked values: fill them, or leave them out.")
        array = array.data
    return Tensor(_floats(array, value, name), dtype or array.dtype.name, own or memory)


def stack(parts: Sequence[Tensor], name: str) -> Tensor:
    """Tensors of one shape as one, in the coarsest of their dtypes."""
    if not parts:
        return Tensor(np.empty(0), "float64")
    shapes = [part.array.shape for part in parts]
    if len(set(shapes)) > 1:
        other = next(at for at, shape in enumerate(shapes) if shape != shapes[0])
        raise InputError(
            f"{name!r} holds tensors of shapes {shapes[0]} and, in place {other}, {shapes[other]}: "
            "give each tensor a name of its own."
        )
    return Tensor(
        np.stack([part.array for part in parts]),
        max((part.dtype for part in parts), key=rounding),
        tuple(place for part in parts for place in part.memory),
    )


def share_memory(one: Memory, other: Memory) -> bool:
    """Whether writing to one place could change the other."""
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return np.shares_memory(one, other)
    return not isinstance(one, np.ndarray) and not isinstance(other, np.ndarray) and one == other


def _plain(value: Sequence[Any]) -> bool:
    """Whether a list holds nothing but Python's own numbers, at any depth."""
    return all(
        _plain(part) if isinstance(part, list | tuple) else type(part) in (int, float, complex)
        for part in value
    )


def _on_host(value: Any) -> tuple[NumPyArray, str | None, tuple[Memory, ...]]:
    """The array, the dtype's name where NumPy does not know it, and what may be written to."""
    if hasattr(value, "data_ptr"):
        return _of_torch(value)
    if hasattr(value, "asnumpy"):  # MXNet, which gives a copy
        return np.asarray(value.asnumpy()), None, (id(value),)
    if isinstance(value, np.ndarray):
        return value, None, _writable(value)
    array = np.asarray(value)
    # A variable (of Keras, TensorFlow, nnx) is assigned to, though NumPy may be given a copy.
    variable = hasattr(value, "assign") or hasattr(value, "value")
    return array, None, (id(value),) if variable else _writable(array)


def _of_torch(value: Any) -> tuple[NumPyArray, str, tuple[Memory, ...]]:
    dtype = str(value.dtype).removeprefix("torch.")
    strided = str(value.layout) == "torch.strided"
    plain = value.detach() if strided else value.detach().to_dense()
    plain = plain.resolve_conj().resolve_neg()
    if dtype == "complex32":
        plain = plain.cfloat()
    elif EXTENSION.fullmatch(dtype):
        plain = plain.float()
    array = plain.cpu().numpy()
    address = value.data_ptr() if strided else id(value)
    if not array.size:
        return array, dtype, ()
    if array.ctypes.data == address:
        return array, dtype, (array,)
    return array, dtype, ((str(value.device), address),)  # which PyTorch had to copy


def _writable(array: NumPyArray) -> tuple[Memory, ...]:
    """The array itself, where it or what it is a view of can be written to."""
    owner: Any = array
    while isinstance(owner, np.ndarray):
        if owner.flags.writeable:
            return (array,)
        owner = owner.base
    return ()


def _floats(array: NumPyArray, value: Any, name: str) -> NumPyArray:
    if EXTENSION.fullmatch(array.dtype.name):
        return array.astype(np.float32)
    if array.dtype.kind in "fc":
        return array
    if array.dtype.kind in "biu":
        # Whole numbers of 64 bits need more of them than a float64 has.
        return array.astype(np.longdouble if array.dtype.itemsize == 8 else np.float64)
    what = type(value).__name__ if array.dtype.kind == "O" else array.dtype.name
    raise InputError(f"{name!r} holds {what}: it must hold numbers.")
