"""The one way from a table in a file to checked examples: every command reads through `load`.

Which column plays which part, which rows are whole, and what was left out or taken for something.
Everything that is wrong with a table is said in one message; see `weightdecay.data.faults`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from weightdecay.data import faults, files, noting
from weightdecay.data.contents import Contents, Labels
from weightdecay.data.dataset import Dataset, from_arrays
from weightdecay.data.dialect import Reading
from weightdecay.data.faults import Fault
from weightdecay.data.files import File
from weightdecay.data.monomials import monomial_features
from weightdecay.data.named import DATA_SETS
from weightdecay.data.roles import Roles
from weightdecay.data.sources import GENERATED, MISSING, Table
from weightdecay.errors import InputError, UnknownNameError
from weightdecay.ops import NumPyArray
from weightdecay.validate import choice, integer


@dataclass(frozen=True, eq=False, repr=False)
class Loaded:
    """A table, ready to be fitted.

    Attributes
    ----------
    source : str
        The file, or the name of the data set.
    roles : Roles
    reading : Reading
        What was said of the file.
    inputs : tuple of str
        The file's input columns, in its order.
    columns : tuple of str
        Names of the columns of X: the inputs, or their monomials up to `degree`.
    degree : int
    X, y : arrays of shape (n, len(columns)) and (n,)
    weight, groups, times : arrays of shape (n,), or None
        Groups and times as whole numbers: equal where the labels are, and ascending with time.
    notes : tuple of str
        What the user should know: how the file was read, what was left out, constant columns.
    """

    source: str
    roles: Roles
    reading: Reading
    inputs: tuple[str, ...]
    columns: tuple[str, ...]
    degree: int
    X: NumPyArray
    y: NumPyArray
    weight: NumPyArray | None
    groups: NumPyArray | None
    times: NumPyArray | None
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Looked:
    """The columns of a file in their parts, looked at."""

    file: File
    roles: Roles
    contents: dict[str, Contents]
    groups: dict[str, Labels]
    times: dict[str, Labels]

    @property
    def inputs(self) -> tuple[str, ...]:
        return _inputs(self.file, self.roles)

    @property
    def labels(self) -> dict[str, Labels]:
        return self.groups | self.times

    def without(self, names: Sequence[str]) -> _Looked:
        """The same with columns left out."""
        roles = replace(self.roles, drop=(*self.roles.drop, *names))
        left = {name: found for name, found in self.contents.items() if name not in names}
        return replace(self, roles=roles, contents=left)


def load(
    source: str,
    target: str | None = None,
    *,
    drop: Sequence[str] = (),
    sample_weight: str | None = None,
    group: str | None = None,
    time: str | None = None,
    degree: int = 1,
    missing: str = "error",
    reading: Reading | None = None,
) -> Loaded:
    """Read a table and check all of it.

    Parameters
    ----------
    source : str
        A .csv, .tsv, .txt, .parquet or .npz file, or the name of a data set ('diabetes').
    target : str, optional
        The column to predict; a named data set has its own.
    drop, sample_weight, group, time
        See `Roles`.
    degree : int
        Expand the inputs to all their monomials of degree 1 to `degree`.
    missing : 'error' or 'drop-rows'
        Refuse missing values, or leave out the rows that have any.
    reading : Reading, optional
        What the file does not say itself.

    Raises
    ------
    InputError
        The file cannot be read, or the table cannot be used: everything that is wrong with it.
    """
    choice("missing", missing, MISSING)
    degree = integer("degree", degree, 1)
    reading = reading or Reading()
    file, own_target = open_table(source, reading)
    target = target or own_target
    if target is None:
        raise _no_target(source, file)
    looked = _look(file, Roles(target, tuple(drop), sample_weight, group, time))
    found = _faults(looked, missing == "drop-rows")
    if found:
        raise faults.as_error(source, found, together=_settles(looked, found))
    return _loaded(source, looked, degree)


def load_table(source: Table, seed: int) -> Dataset:
    """Read the table that `source` describes; the split is drawn from `seed`.

    Raises
    ------
    InputError
        See `load`; also too few rows to split.
    """
    loaded = load(
        source.source,
        source.target,
        drop=source.drop,
        sample_weight=source.sample_weight,
        degree=source.degree,
        missing=source.missing,
        reading=source.reading,
    )
    return from_arrays(
        loaded.X,
        loaded.y,
        sample_weight=loaded.weight,
        validation_fraction=source.validation_fraction,
        seed=seed,
        standardize=source.standardize,
        columns=loaded.columns,
        source=source,
        notes=loaded.notes,
    )


def open_table(source: str, reading: Reading | None = None) -> tuple[File, str | None]:
    """A data set known by name and its own target, or the file of that name.

    Raises
    ------
    InputError
        Neither; see also `files.read`.
    """
    if source in DATA_SETS:
        named = DATA_SETS[source]()
        columns = {name: named.numbers([name])[:, 0] for name in named.names}
        return files.from_columns(columns), named.target
    path = Path(source)
    if not path.suffix and not files.exists(path):
        raise UnknownNameError("data", source, [*DATA_SETS, *GENERATED, "FILE"])
    return files.read(path, reading), None


def _look(file: File, roles: Roles) -> _Looked:
    def there(*wanted: str | None) -> list[str]:
        asked = set(wanted)
        return [name for name in file.names if name in asked]

    inputs = _inputs(file, roles)
    return _Looked(
        file,
        roles,
        {name: file.contents(name) for name in there(roles.target, roles.sample_weight, *inputs)},
        {name: file.labels(name) for name in there(roles.group)},
        {name: file.times(name) for name in there(roles.time)},
    )


def _inputs(file: File, roles: Roles) -> tuple[str, ...]:
    """The columns that are left; those without a name are refused for that alone."""
    return roles.inputs(file.names, (*file.index, *file.nameless))


def _faults(looked: _Looked, drop_rows: bool) -> list[Fault]:
    """Everything that is wrong."""
    file, roles, contents, inputs = looked.file, looked.roles, looked.contents, looked.inputs
    parts = {roles.target: "the target"}
    if roles.sample_weight is not None:
        parts[roles.sample_weight] = "the weight"
    found = faults.of_names(file, roles, inputs)
    found += faults.of_readings(contents)
    found += faults.of_text(contents, inputs, parts)
    found += faults.of_numbers(contents, roles.sample_weight)
    found += faults.of_labels(looked.groups, looked.times)
    gaps = faults.of_gaps(contents, looked.labels, inputs, file.num_rows, drop_rows)
    found += gaps
    y = contents.get(roles.target)
    if y is None or y.text.size or y.ambiguous:
        return found
    weight = None if roles.sample_weight is None else contents.get(roles.sample_weight)
    known = np.isfinite(y.values)
    if drop_rows and not gaps:
        known &= ~_gaps(looked)
    weights = None if weight is None else weight.values[known]
    return found + faults.of_rows(roles.target, y.values[known], weights, file.num_rows)


def _settles(looked: _Looked, found: Sequence[Fault]) -> bool:
    """Whether the options that are told settle what they are told for."""
    dropped = looked.without([name for fault in found for name in fault.drop])
    left = _faults(dropped, any(fault.drop_rows for fault in found))
    others = {fault.what for fault in found if not fault.options}
    return all(fault.what in others for fault in left)


def _gaps(looked: _Looked) -> NumPyArray:
    """Rows in which a value is missing."""
    gaps = np.zeros(looked.file.num_rows, bool)
    for column in looked.contents.values():
        gaps[column.missing] = True
    for label in looked.labels.values():
        gaps |= label.ranks < 0
    return gaps


def _loaded(source: str, looked: _Looked, degree: int) -> Loaded:
    """The whole rows of a table without faults, as arrays."""
    roles, contents, inputs = looked.roles, looked.contents, looked.inputs
    gaps = _gaps(looked)
    rows = ~gaps if gaps.any() else slice(None)
    weight = contents[roles.sample_weight].values[rows] if roles.sample_weight else None
    X, columns = np.stack([contents[name].values[rows] for name in inputs], axis=1), inputs
    notes = [*looked.file.notes, *noting.of_columns(looked.file, roles, contents)]
    notes += noting.of_times(looked.times)
    notes += noting.of_gaps(gaps) + noting.of_constants(X, inputs)
    if degree > 1:
        X, columns = monomial_features(X, degree, inputs)
    return Loaded(
        source=source,
        roles=roles,
        reading=looked.file.reading,
        inputs=inputs,
        columns=columns,
        degree=degree,
        X=X,
        y=contents[roles.target].values[rows],
        weight=weight,
        groups=looked.groups[roles.group].ranks[rows] if roles.group else None,
        times=looked.times[roles.time].ranks[rows] if roles.time else None,
        notes=tuple(notes),
    )


def _no_target(source: str, file: File) -> InputError:
    """That somebody must say which column to predict."""
    if file.headless:
        return InputError(f"{source!r}: {faults.HEADLESS}.")
    names, most = file.names, 20
    listed = ", ".join(names[:most])
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return InputError(
        f"{source!r} needs a target: name the column to predict, one of {listed}{more}."
    )
