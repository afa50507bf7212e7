"""Numbers as people and spreadsheets write them, one format for a whole column.

The decimal mark is told from the cells: '1.5', '0.415' and '1,234.5' show a point, '1,5' and
'1.234,5' a comma. '3.415' and '3,415' alone show neither: then the file's other columns decide, and
where they do not, what separates its cells; see `decide`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

GROUPS = {".": ",", ",": "."}
"""What groups thousands where a mark is the decimal one."""

CURRENCIES = r"(?:[$€£¥₹]|R\$|EUR|USD|GBP|CHF|JPY|SEK|NOK|DKK|PLN|CZK|Fr\.|kr\.?|zł|Kč)"
BLANK = r"[ \x{a0}\x{2009}\x{202f}'’]"
SPACED = rf"^[+-]?[0-9]{{1,3}}(?:{BLANK}[0-9]{{3}})+(?:[.,][0-9]+)?(?:[eE][+-]?[0-9]+)?$"
INFINITE = r"^[+-]?(?i:inf|infinity)$"
UNGROUPED = r"^[+-]?[0-9]{4,}(?:[.,]|$)"
CLOCK = r"^(?:[01]?[0-9]|2[0-3])\.[0-5][0-9]$"
DAY = r"^[0-3]?[0-9]\.(?:0[1-9]|1[0-2])$"

AMBIGUOUS, MIXED, NO_MARK = "?", "!", ""


def _pattern(mark: str) -> str:
    d, g = rf"\{mark}", rf"\{GROUPS[mark]}"
    whole = rf"(?:[0-9]+|[1-9][0-9]{{0,2}}(?:{g}[0-9]{{3}})+)"
    return rf"^[+-]?(?:{whole}(?:{d}[0-9]*)?|{d}[0-9]+)(?:[eE][+-]?[0-9]+)?$"


PATTERNS = {mark: _pattern(mark) for mark in GROUPS}


@dataclass(frozen=True, eq=False)
class Bare:
    """Cells without what is no part of a number.

    Attributes
    ----------
    cells : polars series
        Text; null where a value is missing.
    dressed : bool
        Whether anything was taken off.
    """

    cells: Any
    dressed: bool = False


def bare(column: Any) -> Bare:
    """Take off what is no part of a number, where all cells of a column agree on it.

    That is a currency, a percent sign, parentheses around a negative number, a typographic minus
    sign or one behind the number, and blanks or apostrophes between thousands.
    """
    import polars as pl

    present = column.drop_nulls()
    if not len(present) or not present.str.contains(r"[^0-9.,eE+-]|[0-9]-$").any():
        return Bare(column)
    text = column.str.replace(r"^((?:[$€£]\s*)?)[−﹣－–]\s*([$€£]?[0-9.,])", "$1-$2")
    text = text.str.replace(r"^\(\s*([^()+-]*[0-9][^()]*)\)$", "-$1")
    text = text.str.replace(r"^([^+-]*[0-9])\s*-$", "-$1")
    symbol = text.str.extract(rf"^[+-]?\s*({CURRENCIES})\s*[+-]?[0-9.,]")
    symbol = symbol.fill_null(text.str.extract(rf"[0-9.,]\s*({CURRENCIES})$"))
    if symbol.drop_nulls().n_unique() > 1:
        return Bare(column)
    text = text.str.replace(rf"^([+-]?)\s*{CURRENCIES}\s*([+-]?[0-9.,])", "$1$2")
    text = text.str.replace(rf"([0-9.,])\s*{CURRENCIES}$", "$1")
    percent = text.str.contains(r"[0-9.,]\s*%$")
    without = text.str.replace(r"([0-9.,])\s*%$", "$1")
    if percent.any():
        if (percent != is_number(without)).any():
            return Bare(column)
        text = without
    spaced = text.str.contains(SPACED)
    joined = text.str.replace_all(BLANK, "")
    text = pl.select(pl.when(spaced).then(joined).otherwise(text)).to_series()
    return Bare(text, dressed=bool((text != column).any()))


def is_number(cells: Any, mark: str | None = None) -> Any:
    """Where cells are numbers with a decimal mark, or with either."""
    marks = GROUPS if mark is None else (mark,)
    found = cells.str.contains(INFINITE)
    for each in marks:
        found |= cells.str.contains(PATTERNS[each])
    return found


def mark_of(cells: Any) -> str:
    """The decimal mark that bare cells show: '.', ',', AMBIGUOUS, MIXED, or NO_MARK in integers."""
    cells = cells.drop_nulls()
    if len(cells) > 2000:
        first = mark_of(cells.head(1000))
        if first == "." and cells.str.contains(PATTERNS["."]).all():
            return first
    numbers = cells.filter(is_number(cells))
    if 2 * len(numbers) < len(cells) or not len(numbers):
        return NO_MARK
    marked = numbers.filter(numbers.str.contains(r"[.,]"))
    if not len(marked):
        return NO_MARK
    fits = [mark for mark in GROUPS if marked.str.contains(PATTERNS[mark]).all()]
    if len(fits) == 1:
        return fits[0]
    if not fits:
        return MIXED
    if numbers.str.contains(UNGROUPED).any():  # who groups thousands groups all of them
        dots, commas = (marked.str.contains(sign, literal=True).any() for sign in ".,")
        if dots != commas:
            return "." if dots else ","
    return AMBIGUOUS


def is_evidence(cells: Any, mark: str) -> bool:
    """Whether the mark of a column says something of the file's: not in 18.30 or 24.12."""
    if mark not in GROUPS:
        return False
    cells = cells.drop_nulls()
    return not any(cells.str.contains(pattern).all() for pattern in (CLOCK, DAY))


def decide(mark: str, cells: Any, shown: Collection[str], separator: str) -> str:
    """The decimal mark to read a column with, or AMBIGUOUS.

    Parameters
    ----------
    mark : str
        What the column shows.
    cells : polars series
    shown : collection of str
        The marks that the file's columns show.
    separator : str
        Where cells are separated by commas, a decimal mark is a point. Where they are separated by
        semicolons, the decimal mark is a comma more often than not, but it need not be.
    """
    if mark in GROUPS:
        return mark
    if mark == NO_MARK:
        return "."
    if mark == MIXED:
        points, commas = (int(is_number(cells, each).sum()) for each in ".,")
        return "." if points >= commas else ","
    if len(shown) == 1:
        return next(iter(shown))
    commas = bool(cells.str.contains(",", literal=True).any())
    if shown or separator == ";":
        return AMBIGUOUS
    # A comma that separates cells is no decimal mark, unless every cell holds one: 1,512 and 2,500.
    grouped = separator == "," and bool(cells.str.contains(r"^[+-]?[0-9]{1,3}$").any())
    return AMBIGUOUS if commas and not grouped else "."


def numbers(cells: Any, mark: str) -> Any:
    """Bare cells as float64; null where they are no numbers with this decimal mark."""
    import polars as pl

    if mark == "." and not cells.str.contains(",", literal=True).any():
        return cells.cast(pl.Float64, strict=False)
    plain = cells.str.replace_all(GROUPS[mark], "", literal=True)
    if mark == ",":
        plain = plain.str.replace(",", ".", literal=True)
    valid = is_number(cells, mark)
    return pl.select(pl.when(valid).then(plain).otherwise(None)).to_series().cast(pl.Float64)
