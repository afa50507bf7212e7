"""CSV, TSV, Parquet and NPZ files as named columns, through polars and NumPy.

A path is a path: no character in it stands for others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from weightdecay import memory
from weightdecay.data import (
    archives,
    cells,
    contents,
    dialect,
    encodings,
    header,
    numerals,
    parquet,
    plain,
)
from weightdecay.data import sheet as sheets
from weightdecay.data.contents import Contents, Labels
from weightdecay.data.dialect import Reading
from weightdecay.errors import InputError, MissingExtraError
from weightdecay.ops import NumPyArray

SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", ".npz")
PLAIN = Reading()
"""Nothing is said of a file."""

BYTES_PER_BYTE = 12
"""Memory that a byte of a text file takes at most while it is read."""


@dataclass(frozen=True, eq=False)
class File:
    """The named columns of a file, of whatever they hold.

    Attributes
    ----------
    columns : mapping from str
        polars series or NumPy arrays of equal lengths, in the file's order. A column that the file
        does not name is called as pandas would call it, such as 'Unnamed: 3'.
    reading : Reading
        What the user says of the file.
    index : tuple of str
        Row labels that pandas or R stored; no inputs.
    nameless : tuple of str
        Other columns without a name.
    duplicates : tuple of str
        Names that the file gives to more than one column, with their places.
    headless : bool
        Whether the names are numbers, as where a file has no header.
    separator : str
        Of the cells; see `numerals.decide`.
    notes : tuple of str
        How the file was read.
    """

    columns: Mapping[str, Any]
    reading: Reading = PLAIN
    index: tuple[str, ...] = ()
    nameless: tuple[str, ...] = ()
    duplicates: tuple[str, ...] = ()
    headless: bool = False
    separator: str = ";"
    notes: tuple[str, ...] = ()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The columns in the file's order."""
        return tuple(self.columns)

    @property
    def num_rows(self) -> int:
        """Rows, the header not counted."""
        return len(next(iter(self.columns.values())))

    def contents(self, name: str) -> Contents:
        """One column as numbers, and what in it is none."""
        column, na = self.columns[name], self.reading.na
        found = (
            contents.of_array(column, na)
            if isinstance(column, np.ndarray)
            else contents.of_series(column, na)
        )
        if found is not None:
            return found
        plain = self._plain.get(name)
        if plain is not None:
            return contents.of_plain(plain, na)
        return contents.of_text(self._present[name], self._bare[name], self._shown, self.separator)

    def labels(self, name: str) -> Labels:
        """One column as labels: text whatever it looks like, unless the file says otherwise."""
        return self._typed_labels(name, False) or contents.labels_of_text(self._labels(name))

    def times(self, name: str) -> Labels:
        """One column in the order of time."""
        return self._typed_labels(name, True) or contents.times_of_text(self._labels(name))

    def _typed_labels(self, name: str, times: bool) -> Labels | None:
        column = self.columns[name]
        if isinstance(column, np.ndarray):
            return contents.labels_of_array(column, times=times)
        return contents.labels_of_series(column, times=times)

    def _labels(self, name: str) -> Any:
        return contents.present(as_text(self.columns[name]), self.reading.na)

    @cached_property
    def _text(self) -> dict[str, Any]:
        """The columns of text."""
        found = {name: as_text(column) for name, column in self.columns.items()}
        return {name: column for name, column in found.items() if column is not None}

    @cached_property
    def _plain(self) -> dict[str, plain.Plain]:
        """The columns of text that hold plain numbers and words that mark what is missing."""
        if not self._text:
            return {}
        import polars as pl

        frame = pl.DataFrame(self._text).select(pl.all().fill_null(""))
        found = dict(plain.columns(frame))
        frame = frame.select(name for name in frame.columns if name not in found)
        if frame.width:
            found |= plain.columns(contents.blanked(frame, self.reading.na))
        return found

    @cached_property
    def _present(self) -> dict[str, Any]:
        """The other columns of text, null where a value is missing."""
        others = {name: column for name, column in self._text.items() if name not in self._plain}
        return {name: contents.present(column, self.reading.na) for name, column in others.items()}

    @cached_property
    def _bare(self) -> dict[str, numerals.Bare]:
        return {name: numerals.bare(column) for name, column in self._present.items()}

    @cached_property
    def _shown(self) -> frozenset[str]:
        """The decimal marks that the columns show, or the one that the user has said."""
        if self.reading.decimal is not None:
            return frozenset([self.reading.decimal])
        found = {column.mark for column in self._plain.values() if column.evidence}
        for bare in self._bare.values():
            mark = numerals.mark_of(bare.cells)
            if numerals.is_evidence(bare.cells, mark):
                found.add(mark)
        return frozenset(found)


def read(path: Path, reading: Reading | None = None) -> File:
    """Open a table by its suffix.

    Raises
    ------
    InputError
        The file is missing, empty, truncated or of an unknown kind.
    MissingExtraError
        Text and Parquet need polars.
    """
    reading = reading or PLAIN
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(f"{str(path)!r} is no table: it must end in {', '.join(SUFFIXES)}.")
    try:
        size = _require_file(path, suffix)
        if suffix == ".npz":
            return _of_arrays(archives.read(path), reading)
        memory.require_room(repr(str(path)), BYTES_PER_BYTE * size)
        _require_polars(suffix)
        if suffix == ".parquet":
            return _of_parquet(path, reading)
        memory.require(f"the cells of {str(path)!r}", size, archives.FREE, BYTES_PER_BYTE)
        return _of_text(path, suffix, reading)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{str(path)!r} cannot be read ({reason}): name a table.") from error
    except MemoryError as error:
        raise InputError(f"memory ran out while {str(path)!r} was read: free some.") from error


def exists(path: Path) -> bool:
    """Whether there is anything at a path; False where no path can be so."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def from_columns(columns: Mapping[str, NumPyArray]) -> File:
    """Columns that came from elsewhere, as those of a file."""
    return File(columns)


def as_text(column: Any) -> Any:
    """A column as a polars series of text; None where it is no text."""
    if isinstance(column, np.ndarray):
        if column.dtype.kind not in "US":
            return None
        _require_polars(".npz")
        if column.dtype.kind == "S":
            column = np.char.decode(column, "utf-8", "replace")
        import polars as pl

        return pl.Series(column.tolist(), dtype=pl.String).str.strip_chars()
    import polars as pl

    if column.dtype not in (pl.String, pl.Categorical, pl.Enum):
        return None
    return column.cast(pl.String)


def _require_file(path: Path, suffix: str) -> int:
    """The size of a file that is there and holds something."""
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        what = "is no regular file" if path.exists() and not path.is_dir() else what
        raise InputError(f"{str(path)!r} {what}: name a {suffix} file.")
    size = path.stat().st_size
    if size == 0:
        raise InputError(f"{str(path)!r} is empty: it must hold a table.")
    return size


def _require_polars(suffix: str) -> None:
    try:
        import polars  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(f"reading {suffix} files", "files") from error


def _of_text(path: Path, suffix: str, reading: Reading) -> File:
    content = path.read_bytes()
    try:
        decoded = encodings.decode(content, reading.encoding)
        text = decoded.text.removesuffix("\x1a")
        with dialect.long_fields(len(text)):
            outline = dialect.outline(text, reading, suffix)
            frame = cells.read(text, outline)
        quoted = text.startswith('"', outline.start)
        sheet = sheets.of_cells(outline.header, frame, quoted=quoted)
    except InputError as error:
        raise InputError(f"{str(path)!r}: {error}") from error
    if not sheet.columns or not len(sheet.columns[0]):
        raise InputError(f"{str(path)!r} has a header and no rows: it must hold examples.")
    notes = (*filter(None, [decoded.note]), *outline.notes, *sheet.notes)
    file = _of_series(sheet.names, sheet.columns, reading)
    return replace(
        file,
        headless=all(map(dialect.is_number, filter(None, outline.header))),
        separator=outline.separator,
        notes=notes,
    )


def _of_parquet(path: Path, reading: Reading) -> File:
    frame, labels = parquet.read(path)
    if not frame.height or not frame.width:
        raise InputError(f"{str(path)!r} has a header and no rows: it must hold examples.")
    found = _of_series(frame.columns, frame.get_columns(), reading)
    index = (*found.index, *(name for name in labels if name in found.names))
    return replace(found, index=tuple(dict.fromkeys(index)))


def _of_arrays(found: list[tuple[str, NumPyArray]], reading: Reading) -> File:
    names = [name for name, _ in found]
    return _of_series(names, [column for _, column in found], reading)


def _of_series(names: Sequence[str], columns: Sequence[Any], reading: Reading) -> File:
    """Columns under names that can be used, and what those that the file gives are worth."""
    index = header.stored_index(names, lambda j: counts(columns[j]))
    called = header.usable(names)
    nameless = [j for j, name in enumerate(names) if not name or header.UNNAMED.fullmatch(name)]
    by_name: dict[str, Any] = {}
    for name, column in zip(called, columns, strict=True):
        by_name.setdefault(name, column)
    return File(
        by_name,
        reading,
        index=tuple(called[j] for j in index),
        nameless=tuple(called[j] for j in nameless if j not in index),
        duplicates=header.twice(names),
    )


def counts(column: Any) -> bool:
    """Whether a column holds 0, 1, 2, … or 1, 2, 3, …."""
    first = str(column[0]) if len(column) else ""
    if first not in ("0", "1") or (len(column) > 1 and str(column[1]) != str(int(first) + 1)):
        return False
    values = column.tolist() if isinstance(column, np.ndarray) else column.to_list()
    return all(str(value) == str(j) for j, value in enumerate(values, start=int(first)))
