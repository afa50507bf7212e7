"""From a table in a file to examples for `tune`: which column plays which part, and which rows.

Everything that is wrong with a table is said in one message; see `weightdecay.tuning.faults`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np

from weightdecay.data.contents import Contents, Labels
from weightdecay.data.monomials import monomial_features
from weightdecay.data.table import no_target, open_table
from weightdecay.ops import NumPyArray
from weightdecay.tuning import faults
from weightdecay.validate import choice, integer

Missing: TypeAlias = Literal["error", "drop-rows"]
MISSING: tuple[str, ...] = get_args(Missing)


@dataclass(frozen=True)
class Roles:
    """Which column of a table plays which part; every other column is an input.

    Attributes
    ----------
    target : str
        What is predicted.
    drop : tuple of str
        Left out.
    sample_weight : str, optional
        Weighs the rows.
    group : str, optional
        Rows with the same label stay together in a fold.
    time : str, optional
        The rows' order in time.
    """

    target: str
    drop: tuple[str, ...] = ()
    sample_weight: str | None = None
    group: str | None = None
    time: str | None = None

    @property
    def named(self) -> list[tuple[str, str]]:
        """Pairs (what a column is, its name), of those that were named."""
        pairs = [("the target", self.target), *(("dropped", name) for name in set(self.drop))]
        others = {"the sample weight": self.sample_weight, "the group": self.group}
        others["the time"] = self.time
        return pairs + [(role, name) for role, name in others.items() if name is not None]

    def inputs(self, names: Sequence[str]) -> tuple[str, ...]:
        """The columns that are left, in their order."""
        taken = {name for _, name in self.named}
        return tuple(name for name in names if name not in taken)


@dataclass(frozen=True, eq=False, repr=False)
class Loaded:
    """A table, ready to be fitted.

    Attributes
    ----------
    source : str
        The file, or the name of the data set.
    roles : Roles
    inputs : tuple of str
        The file's input columns, in its order.
    columns : tuple of str
        Names of the columns of X: the inputs, or their monomials up to `degree`.
    degree : int
    X, y : arrays of shape (n, len(columns)) and (n,)
    weight, groups, times : arrays of shape (n,), or None
        Groups and times as whole numbers that are equal and ascend as the labels do.
    notes : tuple of str
        What the user should know: rows left out, constant columns.
    """

    source: str
    roles: Roles
    inputs: tuple[str, ...]
    columns: tuple[str, ...]
    degree: int
    X: NumPyArray
    y: NumPyArray
    weight: NumPyArray | None
    groups: NumPyArray | None
    times: NumPyArray | None
    notes: tuple[str, ...]


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
) -> Loaded:
    """Read a table and check all of it.

    Parameters
    ----------
    source : str
        A .csv, .tsv, .parquet or .npz file, or the name of a data set ('diabetes').
    target : str, optional
        The column to predict; a named data set has its own.
    drop, sample_weight, group, time
        See `Roles`.
    degree : int
        Expand the inputs to all their monomials of degree 1 to `degree`.
    missing : 'error' or 'drop-rows'
        Refuse missing values, or leave out the rows that have any.

    Raises
    ------
    InputError
        The file cannot be read, or the table cannot be used: everything that is wrong with it.
    """
    choice("missing", missing, MISSING)
    degree = integer("degree", degree, 1)
    file, own_target = open_table(source)
    target = target or own_target
    if target is None:
        raise no_target(source, file.names)
    roles = Roles(target, tuple(drop), sample_weight, group, time)
    found = faults.of_names(file, roles.named)
    inputs = roles.inputs(file.names)
    parts = {target: "the target"} | ({sample_weight: "the weight"} if sample_weight else {})
    known = [name for name in (*parts, *inputs) if name in file.names]
    contents = {name: file.contents(name) for name in known}
    labels = {name: file.labels(name) for name in (group, time) if name and name in file.names}
    found += faults.of_text(contents, inputs, parts)
    found += faults.of_numbers(contents, sample_weight)
    found += faults.of_time(time, labels)
    found += faults.of_gaps(contents, labels, inputs, file.num_rows, missing == "drop-rows")
    column, weight = contents.get(target), contents.get(sample_weight or "")
    if column is not None and not column.text.size:
        known_rows = ~np.isnan(column.values)
        weights = None if weight is None else weight.values[known_rows]
        found += faults.of_rows(target, column.values[known_rows], weights, file.num_rows)
    if found:
        raise faults.as_error(source, found)
    return _loaded(source, roles, inputs, degree, contents, labels, file.num_rows)


def _loaded(
    source: str,
    roles: Roles,
    inputs: tuple[str, ...],
    degree: int,
    contents: dict[str, Contents],
    labels: dict[str, Labels],
    num_rows: int,
) -> Loaded:
    """The whole rows of a table without faults, as arrays."""
    gaps = np.zeros(num_rows, bool)
    for column in contents.values():
        gaps[column.missing] = True
    for label in labels.values():
        gaps |= label.ranks < 0
    rows = ~gaps if gaps.any() else slice(None)
    y = contents[roles.target].values[rows]
    weight = contents[roles.sample_weight].values[rows] if roles.sample_weight else None
    found = faults.of_rows(roles.target, y, weight, num_rows)
    if found:
        raise faults.as_error(source, found)
    X, columns = np.stack([contents[name].values[rows] for name in inputs], axis=1), inputs
    notes = _left_out(gaps) + _constant(X, inputs)
    if degree > 1:
        X, columns = monomial_features(X, degree, inputs)
    return Loaded(
        source=source,
        roles=roles,
        inputs=inputs,
        columns=columns,
        degree=degree,
        X=X,
        y=y,
        weight=weight,
        groups=labels[roles.group].ranks[rows] if roles.group else None,
        times=labels[roles.time].ranks[rows] if roles.time else None,
        notes=tuple(notes),
    )


def _left_out(gaps: NumPyArray) -> list[str]:
    if not gaps.any():
        return []
    return [
        f"left out {np.count_nonzero(gaps)} of {len(gaps)} rows, in which values are missing (the "
        f"first is row {np.argmax(gaps) + 1})."
    ]


def _constant(X: NumPyArray, inputs: Sequence[str]) -> list[str]:
    """Columns that say nothing; an answer, and not an error."""
    found = [name for name, spread in zip(inputs, np.ptp(X, axis=0), strict=True) if spread == 0]
    if not found:
        return []
    verb, whose = ("is", "its weight is") if len(found) == 1 else ("are", "their weights are")
    return [f"{faults.listed(found)} {verb} constant, so that {whose} 0."]
