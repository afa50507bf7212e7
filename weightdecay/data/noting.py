"""What a user should know of a table that is used: one sentence each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from weightdecay.data import files
from weightdecay.data.contents import Contents, Labels
from weightdecay.data.faults import MOST, listed, quoted
from weightdecay.data.files import File
from weightdecay.data.roles import Roles
from weightdecay.ops import NumPyArray

SENTINELS = (-99.0, -999.0, -9999.0, -99999.0, 99.0, 999.0, 9999.0, 99999.0)
"""Numbers that often stand where a value is missing."""


def of_columns(file: File, roles: Roles, contents: Mapping[str, Contents]) -> list[str]:
    """Row labels, names that are numbers, and cells that are no plain numbers."""
    notes = []
    labels = [name for name in file.index if name not in roles.taken]
    if labels:
        what = "the stored index" if len(labels) == 1 else "the stored indexes"
        notes.append(f"left out {what} {listed(labels)}.")
    if file.headless:
        notes.append("the first line, taken for the names, holds numbers only.")
    first = next(iter(file.names))
    if first in contents and first not in roles.taken and files.counts(file.columns[first]):
        notes.append(
            f"{first!r} numbers the rows and is an input: --drop {quoted(first)} leaves it out."
        )
    return notes + of_cells(contents) + of_sentinels(contents)


def of_cells(contents: Mapping[str, Contents]) -> list[str]:
    """How cells were read that are no plain numbers."""
    notes = []
    commas = [name for name, column in contents.items() if column.decimal == ","]
    if commas:
        notes.append(f"read with decimal commas: {listed(commas, 6)}.")
    spelled = {name: column.spelled for name, column in contents.items() if column.spelled}
    if spelled:
        notes.append(f"read as numbers: {_each(spelled)}.")
    marked = {name: column.marked for name, column in contents.items() if column.marked}
    if marked:
        notes.append(f"taken for missing values: {_each(marked)}.")
    return notes


def of_sentinels(contents: Mapping[str, Contents]) -> list[str]:
    """Numbers that may stand for a missing value; they are used as they are."""
    found = {name: _sentinel(column.values) for name, column in contents.items()}
    notes = []
    for value in SENTINELS:
        names = [name for name, stands in found.items() if stands == value]
        if names:
            notes.append(
                f"{value:g} in {listed(names)} stands apart from all other values and is used as "
                f"it is: --na {value:g} takes it for missing."
            )
    return notes


def _sentinel(values: NumPyArray) -> float | None:
    """The least or the greatest value, where it is one of `SENTINELS` and stands apart."""
    known = values[np.isfinite(values)]
    for end in (known.min(initial=np.inf), known.max(initial=-np.inf)):
        if end in SENTINELS:
            others = known[known != end]
            if others.size and (_far(end, others) or (others * end < 0).all()):
                return float(end)
    return None


def _far(end: float, others: NumPyArray) -> bool:
    return bool(np.abs(others - end).min() > np.ptp(others) > 0)


def of_times(times: Mapping[str, Labels]) -> list[str]:
    """How dates were read."""
    return [f"read {name!r} {label.note}." for name, label in times.items() if label.note]


def of_gaps(gaps: NumPyArray) -> list[str]:
    """Rows that were left out."""
    if not gaps.any():
        return []
    return [
        f"left out {np.count_nonzero(gaps)} of {len(gaps)} rows, in which values are missing (the "
        f"first is row {np.argmax(gaps) + 1})."
    ]


def of_constants(X: NumPyArray, inputs: Sequence[str]) -> list[str]:
    """Columns that say nothing; an answer, and not an error."""
    same = X.min(axis=0) == X.max(axis=0)
    found = [name for name, constant in zip(inputs, same, strict=True) if constant]
    if not found:
        return []
    verb, whose = ("is", "its weight is") if len(found) == 1 else ("are", "their weights are")
    return [f"{listed(found)} {verb} constant, so that {whose} 0."]


def _each(said: Mapping[str, str]) -> str:
    first = [f"{name!r} ({words})" for name, words in list(said.items())[:MOST]]
    more = f" and {len(said) - MOST} more" if len(said) > MOST else ""
    return ", ".join(first) + more
