"""What columns are called: names that can be used, given twice, or not at all; and stored indexes.

pandas and R write row labels as a column without a name, as 'Unnamed: 0' where such a file was read
and written again, as '__index_level_0__' in Parquet, or say in its metadata which columns they are.
Row labels say nothing of the rows: they are no inputs.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import chain, count
from typing import Any

UNNAMED = re.compile(r"Unnamed: (\d+)(\.\d+)*|__index_level_\d+__|__null_dask_index__")
COUNTS = re.compile(
    r"index|level_0|row[._ ]?(names?|numbers?|num|no\.?)|_row|\.\.\.1", re.IGNORECASE
)
"""Names of columns that are row labels where they count the rows."""


def usable(names: Sequence[str]) -> tuple[str, ...]:
    """Every column under a name: one without a name is called as pandas would call it."""
    taken, found = set(names), []
    for j, name in enumerate(names):
        ends = chain([""], (f".{k}" for k in count(1)))
        spare = (f"Unnamed: {j}{end}" for end in ends)
        found.append(name or next(other for other in spare if other not in taken))
        taken.add(found[-1])
    return tuple(found)


def twice(names: Sequence[str]) -> tuple[str, ...]:
    """Names that are given to more than one column, each with the columns' positions."""
    given = [name for name in names if name]
    doubled = [name for name, count in Counter(given).items() if count > 1]
    return tuple(f"{name!r} ({_places(names, name)})" for name in doubled)


def _places(names: Sequence[str], name: str) -> str:
    places = [str(j) for j, other in enumerate(names, start=1) if other == name]
    return f"columns {', '.join(places[:-1])} and {places[-1]}"


def stored_index(names: Sequence[str], counts: Callable[[int], bool]) -> tuple[int, ...]:
    """Positions of the columns that are row labels, by their names and places.

    Parameters
    ----------
    names : sequence of str
        As the file has them, '' for none.
    counts : callable
        Whether the column at a position holds 0, 1, 2, … or 1, 2, 3, ….
    """
    found: list[int] = []
    for j, name in enumerate(names):
        first = j == len(found) and (not name or UNNAMED.fullmatch(name) is not None)
        counting = COUNTS.fullmatch(name) is not None and counts(j)
        if first or counting or name.startswith("__index_level_"):
            found.append(j)
    return tuple(found)


def index_of_metadata(footer: bytes) -> tuple[str, ...]:
    """Columns that are row labels by what pandas wrote into a Parquet file's last bytes."""
    found = re.search(rb"\x06pandas.{1,8}?(?=\{)", footer, re.DOTALL)
    if found is None:
        return ()
    try:
        text = footer[found.end() :].decode("utf-8", errors="replace")
        said: Any = json.JSONDecoder().raw_decode(text)[0]
        labels = said.get("index_columns", [])
        return tuple(label for label in labels if isinstance(label, str))
    except (ValueError, AttributeError, RecursionError):
        return ()
