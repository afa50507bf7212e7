"""What a column of a table holds: numbers, and what in it is none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from weightdecay.ops import NumPyArray

MISSING_WORDS = frozenset(
    ("", "na", "n/a", "#n/a", "<na>", "nan", "null", "none", "nil", "missing", "?", "-", ".")
)
"""Text that spells a missing value, in lower case and without blanks around."""

YEAR_FIRST = re.compile(r"\d{4}(Q[1-4]|(\D{1,2}\d{2,})*(\.\d+)?Z?)")
"""Dates such as 2024-01-31, 2024-01-31T08:00:00.5Z, 2024-W05 and 2024Q1: in the order of the
alphabet they are in the order of time."""


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
    """

    values: NumPyArray
    text: NumPyArray
    example: str = ""

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
    """A column as labels, which may be text.

    Attributes
    ----------
    ranks : array of shape (rows,)
        Equal labels have equal numbers, and numbers ascend as the labels do; −1 where the label is
        missing.
    unordered : str or None
        A text that shows that the labels' order is that of the alphabet and not of time.
    """

    ranks: NumPyArray
    unordered: str | None = None


def of_array(column: NumPyArray) -> Contents:
    """The contents of a NumPy array."""
    if column.dtype.kind in "biuf":
        return Contents(column.astype(np.float64), _no_rows())
    if column.dtype.kind in "US":
        return _of_text([str(x) for x in column.astype(str).tolist()])
    return Contents(np.full(len(column), np.nan), np.arange(len(column)), str(column[0]))


def of_series(column: Any) -> Contents:
    """The contents of a polars series."""
    import polars as pl

    if column.dtype.is_numeric() or column.dtype in (pl.Boolean, pl.Null):
        return Contents(_floats(column), _no_rows())
    if column.dtype.is_nested() or column.dtype == pl.Object:
        rows = np.flatnonzero(column.is_not_null().to_numpy())
        return Contents(np.full(len(column), np.nan), rows, f"values of type {column.dtype}")
    text = column.cast(pl.String)
    number = text.str.strip_chars().cast(pl.Float64, strict=False)
    lost = (number.is_null() & text.is_not_null()).arg_true()
    if not len(lost):
        return Contents(_floats(number), _no_rows())
    spelled = text.gather(lost)
    words = spelled.str.strip_chars().str.to_lowercase().is_in(list(MISSING_WORDS))
    rows = lost.filter(~words).to_numpy().astype(np.intp)
    return Contents(_floats(number), rows, str(text[int(rows[0])]) if rows.size else "")


def labels_of_array(column: NumPyArray) -> Labels:
    """A NumPy array as labels."""
    found, ranks = np.unique(column, return_inverse=True)
    if column.dtype.kind == "f":
        ranks = np.where(np.isnan(column), -1, ranks)
    if column.dtype.kind not in "US":
        return Labels(ranks)
    words = [str(x) for x in found.astype(str).tolist()]
    blank = [i for i, word in enumerate(words) if _is_missing(word)]
    return Labels(np.where(np.isin(ranks, blank), -1, ranks), _not_in_time(words))


def labels_of_series(column: Any) -> Labels:
    """A polars series as labels."""
    import polars as pl

    ordered = column.dtype.is_numeric() or column.dtype.is_temporal() or column.dtype == pl.Boolean
    unordered = None
    if not ordered:
        contents = of_series(column)
        if not contents.text.size:  # numbers in the guise of text
            column = pl.Series(column.name, contents.values).fill_nan(None)
        else:
            text = column.cast(pl.String)
            blank = text.str.strip_chars().str.to_lowercase().is_in(list(MISSING_WORDS))
            column = text.set(blank.fill_null(True), None)
            unordered = _not_in_time(column.drop_nulls().unique(maintain_order=True).to_list())
    elif column.dtype.is_float():
        column = column.fill_nan(None)
    ranks = column.rank("dense").cast(pl.Int64).fill_null(0).to_numpy() - 1
    return Labels(ranks, unordered)


def _not_in_time(words: list[str]) -> str | None:
    return next((w for w in words if not _is_missing(w) and not YEAR_FIRST.fullmatch(w)), None)


def _is_missing(word: str) -> bool:
    return word.strip().lower() in MISSING_WORDS


def _of_text(words: list[str]) -> Contents:
    values, text = np.full(len(words), np.nan), []
    for row, word in enumerate(words):
        try:
            values[row] = float(word)
        except ValueError:
            if not _is_missing(word):
                text.append(row)
    return Contents(values, np.array(text, np.intp), words[text[0]] if text else "")


def _floats(column: Any) -> NumPyArray:
    import polars as pl

    values: NumPyArray = column.cast(pl.Float64).to_numpy()  # a null becomes NaN
    return values


def _no_rows() -> NumPyArray:
    return np.zeros(0, np.intp)
