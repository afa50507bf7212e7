"""Grids of λ, of learning rates and of seeds: from numbers, or from words such as '0,1e-4:1e2:50'.

A word holds numbers and ranges with commas between. A range START:STOP:COUNT is geometric, since
what matters in λ and in a learning rate is its order of magnitude, and holds both its ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import numpy as np

from weightdecay.errors import InputError
from weightdecay.validate import integer, number, numbers

Grid: TypeAlias = float | str | Sequence[float] | None
Seeds: TypeAlias = int | Sequence[int] | None

DEFAULT_LAMBDAS = "1e-4:1e2:100"
MOST = 100_000
"""Numbers in one range: more would be a slip of the pen."""
DIGITS = 14
"""Of the numbers within a range, so that 1e-3 in one is 0.001 and not its neighbour."""


def grid(name: str, value: Grid, **limits: float) -> tuple[float, ...]:
    """The numbers of a grid, ascending and each once.

    `limits` are those of `validate.number`. Raises InputError for an empty grid, a number outside
    the limits, or words that are no grid.
    """
    found = parse(name, value) if isinstance(value, str) else value
    return tuple(sorted(set(numbers(name, found, **limits))))


def parse(name: str, words: str) -> tuple[float, ...]:
    """The numbers that are spelled out in `words`, in their order."""
    if not words.strip():
        raise InputError(f"{name} is empty: it must hold at least one number.")
    return tuple(x for part in words.split(",") for x in _part(name, part.strip()))


def _part(name: str, part: str) -> Iterable[float]:
    fields = part.split(":")
    try:
        if len(fields) == 1:
            return [float(part)]
        start, stop, count = float(fields[0]), float(fields[1]), int(fields[2])
        if len(fields) > 3:
            raise ValueError
    except (ValueError, IndexError):
        raise InputError(
            f"{name} holds {part!r}: write numbers and ranges START:STOP:COUNT with commas "
            "between, such as 0,1e-4:1e2:50."
        ) from None
    for end in (start, stop):
        if not 0 < end < np.inf:
            raise InputError(
                f"{name} holds the range {part!r}, which is geometric: its ends must be above 0, "
                "and 0 stands apart, as in 0,1e-4:1e2:50."
            )
    if not 2 <= count <= MOST:
        raise InputError(f"{name} holds the range {part!r}: its count must be from 2 to {MOST:,}.")
    low, high = sorted((start, stop))
    inner = (float(f"{x:.{DIGITS}g}") for x in np.geomspace(low, high, count)[1:-1])
    return [low, *(min(max(x, low), high) for x in inner), high]


def seeds(value: Seeds, first: int) -> tuple[int, ...]:
    """The seeds of a sweep: so many from `first` on, or those that are listed, each once.

    Raises InputError for none, for what is no whole number, and for one that comes twice.
    """
    if value is None:
        return (first,)
    if hasattr(value, "tolist"):  # a NumPy array or number
        value = value.tolist()
    if not isinstance(value, Sequence) or isinstance(value, str):
        return tuple(range(first, first + integer("seeds", value, 1)))
    if not value:
        raise InputError("seeds is empty: it must hold at least one whole number.")
    listed = tuple(integer("seeds", seed, 0) for seed in value)
    for seed in listed:
        if listed.count(seed) > 1:
            raise InputError(f"seeds holds {seed} more than once: list every seed once.")
    return listed


def bytes_of(value: object) -> int:
    """An amount of memory: a number of bytes, or words such as '500MB', '1GB' or '2GiB'.

    Raises
    ------
    InputError
        No amount of at least one byte.
    """
    if not isinstance(value, str):
        return integer("max_memory (in bytes)", value, 1)
    units = {"": 1, "b": 1}
    for i, letter in enumerate("kmgt", start=1):
        units |= {f"{letter}b": 1000**i, f"{letter}ib": 1024**i}
    words = value.strip().lower()
    figures = words.rstrip("bikmgt ")
    try:
        amount = float(figures) * units[words[len(figures) :].strip()]
    except (ValueError, KeyError):
        raise InputError(
            f"max_memory is {value!r}: write an amount of memory such as 500MB, 1GB or 2GiB."
        ) from None
    return int(number("max_memory (in bytes)", amount, least=1))
