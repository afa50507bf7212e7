"""Everything that is wrong with a table, said in one message, with the options that settle it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from weightdecay.data.contents import Contents, Labels
from weightdecay.data.files import File
from weightdecay.errors import InputError, UnknownNameError
from weightdecay.ops import NumPyArray

MOST = 12
"""Columns that one sentence names with their values; options name all."""


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong.

    Attributes
    ----------
    what : str
        What is wrong.
    remedy : str
        What would be right.
    options : tuple of str
        Options of the command line that settle it, if any do.
    """

    what: str
    remedy: str = ""
    options: tuple[str, ...] = ()

    def __str__(self) -> str:
        """One sentence without its full stop."""
        added = f"add {' '.join(self.options)}" if self.options else ""
        advice = ", or ".join(filter(None, [added, self.remedy]))
        return f"{self.what}: {advice}" if advice else self.what


def as_error(source: str, faults: Sequence[Fault]) -> InputError:
    """One sentence for one fault, a list for more, and last the options that settle them."""
    if len(faults) == 1:
        return InputError(f"{source!r}: {faults[0]}.")
    lines = [f"{source!r} cannot be used as it is:"]
    lines += [f"  - {fault}" for fault in faults]
    options = [option for fault in faults for option in fault.options]
    if sum(bool(fault.options) for fault in faults) > 1:
        lines.append(f"all options together: {' '.join(options)}")
    return InputError("\n".join(lines))


def listed(names: Iterable[str], most: int = MOST) -> str:
    """Names with commas between, and how many more."""
    every = [repr(name) for name in names]
    more = f" and {len(every) - most} more" if len(every) > most else ""
    return ", ".join(every[:most]) + more


def dropping(names: Iterable[str]) -> tuple[str, ...]:
    """The options that leave columns out, as a shell reads them."""
    return tuple(f"--drop {shlex.quote(name)}" for name in names)


def of_names(file: File, named: Sequence[tuple[str, str]]) -> list[Fault]:
    """Columns that are not there, are there twice or without a name, or play two parts."""
    found = []
    for _, name in named:
        if name not in file.names:
            found.append(Fault(str(UnknownNameError("column", name, file.names)).rstrip(".")))
    taken = [name for _, name in named]
    for name in dict.fromkeys(taken):
        roles = [role for role, other in named if other == name]
        if len(roles) > 1:
            found.append(Fault(f"{name!r} is both {' and '.join(roles)}", "choose one"))
    if file.duplicates:
        found.append(Fault(f"more than one column is called {listed(file.duplicates)}", "rename"))
    if "" in file.names and "" not in taken:
        what = f"column {file.names.index('') + 1} has no name (row numbers, as pandas writes?)"
        found.append(Fault(what, "name it", dropping([""])))
    if not [name for name in file.names if name not in taken]:
        found.append(Fault("there is no input beside these columns", "keep at least one"))
    return found


def of_text(
    contents: Mapping[str, Contents], inputs: Sequence[str], parts: Mapping[str, str]
) -> list[Fault]:
    """Text where numbers are needed, and inputs without any value."""
    found = []
    for name, part in parts.items():
        if name in contents and contents[name].text.size:
            what = f"{part} {name!r} holds text ({_example(contents[name])})"
            found.append(Fault(what, "choose a column of numbers"))
    text = [name for name in inputs if contents[name].text.size]
    if text:
        examples = [f"{name!r} ({_example(contents[name])})" for name in text[:MOST]]
        more = f" and {len(text) - MOST} more" if len(text) > MOST else ""
        remedy = f"encode {'it' if len(text) == 1 else 'them'} as numbers"
        found.append(Fault(f"text in {', '.join(examples)}{more}", remedy, dropping(text)))
    empty = [name for name in inputs if _is_empty(contents[name])]
    if empty:
        found.append(Fault(f"no value in {listed(empty)}", "", dropping(empty)))
    if inputs and len(text) + len(empty) == len(inputs):
        found.append(Fault("no input holds numbers", "at least one is needed"))
    return found


def of_numbers(contents: Mapping[str, Contents], weight: str | None) -> list[Fault]:
    """Infinite values, and weights that are none."""
    found = []
    infinite = {name: column.infinite for name, column in contents.items() if column.infinite.size}
    if infinite:
        found.append(Fault(f"infinite values in {_counted(infinite)}", "correct the file"))
    if weight is not None and weight in contents:
        negative = np.flatnonzero(contents[weight].values < 0)
        if negative.size:
            what = f"negative weights in {_counted({weight: negative})}"
            found.append(Fault(what, "a weight is at least 0"))
    return found


def of_time(time: str | None, labels: Mapping[str, Labels]) -> list[Fault]:
    """Dates that do not sort."""
    if time is None or time not in labels or labels[time].unordered is None:
        return []
    what = f"the time {time!r} holds {labels[time].unordered!r}, which does not sort as time"
    return [Fault(what, "write the year first, as in 2024-01-31, or give numbers")]


def of_gaps(
    contents: Mapping[str, Contents],
    labels: Mapping[str, Labels],
    inputs: Sequence[str],
    num_rows: int,
    drop_rows: bool,
) -> list[Fault]:
    """Missing values, unless their rows can be left out; inputs to drop anyway are of_text's."""
    gaps = {
        name: column.missing
        for name, column in contents.items()
        if not (name in inputs and (column.text.size or _is_empty(column)))
    }
    gaps |= {name: np.flatnonzero(label.ranks < 0) for name, label in labels.items()}
    gaps = {name: rows for name, rows in gaps.items() if rows.size}
    if not gaps:
        return []
    lost = len(np.unique(np.concatenate(list(gaps.values()))))
    if drop_rows and lost < num_rows:
        return []
    what = f"missing values in {_counted(gaps)}"
    if lost < num_rows:
        what += f", {lost} of {num_rows} rows" if len(gaps) > 1 else f" of {num_rows} rows"
        return [Fault(what, "fill them in", ("--missing drop-rows",))]
    most = [name for name in inputs if name in gaps and 2 * len(gaps[name]) > num_rows]
    return [Fault(f"{what}, so that no row is whole", "fill them in", dropping(most))]


def of_rows(target: str, y: NumPyArray, weight: NumPyArray | None, num_rows: int) -> list[Fault]:
    """Too few rows to choose with, and a target that is the same everywhere."""
    counted = y if weight is None else y[weight > 0]
    n = len(counted)
    if n < 2:
        whole = " whole" if len(y) < num_rows else ""
        what = f"there {'is' if n == 1 else 'are'} {n}{whole} row{'s' * (n != 1)}"
        what += " of a weight above 0" if weight is not None else ""
        return [Fault(what, "at least 2 are needed to choose λ, one to fit and one held out")]
    if np.ptp(counted) == 0:
        what = f"the target {target!r} is {counted[0]:g} in every row, so that every weight is 0"
        return [Fault(what, "choose a target that varies")]
    return []


def _is_empty(column: Contents) -> bool:
    return not column.text.size and bool(np.isnan(column.values).all())


def _example(column: Contents) -> str:
    rows = column.text
    text = column.example if len(column.example) <= 30 else column.example[:29] + "…"
    more = f", {len(rows)} rows" if len(rows) > 1 else ""
    return f"{text!r} in row {rows[0] + 1}{more}"


def _counted(rows: Mapping[str, NumPyArray]) -> str:
    """Columns with the number of rows and the first."""
    said = [
        f"{name!r} ({f'{len(at)}, the first in ' if len(at) > 1 else ''}row {at[0] + 1})"
        for name, at in list(rows.items())[:MOST]
    ]
    return ", ".join(said) + (f" and {len(rows) - MOST} more" if len(rows) > MOST else "")
