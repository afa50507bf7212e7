"""Grids of λ, of learning rates and of seeds: from numbers, or from words such as '0,1e-4:1e2:50'.

A word holds numbers and ranges with commas between. A range START:STOP:COUNT is geometric, since
what matters in λ and in a learning rate is its order of magnitude, and holds both its ends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TypeAlias

import numpy as np

from weightdecay import bounds
from weightdecay.errors import InputError
from weightdecay.escaping import shown
from weightdecay.validate import integer, number, numbers, parse_integer, parse_number

Grid: TypeAlias = float | str | Sequence[float] | None
Seeds: TypeAlias = int | Sequence[int] | None

DEFAULT_LAMBDAS = "1e-4:1e2:100"
DIGITS = 14
"""Of the numbers within a range, so that 1e-3 in one is 0.001 and not its neighbour."""


def grid(name: str, value: Grid, **limits: float) -> tuple[float, ...]:
    """The numbers of a grid, ascending and each once.

    `limits` are those of `validate.number`. Raises InputError for an empty grid, a number outside
    the limits, or words that are no grid.
    """
    found = parse(name, value) if isinstance(value, str) else value
    values = numbers(name, found, **limits)
    _require_few(name, len(values))
    return tuple(sorted(set(values)))


def parse(name: str, words: str) -> tuple[float, ...]:
    """The numbers that are spelled out in `words`, in their order."""
    if not words.strip():
        raise InputError(f"{name} is empty: it must hold at least one number.")
    found: list[float] = []
    for part in words.split(","):
        found += _part(name, part.strip())
        _require_few(name, len(found))
    return tuple(found)


def _require_few(name: str, count: int) -> None:
    if count > bounds.GRID:
        raise InputError(f"{name} holds more than {bounds.GRID:,} numbers: choose fewer.")


def _part(name: str, part: str) -> Iterable[float]:
    fields = part.split(":")
    start, stop = (parse_number(field) for field in [*fields, ""][:2])
    if len(fields) == 1 and start is not None:
        return [start]
    count = parse_integer(fields[2]) if len(fields) == 3 else None
    if count is None or start is None or stop is None:
        raise InputError(
            f"{name} holds {shown(part)}: write numbers and ranges START:STOP:COUNT with commas "
            "between, such as 0,1e-4:1e2:50."
        )
    for end in (start, stop):
        if not 0 < end < np.inf:
            raise InputError(
                f"{name} holds the range {shown(part)}, which is geometric: its ends must be above "
                "0, and 0 stands apart, as in 0,1e-4:1e2:50."
            )
    if not 2 <= count <= bounds.GRID:
        raise InputError(
            f"{name} holds the range {shown(part)}: its count must be from 2 to {bounds.GRID:,}."
        )
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
        return tuple(range(first, first + integer("seeds", value, 1, bounds.SEEDS)))
    if not value:
        raise InputError("seeds is empty: it must hold at least one whole number.")
    listed = tuple(integer("seeds", seed, 0, bounds.SEED) for seed in value)
    for seed, times in Counter(listed).items():
        if times > 1:
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
        return integer("max_memory (in bytes)", value, 1, bounds.BYTES)
    units = {"": 1, "b": 1}
    for i, letter in enumerate("kmgt", start=1):
        units |= {f"{letter}b": 1000**i, f"{letter}ib": 1024**i}
    words = value.strip().lower()
    figures = words.rstrip("bikmgt ")
    amount, unit = parse_number(figures), units.get(words[len(figures) :].strip())
    if amount is None or unit is None:
        raise InputError(
            f"max_memory is {shown(value)}: write an amount of memory such as 500MB, 1GB or 2GiB."
        )
    return int(number("max_memory (in bytes)", amount * unit, least=1, most=bounds.BYTES))
