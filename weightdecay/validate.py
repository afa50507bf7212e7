"""Values from users to canonical types, or one sentence that says what would be right."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from weightdecay import bounds
from weightdecay.errors import InputError, UnknownNameError
from weightdecay.escaping import shown

_WHOLE = re.compile(r"[+-]?[0-9]{1,40}")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?(inf|nan)", re.I)
LONGEST = 400
"""Characters of a number: float64 needs no more, and more would be read for a long time."""


def parse_integer(text: str) -> int | None:
    """The whole number that a text spells in decimal digits, such as -3; None if it is none.

    Longer than forty digits, it is none: every count is far below.
    """
    return int(text) if _WHOLE.fullmatch(text.strip(" ")) else None


def parse_number(text: str) -> float | None:
    """The number that a text spells in decimal digits, such as 1e-3 or inf; None if it is none."""
    text = text.strip(" ")
    return float(text) if len(text) <= LONGEST and _NUMBER.fullmatch(text) else None


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
        raise InputError(f"{name} is {shown(value)}: it must be {wanted}.")
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


def integer(name: str, value: object, least: int, most: int = bounds.COUNT) -> int:
    """A whole number from `least` to `most`; what may be counted is bounded in `bounds`."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise InputError(
            f"{name} is {shown(value)}: it must be a whole number of at least {least}."
        )
    number = int(value.__index__())
    if number < least:
        raise InputError(f"{name} is {shown(number)}: it must be at least {least}.")
    if number > most:
        raise InputError(f"{name} is {shown(number)}: it must be at most {most:,}.")
    return number


def choice(name: str, value: object, known: Sequence[str]) -> None:
    """One of the known names."""
    if value not in known:
        raise UnknownNameError(name, value, known)


def flag(name: str, value: object) -> None:
    """True or false."""
    if not isinstance(value, bool):
        raise InputError(f"{name} is {shown(value)}: it must be true or false.")


def optional_name(name: str, value: object) -> str | None:
    """A column's name, or nothing."""
    if value is None or (isinstance(value, str) and value):
        return value
    raise InputError(f"{name} is {shown(value)}: it must be the name of a column.")


def names(name: str, value: object) -> tuple[str, ...]:
    """A tuple of strings; one string stands for itself."""
    items = (value,) if isinstance(value, str) else value
    if not isinstance(items, Sequence) or not all(isinstance(item, str) for item in items):
        raise InputError(f"{name} is {shown(value)}: it must be a list of column names.")
    return tuple(items)


def numbers(name: str, value: object, **limits: float) -> tuple[float, ...]:
    """A non-empty tuple of numbers; one number stands for itself."""
    if hasattr(value, "tolist"):  # a NumPy array
        value = value.tolist()
    items = value if isinstance(value, Sequence) and not isinstance(value, str) else (value,)
    if not items:
        raise InputError(f"{name} is empty: it must hold at least one number.")
    return tuple(number(name, item, **limits) for item in items)
