"""Everything that is wrong with a table, said in one message, with the options that settle it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from weightdecay import escaping
from weightdecay.data.contents import Contents, Labels
from weightdecay.data.files import File
from weightdecay.data.roles import Roles
from weightdecay.errors import InputError, UnknownNameError
from weightdecay.ops import NumPyArray

MOST = 12
"""Columns that one sentence names with their values; options name all."""

HEADLESS = "the first line holds numbers only: put a line with the names of the columns above it"


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong.

    Attributes
    ----------
    what : str
        What is wrong.
    remedy : str
        What would be right.
    drop : tuple of str
        Columns without which it is settled.
    drop_rows : bool
        Whether it is settled without the rows in which values are missing.
    """

    what: str
    remedy: str = ""
    drop: tuple[str, ...] = ()
    drop_rows: bool = False

    @property
    def options(self) -> tuple[str, ...]:
        """Options of the command line that settle it, as a shell reads them."""
        dropping = tuple(f"--drop {quoted(name)}" for name in self.drop)
        return (*dropping, *["--missing drop-rows"] * self.drop_rows)

    def __str__(self) -> str:
        """One sentence without its full stop."""
        added = f"add {' '.join(self.options)}" if self.options else ""
        advice = ", or ".join(filter(None, [added, self.remedy]))
        return f"{self.what}: {advice}" if advice else self.what


def as_error(source: str, faults: Sequence[Fault], *, together: bool = True) -> InputError:
    """One sentence for one fault, a list for more, and last the options that settle them.

    Parameters
    ----------
    source : str
    faults : sequence of Fault
    together : bool
        Whether all options together settle every fault that has some.
    """
    if len(faults) == 1:
        return InputError(f"{source!r}: {faults[0]}.")
    lines = [f"{source!r} cannot be used as it is:"]
    lines += [f"  - {fault}" for fault in faults]
    options = [option for fault in faults for option in fault.options]
    if together and sum(bool(fault.options) for fault in faults) > 1:
        lines.append(f"all options together: {' '.join(dict.fromkeys(options))}")
    return InputError("\n".join(lines))


def listed(names: Iterable[str], most: int = MOST) -> str:
    """Names with commas between, and how many more."""
    every = [repr(name) for name in names]
    more = f" and {len(every) - most} more" if len(every) > most else ""
    return ", ".join(every[:most]) + more


def quoted(name: str) -> str:
    """A name as a shell reads it."""
    return escaping.shell(name)


def of_names(file: File, roles: Roles, inputs: Sequence[str]) -> list[Fault]:
    """Columns that are not there, are there twice or without a name, or play two parts."""
    found = []
    unknown = [name for _, name in roles.named if name not in file.names]
    if unknown and file.headless:
        found.append(Fault(HEADLESS))
    else:
        found += [Fault(str(UnknownNameError("column", name, file.names)).rstrip("."))
                  for name in dict.fromkeys(unknown)]  # fmt: skip
    for name in dict.fromkeys(name for _, name in roles.named):
        parts = [role for role, other in roles.named if other == name]
        if len(parts) > 1:
            found.append(Fault(f"{name!r} is both {' and '.join(parts)}", "choose one"))
    if file.duplicates:
        called = ", ".join(file.duplicates[:MOST])
        found.append(Fault(f"more than one column is called {called}", "rename"))
    nameless = [name for name in file.nameless if name not in roles.taken]
    if nameless:
        places = [str(file.names.index(name) + 1) for name in nameless]
        what = f"column {places[0]} has no name" if len(places) == 1 else (
            f"columns {', '.join(places[:-1])} and {places[-1]} have no names")  # fmt: skip
        found.append(Fault(what, "name it" if len(places) == 1 else "name them", tuple(nameless)))
    if not inputs:
        found.append(Fault("there is no input beside these columns", "keep at least one"))
    return found


def of_readings(contents: Mapping[str, Contents]) -> list[Fault]:
    """Numbers that are thousands or have three decimals."""
    found = {name: column.ambiguous for name, column in contents.items() if column.ambiguous}
    if not found:
        return []
    cell = next(iter(found.values()))
    whole, parted = cell.replace(".", "").replace(",", ""), cell.replace(",", ".")
    what = f"{listed(found)} can hold thousands or decimals: {cell!r} is {whole} or {parted}"
    return [Fault(what, "say which is the decimal mark, with --decimal ',' or --decimal '.'")]


def of_text(
    contents: Mapping[str, Contents], inputs: Sequence[str], parts: Mapping[str, str]
) -> list[Fault]:
    """Text where numbers are needed, and inputs without any value."""
    found = []
    for name, part in parts.items():
        if name in contents and contents[name].text.size:
            what = f"{part} {name!r} holds text ({_example(contents[name])})"
            found.append(Fault(what, "choose a column of numbers"))
    text = [name for name in inputs if name in contents and contents[name].text.size]
    if text:
        examples = [f"{name!r} ({_example(contents[name])})" for name in text[:MOST]]
        more = f" and {len(text) - MOST} more" if len(text) > MOST else ""
        remedy = f"encode {'it' if len(text) == 1 else 'them'} as numbers"
        remedy += _marking(contents, text)
        found.append(Fault(f"text in {', '.join(examples)}{more}", remedy, tuple(text)))
    empty = [name for name in inputs if name in contents and _is_empty(contents[name])]
    if empty:
        found.append(Fault(f"no value in {listed(empty)}", "", tuple(empty)))
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


def of_labels(groups: Mapping[str, Labels], times: Mapping[str, Labels]) -> list[Fault]:
    """Groups that are no labels, and dates that do not sort."""
    found = [
        Fault(f"the group {name!r} holds {label.fault}, which are no labels")
        for name, label in groups.items()
        if label.fault
    ]
    for name, label in times.items():
        if label.fault:
            what = f"the time {name!r} holds {label.fault}, which does not sort as time"
            remedy = "write the year first and all alike, as in 2024-01-31, or give numbers"
            found.append(Fault(what, remedy))
    return found


def of_gaps(
    contents: Mapping[str, Contents],
    labels: Mapping[str, Labels],
    inputs: Sequence[str],
    num_rows: int,
    drop_rows: bool,
) -> list[Fault]:
    """Missing values, unless their rows can be left out; inputs to drop anyway are of_text's."""
    among = set(inputs)
    gaps = {
        name: column.missing
        for name, column in contents.items()
        if not (name in among and (column.text.size or _is_empty(column))) and not column.ambiguous
    }
    gaps |= {name: np.flatnonzero(label.ranks < 0) for name, label in labels.items()}
    gaps = {name: rows for name, rows in gaps.items() if rows.size}
    if not gaps:
        return []
    lost = len(np.unique(np.concatenate(list(gaps.values()))))
    if drop_rows and lost < num_rows:
        return []
    what = f"missing values in {_counted(gaps)}"
    marked = [f"{name!r} ({contents[name].marked})" for name in gaps
              if name in contents and contents[name].marked]  # fmt: skip
    if marked:
        what += f" (taken for missing: {', '.join(marked[:MOST])})"
    if lost < num_rows:
        what += f", {lost} of {num_rows} rows" if len(gaps) > 1 else f" of {num_rows} rows"
        return [Fault(what, "fill them in", drop_rows=True)]
    most = [name for name in inputs if name in gaps and 2 * len(gaps[name]) > num_rows]
    return [Fault(f"{what}, so that no row is whole", "fill them in", tuple(most))]


def of_rows(target: str, y: NumPyArray, weight: NumPyArray | None, num_rows: int) -> list[Fault]:
    """Too few rows to choose with, and a target that is the same everywhere."""
    counted = y if weight is None else y[weight > 0]
    n = len(counted)
    if n < 2:
        whole = " whole" if len(y) < num_rows else ""
        what = f"there {'is' if n == 1 else 'are'} {n}{whole} row{'s' * (n != 1)}"
        what += " of a weight above 0" if weight is not None else ""
        return [Fault(what, "at least 2 are needed, one to fit and one held out")]
    if counted.min() == counted.max():
        what = f"the target {target!r} is {counted[0]:g} in every row, so that every weight is 0"
        return [Fault(what, "choose a target that varies")]
    return []


def no_number(name: str, column: Contents) -> Fault:
    """Text where a number is needed."""
    return Fault(f"text in {name!r} ({_example(column)})", "only numbers can be used")


def _is_empty(column: Contents) -> bool:
    return not column.text.size and not column.ambiguous and bool(np.isnan(column.values).all())


def _marking(contents: Mapping[str, Contents], text: Sequence[str]) -> str:
    """How to say that a word marks a missing value, where nearly all cells are numbers."""
    for name in text:
        column = contents[name]
        if len(column.text) * 4 < np.count_nonzero(~np.isnan(column.values)):
            return f", or add --na {quoted(column.example)} if it marks a missing value"
    return ""


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
