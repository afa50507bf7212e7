"""Values from users to canonical types, or one sentence that says what would be right."""

from __future__ import annotations

import math
from collections.abc import Sequence

from weightdecay.errors import InputError, UnknownNameError


def number(
    name: str,
    value: object,
    *,
    above: float | None = None,
    least: float | None = None,
    below: float | None = None,
    most: float | None = None,
) -> float:
    """A finite float within bounds, or an error that says what would be right."""
    limits = [
        text
        for text, bound in (
            (f"above {above}", above),
            (f"at least {least}", least),
            (f"below {below}", below),
            (f"at most {most}", most),
        )
        if bound is not None
    ]
    wanted = "a finite number" + (f" {' and '.join(limits)}" if limits else "")
    if isinstance(value, bool) or not hasattr(value, "__float__") or isinstance(value, str):
        raise InputError(f"{name} is {value!r}: it must be {wanted}.")
    try:
        number = float(value)
    except OverflowError:  # a whole number beyond the floats
        number = math.inf
    within = (
        math.isfinite(number)
        and (above is None or number > above)
        and (least is None or number >= least)
        and (below is None or number < below)
        and (most is None or number <= most)
    )
    if not within:
        raise InputError(f"{name} is {number:g}: it must be {wanted}.")
    return number


def integer(name: str, value: object, least: int) -> int:
    """A whole number of at least `least`."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise InputError(f"{name} is {value!r}: it must be a whole number of at least {least}.")
    number = value.__index__()
    if number < least:
        raise InputError(f"{name} is {number}: it must be at least {least}.")
    return int(number)


def choice(name: str, value: object, known: Sequence[str]) -> None:
    """One of the known names."""
    if value not in known:
        raise UnknownNameError(name, value, known)


def flag(name: str, value: object) -> None:
    """True or false."""
    if not isinstance(value, bool):
        raise InputError(f"{name} is {value!r}: it must be true or false.")


def optional_name(name: str, value: object) -> str | None:
    """A column's name, or nothing."""
    if value is None or (isinstance(value, str) and value):
        return value
    raise InputError(f"{name} is {value!r}: it must be the name of a column.")


def names(name: str, value: object) -> tuple[str, ...]:
    """A tuple of strings; one string stands for itself."""
    items = (value,) if isinstance(value, str) else value
    if not isinstance(items, Sequence) or not all(isinstance(item, str) for item in items):
        raise InputError(f"{name} is {value!r}: it must be a list of column names.")
    return tuple(items)


def numbers(name: str, value: object, **limits: float) -> tuple[float, ...]:
    """A non-empty tuple of numbers; one number stands for itself."""
    if hasattr(value, "tolist"):  # a NumPy array
        value = value.tolist()
    items = value if isinstance(value, Sequence) and not isinstance(value, str) else (value,)
    if not items:
        raise InputError(f"{name} is empty: it must hold at least one number.")
    return tuple(number(name, item, **limits) for item in items)
