"""Reading what a worker answered: the types and shapes that were asked for, or an `AnswerError`.

The process on the other side may be any program at all, so nothing it says is taken on trust.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from weightdecay.ops import NumPyArray

T = TypeVar("T")


class AnswerError(ValueError):
    """An answer that is not what was asked for."""


def text(header: Mapping[str, Any], name: str) -> str:
    """A string."""
    value = header.get(name)
    if not isinstance(value, str):
        raise AnswerError(f"{name} is {_short(value)}, and should be text")
    return value


def texts(header: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """A list of strings."""
    values = header.get(name)
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise AnswerError(f"{name} is {_short(values)}, and should be a list of text")
    return tuple(values)


def number(header: Mapping[str, Any], name: str) -> float:
    """A finite number of at least 0."""
    value = header.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < math.inf:
        raise AnswerError(f"{name} is {_short(value)}, and should be a number of at least 0")
    return float(value)


def whole(header: Mapping[str, Any], name: str) -> int:
    """A whole number of at least 0."""
    value = header.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise AnswerError(f"{name} is {_short(value)}, and should be a whole number")
    return value


def floats(
    arrays: Mapping[str, NumPyArray], name: str, shape: tuple[int | None, ...]
) -> NumPyArray:
    """An array of floats of a shape, in which None stands for any length."""
    return array(arrays, name, shape, "f")


def array(
    arrays: Mapping[str, NumPyArray], name: str, shape: tuple[int | None, ...], kinds: str
) -> NumPyArray:
    """An array of a shape and of one of the kinds of dtypes that NumPy has letters for."""
    found = arrays.get(name)
    if found is None:
        raise AnswerError(f"it lacks the array {name}")
    fits = len(found.shape) == len(shape) and all(
        wanted in (None, length) for length, wanted in zip(found.shape, shape, strict=True)
    )
    if not fits or found.dtype.kind not in kinds:
        wanted = tuple("any" if length is None else length for length in shape)
        raise AnswerError(
            f"{name} has shape {found.shape} and dtype {found.dtype}, and should have {wanted}"
        )
    return found


def checked(found: T) -> T:
    """A dataclass or named tuple of which every field has the type that it is declared with."""
    for name, hint in get_type_hints(type(found)).items():
        if not is_a(getattr(found, name), hint):
            raise AnswerError(f"{name} is {_short(getattr(found, name))}, of another type")
    return found


def is_a(value: Any, hint: Any) -> bool:
    """Whether a value has a declared type; what is in a mapping, or no plain class, is its own."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(is_a(value, one) for one in inner)
    if origin is Literal:
        return value in inner
    if origin is tuple:
        same = inner[-1:] == (...,)
        hints = inner[:1] * len(value) if same and isinstance(value, tuple) else inner
        return (
            isinstance(value, tuple) and len(value) == len(hints) and all(map(is_a, value, hints))
        )
    if hint in (float, int, str, bool):
        kinds = (int, float) if hint is float else hint
        return isinstance(value, kinds) and isinstance(value, bool) == (hint is bool)
    plain = origin or hint
    return not isinstance(plain, type) or isinstance(value, plain)


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 40 else f"{shown[:40]}…"
