"""CSV, TSV, Parquet and NPZ files to named columns of numbers, through polars and NumPy."""

from __future__ import annotations

import csv
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from weightdecay.data import contents
from weightdecay.data.contents import Contents, Labels
from weightdecay.data.dataset import require_finite
from weightdecay.errors import InputError, MissingExtraError
from weightdecay.ops import NumPyArray

SUFFIXES = (".csv", ".tsv", ".parquet", ".npz")
FIRST = 10_000
"""Rows of a CSV file from which types are guessed, before all are looked at."""


class Columns(Protocol):
    """Named columns of equal length, some of which may hold no numbers."""

    @property
    def names(self) -> tuple[str, ...]:
        """The columns in the file's order."""

    def numbers(self, names: Sequence[str]) -> NumPyArray:
        """The chosen columns as float64, shape (rows, len(names)).

        Raises InputError at the first value that is missing, infinite or no number, with its
        column and its row (from 1, the header not counted).
        """


class File(Columns, Protocol):
    """The columns of a file, also those that hold no numbers."""

    @property
    def num_rows(self) -> int:
        """Rows, the header not counted."""

    @property
    def duplicates(self) -> tuple[str, ...]:
        """Names that the file gives to more than one column."""

    def contents(self, name: str) -> Contents:
        """One column as numbers, and what in it is none; raises nothing."""

    def labels(self, name: str) -> Labels:
        """One column as labels, which may be text or dates."""


def read(path: Path) -> File:
    """Open a table by its suffix.

    Raises
    ------
    InputError
        The file is missing, empty, truncated or of an unknown kind.
    MissingExtraError
        CSV, TSV and Parquet need polars.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(f"{str(path)!r} is no table: it must end in {', '.join(SUFFIXES)}.")
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise InputError(f"{str(path)!r} {what}: name a {suffix} file.")
    if path.stat().st_size == 0:
        raise InputError(f"{str(path)!r} is empty: it must hold a table.")
    return _read_npz(path) if suffix == ".npz" else _read_frame(path, suffix)


@dataclass(frozen=True)
class _Frame:
    """A polars frame."""

    frame: Any
    duplicates: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.frame.columns)

    @property
    def num_rows(self) -> int:
        return int(self.frame.height)

    def contents(self, name: str) -> Contents:
        return contents.of_series(self.frame[name])

    def labels(self, name: str) -> Labels:
        return contents.labels_of_series(self.frame[name])

    def numbers(self, names: Sequence[str]) -> NumPyArray:
        import polars as pl

        columns = []
        for name in names:
            column = self.frame[name]
            if not (column.dtype.is_numeric() or column.dtype in (pl.Boolean, pl.Null)):
                # Text may still spell numbers: a single "nan" makes polars read integers as text.
                text = column
                column = column.cast(pl.String).str.strip_chars().cast(pl.Float64, strict=False)
                lost = (column.is_null() & text.is_not_null()).arg_max()
                if column.is_null().sum() > text.is_null().sum():
                    raise _no_number(name, lost, text[lost])
            columns.append(column.cast(pl.Float64))
        values: NumPyArray = pl.DataFrame(columns).to_numpy(order="c")
        require_finite(values, names)
        return values


def _read_frame(path: Path, suffix: str) -> _Frame:
    try:
        import polars as pl
    except ImportError as error:
        raise MissingExtraError(f"reading {suffix} files", "files") from error
    try:
        if suffix == ".parquet":
            frame = pl.read_parquet(path)
        else:
            frame = _read_text(path, _separator(path, suffix))
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        reason = str(error).strip().splitlines()[0].rstrip(".")
        raise InputError(
            f"{str(path)!r} cannot be read as {suffix[1:]} ({reason}): it may be truncated or of "
            "another kind."
        ) from error
    if not frame.height:
        raise InputError(f"{str(path)!r} has a header and no rows: it must hold examples.")
    return _Frame(frame, _duplicates(path, suffix, frame.columns))


def _read_text(path: Path, separator: str) -> Any:
    """A frame whose types are those of all rows, five times as fast where the first rows suffice.

    polars looks at every row for the types before it reads any. It refuses what the first rows'
    types do not fit; only where they hold nothing is a column text in their stead.
    """
    import polars as pl

    try:
        frame = pl.read_csv(path, separator=separator, infer_schema_length=FIRST)
    except pl.exceptions.ComputeError:
        return pl.read_csv(path, separator=separator, infer_schema_length=None)
    text = [name for name in frame.columns if frame.schema[name] == pl.String]
    if frame.height > FIRST and any(frame[name].head(FIRST).is_null().all() for name in text):
        return pl.read_csv(path, separator=separator, infer_schema_length=None)
    return frame


def _duplicates(path: Path, suffix: str, read_as: Sequence[str]) -> tuple[str, ...]:
    """Names that polars has made distinct: a second 'a' becomes 'a_duplicated_0'."""
    if suffix == ".parquet" or not any("_duplicated_" in name for name in read_as):
        return ()
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        header = next(csv.reader(file, delimiter=_separator(path, suffix)))
    return tuple(name for name, count in Counter(header).items() if count > 1)


def _no_number(name: str, row: int, value: object) -> InputError:
    return InputError(
        f"column {name!r}, row {row + 1}: {value!r} is no number; encode the column as numbers or "
        "drop it."
    )


def _separator(path: Path, suffix: str) -> str:
    """Tab, comma, or the semicolon that spreadsheets write where the comma is the decimal mark."""
    if suffix == ".tsv":
        return "\t"
    with path.open(encoding="utf-8", errors="replace") as file:
        header = file.readline()
    return ";" if ";" in header and "," not in header else ","


@dataclass(frozen=True)
class _Archive:
    """The arrays of an NPZ file: one-dimensional ones are columns, two-dimensional ones several."""

    columns: Mapping[str, NumPyArray]
    duplicates: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.columns)

    @property
    def num_rows(self) -> int:
        return len(next(iter(self.columns.values())))

    def contents(self, name: str) -> Contents:
        return contents.of_array(self.columns[name])

    def labels(self, name: str) -> Labels:
        return contents.labels_of_array(self.columns[name])

    def numbers(self, names: Sequence[str]) -> NumPyArray:
        for name in names:
            if self.columns[name].dtype.kind not in "biuf":
                raise _no_number(name, 0, self.columns[name].item(0))
        values = np.stack([self.columns[name].astype(np.float64) for name in names], axis=1)
        require_finite(values, names)
        return values


def _read_npz(path: Path) -> _Archive:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{str(path)!r} cannot be read as npz ({error}): it must be written by numpy.savez, "
            "without pickled objects, and whole."
        ) from error
    found: list[tuple[str, NumPyArray]] = []
    for name, array in arrays.items():
        if array.ndim == 1:
            found.append((name, array))
        elif array.ndim == 2:
            found += [(f"{name}{j}", array[:, j]) for j in range(array.shape[1])]
        else:
            raise InputError(
                f"array {name!r} of {str(path)!r} has shape {array.shape}: it must be a column or "
                "a matrix of columns."
            )
    columns = dict(found)
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) != 1 or not max(lengths.values()):
        raise InputError(
            f"the arrays of {str(path)!r} must have equal lengths above 0, not {lengths}."
        )
    counts = Counter(name for name, _ in found)
    return _Archive(columns, tuple(name for name, count in counts.items() if count > 1))


def from_columns(columns: Mapping[str, NumPyArray]) -> File:
    """Columns that came from elsewhere, as those of a file."""
    return _Archive(columns)
