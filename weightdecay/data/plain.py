"""Columns of numbers that are written plainly, found and read all at once.

Most columns of most tables are such, and a table may have tens of thousands of them. What is
written otherwise is looked at column by column, by `weightdecay.data.numerals`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from weightdecay.data.numerals import CLOCK, DAY, NO_MARK, PATTERNS
from weightdecay.ops import NumPyArray


@dataclass(frozen=True, eq=False)
class Plain:
    """A column of numbers.

    Attributes
    ----------
    values : array of shape (rows,)
        NaN where nothing stands.
    mark : str
        The decimal mark, or NO_MARK in integers.
    evidence : bool
        Whether that says something of the file's decimal mark; see `numerals.is_evidence`.
    """

    values: NumPyArray
    mark: str
    evidence: bool


def columns(frame: Any) -> Iterator[tuple[str, Plain]]:
    """The plain columns of a polars frame of text, in which "" is a missing value.

    A column is plain if every cell is a number with a decimal point, or every one with a decimal
    comma, without marks between thousands, and the other mark does not fit as well.
    """
    import polars as pl

    if not frame.width:
        return

    def each(expression: Callable[[Any], Any], names: Sequence[str]) -> dict[str, Any]:
        found = frame.select(expression(pl.col(names))) if names else pl.DataFrame()
        return dict(zip(found.columns, found.row(0), strict=True)) if names else {}

    def all_are(pattern: str) -> Callable[[Any], Any]:
        return lambda cells: (cells.str.contains(pattern) | (cells == "")).all()

    def hold(sign: str) -> Callable[[Any], Any]:
        return lambda cells: cells.str.contains(sign, literal=True).any()

    has = {sign: each(hold(sign), frame.columns) for sign in PATTERNS}
    marked = [name for name in frame.columns if has["."][name] or has[","][name]]
    fits = {mark: each(all_are(PATTERNS[mark]), marked) for mark in PATTERNS}
    times = [each(all_are(pattern), marked) for pattern in (CLOCK, DAY)]
    empty = each(lambda cells: (cells == "").sum(), frame.columns)
    numbers = frame.select(pl.all().cast(pl.Float64, strict=False))
    for name, nulls in zip(frame.columns, numbers.null_count().row(0), strict=True):
        if nulls == empty[name] and not (name in fits[","] and fits[","][name]):
            mark = "." if has["."][name] else NO_MARK
            shows = mark == "." and not any(found[name] for found in times)
            yield name, Plain(numbers[name].to_numpy(), mark, shows)
    commas = [name for name in marked if fits[","][name] and not fits["."][name]]
    commas = [name for name in commas if not has["."][name]]
    pointed = pl.col(commas).str.replace(",", ".", literal=True)
    numbers = frame.select(pointed.cast(pl.Float64, strict=False))
    for name in commas:
        yield name, Plain(numbers[name].to_numpy(), ",", True)
