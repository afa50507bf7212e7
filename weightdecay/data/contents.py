"""What a column of a table holds: numbers, labels or times, and what in it is none.

Cells of text are numbers only where a number is asked for. As labels they are text whatever they
look like (1.1 is not 1.10), and as times they are instants.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from weightdecay.data import instants, numerals
from weightdecay.data.plain import Plain
from weightdecay.ops import NumPyArray

MISSING_WORDS = frozenset(
    ("", "na", "n/a", "#n/a", "<na>", "nan", "null", "none", "nil", "missing", "?", "-", ".")
)
"""Text that spells a missing value, in lower case and without blanks around."""

MARKS = frozenset(
    ("--", "---", "–", "—", "..", "...", "…", ":", "*", "**", "***", "n.a.", "n.a", "n. a.", "n/d",
     "nd", "n.d.", "k.a.", "k. a.", "s.d.", "\\n", "(null)", "#div/0!", "#value!", "#ref!",
     "#num!", "#name?", "#null!", "#wert!", "#bezug!", "#zahl!", "#name", "#valeur!", "nat",
     *(f".{letter}" for letter in "_abcdefghijklmnopqrstuvwxyz"))
)  # fmt: skip
"""Text that spells a missing value where most cells are numbers."""


BOOLEANS = (("false", "true"), ("falsch", "wahr"), ("faux", "vrai"), ("falso", "vero"))
"""False and true, as spreadsheets write them."""


@dataclass(frozen=True, eq=False)
class Contents:
    """A column as numbers.

    Attributes
    ----------
    values : array of shape (rows,)
        float64; NaN where a value is missing or text. False and true are 0 and 1.
    text : array of row numbers
        Where something stands that is no number and does not spell a missing value.
    example : str
        The first such text.
    ambiguous : str
        A cell that two decimal marks give two numbers, where nothing says which is meant.
    spelled : str
        How a cell was read that is not written as a plain number; "" where all are.
    marked : str
        What was taken for a missing value because the others are numbers; "" for nothing.
    decimal : str
        The decimal mark with which text was read.
    """

    values: NumPyArray
    text: NumPyArray
    example: str = ""
    ambiguous: str = ""
    spelled: str = ""
    marked: str = ""
    decimal: str = "."

    @property
    def missing(self) -> NumPyArray:
        """Row numbers without a value."""
        rows = np.flatnonzero(np.isnan(self.values))
        return np.setdiff1d(rows, self.text, assume_unique=True) if self.text.size else rows

    @property
    def infinite(self) -> NumPyArray:
        """Row numbers of infinite values."""
        return np.flatnonzero(np.isinf(self.values))


@dataclass(frozen=True, eq=False)
class Labels:
    """A column as labels, or as times.

    Attributes
    ----------
    ranks : array of shape (rows,)
        Equal labels have equal numbers, and numbers ascend as the times do; −1 where the label is
        missing.
    fault : str
        What shows that they are no times; "" where they are.
    note : str
        How they were read, where somebody could have read them otherwise.
    """

    ranks: NumPyArray
    fault: str = ""
    note: str = ""


def present(column: Any, na: Sequence[str] = ()) -> Any:
    """A polars series of text with null where a value is missing."""
    import polars as pl

    missing = column.str.to_lowercase().is_in(_words(na))
    numbers = [float(word) for word in na if _is_plain(word)]
    if numbers:
        missing |= column.cast(pl.Float64, strict=False).is_in(numbers).fill_null(False)
    return column.set(missing.fill_null(True), None)


def blanked(frame: Any, na: Sequence[str] = ()) -> Any:
    """A polars frame of text with "" where words say that a value is missing."""
    import polars as pl

    words = pl.all().str.to_lowercase().is_in(_words(na))
    return frame.select(pl.when(words).then(pl.lit("")).otherwise(pl.all()).name.keep())


def _words(na: Sequence[str]) -> list[str]:
    return [*MISSING_WORDS, *(word.strip().lower() for word in na)]


def of_plain(plain: Plain, na: Sequence[str] = ()) -> Contents:
    """Numbers that are written plainly."""
    return Contents(_without(plain.values, na), _no_rows(), decimal=plain.mark or ".")


def of_text(column: Any, bare: numerals.Bare, shown: frozenset[str], separator: str) -> Contents:
    """Text as numbers.

    Parameters
    ----------
    column : polars series
        Text; null where a value is missing.
    bare : numerals.Bare
        The same without what is no part of a number.
    shown : set of str
        The decimal marks that the file's columns show; one alone where the user has said it.
    separator : str
        Of the file's cells.
    """
    lower = column.str.to_lowercase()
    known = lower.drop_nulls()
    for false, true in BOOLEANS:
        if len(known) and known.is_in([false, true]).all():
            values = lower.replace_strict({true: 1.0, false: 0.0}, default=None)
            spelled = "" if true == "true" else f"{false!r} is 0 and {true!r} is 1"
            return Contents(_floats(values), _no_rows(), spelled=spelled)
    cells = bare.cells
    mark = numerals.mark_of(cells)
    decimal = numerals.decide(mark, cells, shown, separator)
    if decimal == numerals.AMBIGUOUS:
        at = cells.str.contains(r"[.,]").fill_null(False).arg_max()
        return Contents(np.full(len(column), np.nan), _no_rows(), ambiguous=str(column[at]))
    numbers = numerals.numbers(cells, decimal)
    lost = numbers.is_null() & column.is_not_null()
    marked = ""
    if lost.any():
        marks = lost & lower.is_in(list(MARKS)).fill_null(False)
        if 2 * numbers.is_not_null().sum() >= len(known) and (marks == lost).all():
            first = int(lost.arg_max())
            more = f", {lost.sum()} rows" if lost.sum() > 1 else ""
            marked = f"{column[first]!r} in row {first + 1}{more}"
            lost = marks & ~marks
    rows = lost.arg_true().to_numpy().astype(np.intp)
    return Contents(
        _floats(numbers),
        rows,
        example=str(column[int(rows[0])]) if rows.size else "",
        spelled=_spelled(column, cells, numbers, decimal, bare.dressed, mark),
        marked=marked,
        decimal="," if decimal == "," and cells.str.contains(",", literal=True).any() else ".",
    )


def _spelled(column: Any, cells: Any, numbers: Any, decimal: str, dressed: bool, mark: str) -> str:
    """The first cell that is no plain number, and which number it is."""
    group = numerals.GROUPS[decimal]
    odd = cells.str.contains(group, literal=True).fill_null(False)
    if dressed:
        odd |= (cells != column).fill_null(False)
    if mark == numerals.AMBIGUOUS and decimal == "." and _has_whole(cells):
        odd |= cells.str.contains(".", literal=True).fill_null(False)
    odd &= numbers.is_not_null()
    if not odd.any():
        return ""
    at = int(odd.arg_max())
    return f"{column[at]!r} is {numbers[at]:.15g}"


def _has_whole(cells: Any) -> bool:
    """Whether three digits stand without a mark, as below a thousand."""
    return bool(cells.str.contains(r"^[+-]?[0-9]{3}$").any())


def of_series(column: Any, na: Sequence[str] = ()) -> Contents | None:
    """A polars series that is no text; None for one that is."""
    import polars as pl

    dtype = column.dtype
    if dtype.is_numeric() or dtype in (pl.Boolean, pl.Null):
        return Contents(_without(_floats(column), na), _no_rows())
    if dtype == pl.Duration:
        parts = {"ms": 1e3, "us": 1e6, "ns": 1e9}[dtype.time_unit]
        values = _floats(column.cast(pl.Int64)) / parts
        rows = np.flatnonzero(~np.isnan(values))
        first = f"{column[int(rows[0])]!s} is {values[rows[0]]:.15g} seconds" if rows.size else ""
        return Contents(values, _no_rows(), spelled=first)
    if dtype == pl.String or dtype in (pl.Categorical, pl.Enum):
        return None
    rows = np.flatnonzero(column.is_not_null().to_numpy())
    if dtype.is_temporal():
        example = str(column[int(rows[0])]) if rows.size else ""
    else:
        example = f"values of type {dtype}"
    return Contents(np.full(len(column), np.nan), rows, example)


def of_array(column: NumPyArray, na: Sequence[str] = ()) -> Contents | None:
    """A NumPy array that is no text; None for one that is."""
    if column.dtype.kind in "biuf":
        return Contents(_without(column.astype(np.float64), na), _no_rows())
    if column.dtype.kind == "m":
        values = column / np.timedelta64(1, "s")
        return Contents(values, _no_rows(), spelled=f"{column[0]!s} is {values[0]:.15g} seconds")
    if column.dtype.kind in "US":
        return None
    return Contents(np.full(len(column), np.nan), np.arange(len(column)), str(column[0]))


def labels_of_text(column: Any) -> Labels:
    """Text, null where it is missing, as labels."""
    import polars as pl

    return Labels(column.rank("dense").cast(pl.Int64).fill_null(0).to_numpy() - 1)


def times_of_text(column: Any) -> Labels:
    """Text, null where it is missing, in the order of time."""
    import polars as pl

    words = column.drop_nulls().unique(maintain_order=True).to_list()
    order = instants.order(words)
    if order.fault:
        return Labels(np.where(column.is_null().to_numpy(), -1, 0), order.fault)
    ranks = dict(zip(order.keys, instants.ranks(list(order.keys.values())), strict=True))
    found = column.replace_strict(ranks, default=-1, return_dtype=pl.Int64) if ranks else column
    return Labels(found.fill_null(-1).cast(pl.Int64).to_numpy(), note=order.note)


def labels_of_series(column: Any, *, times: bool = False) -> Labels | None:
    """A polars series that is no text as labels, or as times; None for text."""
    import polars as pl

    dtype = column.dtype
    if dtype == pl.String or dtype in (pl.Categorical, pl.Enum):
        return None
    if dtype.is_nested() or dtype == pl.Object or (dtype == pl.Binary and times):
        return Labels(np.zeros(len(column), np.intp), f"values of type {dtype}")
    if dtype.is_float():
        column = column.fill_nan(None)
    if dtype == pl.Binary:
        column = column.bin.encode("hex")
    ranks = column.rank("dense").cast(pl.Int64).fill_null(0).to_numpy() - 1
    fault = _numbers_as_times(column.drop_nulls().unique().to_list()) if times else ""
    return Labels(ranks, fault)


def labels_of_array(column: NumPyArray, *, times: bool = False) -> Labels | None:
    """A NumPy array that is no text as labels, or as times; None for text."""
    kind = column.dtype.kind
    if kind in "US":
        return None
    if kind not in "biufmM":
        return Labels(np.zeros(len(column), np.intp), f"values of type {column.dtype}")
    found, ranks = np.unique(column, return_inverse=True)
    missing = np.isnat(column) if kind in "mM" else np.isnan(column) if kind == "f" else False
    fault = _numbers_as_times(found[found == found].tolist()) if times and kind in "iuf" else ""
    return Labels(np.where(missing, -1, ranks), fault)


def _numbers_as_times(values: list[Any]) -> str:
    if not all(isinstance(value, int | float) and abs(value) < 1e9 for value in values):
        return ""
    return instants.order([str(value) for value in values]).fault


def _without(values: NumPyArray, na: Sequence[str]) -> NumPyArray:
    """NaN where a number was said to mark a missing value."""
    marks = [float(word) for word in na if _is_plain(word)]
    return np.where(np.isin(values, marks), np.nan, values) if marks else values


def _is_plain(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return "_" not in word


def _floats(column: Any) -> NumPyArray:
    import polars as pl

    values: NumPyArray = column.cast(pl.Float64).to_numpy()  # a null becomes NaN
    return values


def _no_rows() -> NumPyArray:
    return np.zeros(0, np.intp)
