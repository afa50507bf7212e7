"""From rows of text to named columns: what of a file is its table, and what stands around it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from weightdecay.data.dialect import NUMBER, is_number
from weightdecay.errors import InputError

SUMS = re.compile(
    r"(grand |sub)?totals?:?|sum|summe|gesamt|insgesamt|average|mean|somme|moyenne|mittel(wert)?",
    re.IGNORECASE,
)
"""What stands in a row that sums up others."""


@dataclass(frozen=True, eq=False)
class Sheet:
    """Columns of text.

    Attributes
    ----------
    names : tuple of str
        What the file calls them; '' where it does not.
    columns : tuple of polars series
        Text without blanks around; "" where nothing stands.
    notes : tuple of str
        What was left out.
    """

    names: tuple[str, ...]
    columns: tuple[Any, ...]
    notes: tuple[str, ...]


def of_cells(header: Sequence[str], frame: Any, *, quoted: bool) -> Sheet:
    """Columns without those that hold nothing and have no name, and rows without what is no row.

    Parameters
    ----------
    header : sequence of str
    frame : polars frame of text
        As wide as the header, or wider.
    quoted : bool
        Whether the first row begins with a quotation mark.

    Raises
    ------
    InputError
        A row has more cells than the header.
    """
    names = list(header)
    columns = [frame[name] for name in frame.columns]
    while len(columns) > len(names) and _is_empty(columns[-1]):
        del columns[-1]
    if len(columns) == len(names) + 1 > 2 and _labels_rows(columns, quoted):
        names.insert(0, "")
    if len(columns) > len(names):
        raise _too_long(columns[len(names)], len(names))
    kept = [j for j, name in enumerate(names) if name or not _is_empty(columns[j])]
    notes = []
    if len(kept) < len(names):
        count = len(names) - len(kept)
        what = "a column" if count == 1 else f"{count} columns"
        notes.append(f"left out {what} without a name and without a value.")
    names, columns = [names[j] for j in kept], [columns[j] for j in kept]
    columns, above = _without_units(columns)
    columns, below = _without_footer(columns)
    return Sheet(tuple(names), tuple(columns), (*notes, *above, *below, *_sums(columns)))


def _is_empty(column: Any) -> bool:
    return bool((column == "").all())


def _labels_rows(columns: Sequence[Any], quoted: bool) -> bool:
    """Whether the first of one column too many holds the labels that R writes without a name."""
    labels = columns[0]
    if labels.n_unique() < len(labels) or (labels == "").any():
        return False
    return quoted or not any(map(is_number, labels.to_list()))


def _too_long(surplus: Any, width: int) -> InputError:
    row = int((surplus != "").arg_max())
    return InputError(
        f"row {row + 1} has more cells than the header, which has {width}: put cells that hold the "
        "separator between quotation marks, or say what separates cells with --separator."
    )


def numeric(column: Any) -> Any:
    """Where a column of text holds a number, however it is written."""
    return column.str.contains(f"^(?:{NUMBER})$")


def _without_units(columns: list[Any]) -> tuple[list[Any], list[str]]:
    """A first row that is text in every column of numbers says in which units they are."""
    if not columns or len(columns[0]) < 3:
        return columns, []
    heads = [column[0] for column in columns]
    if any(map(is_number, heads)):
        return columns, []
    below = [column for column in (c[1:] for c in columns) if bool(numeric(column).any())]
    numbers = [bool((numeric(column) | (column == "")).all()) for column in below]
    units = [cell for cell in heads if cell]
    if len(below) < 2 or numbers.count(True) < 2 or len(units) < len(below):
        return columns, []
    said = ", ".join(map(repr, units[:6])) + (", …" if len(units) > 6 else "")
    note = f"left out the first row, which is text in every column ({said}: units?)."
    return [column[1:] for column in columns], [note]


def _without_footer(columns: list[Any]) -> tuple[list[Any], list[str]]:
    """Last rows with nothing but a text in the first column, which holds numbers elsewhere."""
    if len(columns) < 2 or len(columns[0]) < 3:
        return columns, []
    end = n = len(columns[0])
    while end > 1 and _is_footer(column[end - 1] for column in columns):
        end -= 1
    if end == n or not bool((numeric(columns[0][:end]) | (columns[0][:end] == "")).all()):
        return columns, []
    what = "the last row, which holds" if n - end == 1 else f"the last {n - end} rows, which hold"
    text = columns[0][end]
    text = text if len(text) <= 30 else f"{text[:29]}…"
    return [column[:end] for column in columns], [f"left out {what} nothing but {text!r}."]


def _sums(columns: list[Any]) -> list[str]:
    """That the last row may sum up the others."""
    cells = [column[-1] for column in columns if len(column)]
    found = [cell for cell in cells if SUMS.fullmatch(cell)][:1]
    return [f"the last row holds {cell!r}: leave it out if it sums up others." for cell in found]


def _is_footer(cells: Iterable[str]) -> bool:
    first, *others = cells
    return bool(first) and not any(others) and not is_number(first)
