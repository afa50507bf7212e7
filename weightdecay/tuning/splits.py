"""Which rows each fold trains with and holds out, through scikit-learn's splitters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from weightdecay import bounds, memory
from weightdecay.data import instants
from weightdecay.errors import InputError, MissingExtraError
from weightdecay.escaping import shown
from weightdecay.ops import NumPyArray
from weightdecay.paths.examples import Split
from weightdecay.validate import integer

LEAVE_ONE_OUT = "loo"
Given: TypeAlias = Any
"""A number of folds, 'loo', a splitter of scikit-learn, or pairs of row numbers."""


def make(
    cv: Given,
    num_examples: int,
    *,
    groups: npt.ArrayLike | None = None,
    times: npt.ArrayLike | None = None,
    repeats: int = 1,
    seed: int = 0,
) -> tuple[Split, ...] | None:
    """The splits of `num_examples` rows; None for leave-one-out, which has a closed form.

    Parameters
    ----------
    cv : int, 'loo', splitter or iterable
        A number of folds; leave-one-out; an object with a `split` method such as those of
        `sklearn.model_selection`; or pairs (rows to train with, rows to hold out).
    groups : array-like of n labels, optional
        Rows with the same label stay together (`GroupKFold`).
    times : array-like of n values, optional
        Rows are held out after those that are trained with (`TimeSeriesSplit` in this order).
    repeats : int
        Cut so often anew (`RepeatedKFold`).
    seed : int
        Of the random cut.

    Raises
    ------
    InputError
        Folds that cannot be cut from these rows.
    MissingExtraError
        scikit-learn is not installed.
    """
    seed = integer("seed", seed, 0, bounds.SEED32)
    repeats = integer("repeats", repeats, 1, bounds.REPEATS)
    if isinstance(cv, str):
        if cv != LEAVE_ONE_OUT:
            raise InputError(f"cv is {shown(cv)}: write a number of folds, or 'loo'.")
        _refuse(groups, times, repeats, "leave-one-out")
        if num_examples < 2:
            raise InputError(f"leave-one-out needs at least 2 rows, and there is {num_examples}.")
        return None
    if hasattr(cv, "__index__"):
        return _folds(integer("cv", cv, 2), num_examples, groups, times, repeats, seed)
    if hasattr(cv, "split"):
        _refuse(None, times, repeats, "a splitter of your own")
        found = cv.split(np.zeros((num_examples, 1)), np.zeros(num_examples), groups)
    elif isinstance(cv, Iterable):
        _refuse(groups, times, repeats, "splits of your own")
        found = cv
    else:
        raise InputError(
            f"cv is {shown(cv)}: write a number of folds, 'loo', a splitter or splits."
        )
    try:
        splits = tuple(_split(pair, num_examples, k) for k, pair in enumerate(found))
    except InputError:
        raise
    except ValueError as error:  # a splitter's own
        raise InputError(f"the rows cannot be split: {error}") from error
    if not splits:
        raise InputError("cv gives no split: at least one is needed.")
    return splits


def one_by_one(n: int, held_out: NumPyArray | None = None) -> tuple[Split, ...]:
    """Every row held out in turn, or each of some."""
    rows = np.arange(n)
    some = rows if held_out is None else held_out
    return tuple(Split(np.delete(rows, i), rows[i : i + 1]) for i in some.tolist())


def _folds(k: int, n: int, groups: Any, times: Any, repeats: int, seed: int) -> tuple[Split, ...]:
    try:
        from sklearn import model_selection
    except ImportError as error:
        raise MissingExtraError("cross-validation", "sklearn") from error
    if groups is not None and times is not None:
        raise InputError("groups and times do not go together: give one.")
    if times is not None:
        _refuse(None, None, repeats, "an order in time")
        order = _order(times, n)
        if k >= n:
            raise InputError(f"cv is {k} and there are {n} rows: in time, at most {n - 1} folds.")
        splitter: Any = model_selection.TimeSeriesSplit(k)
        return tuple(
            Split(np.sort(order[a]), np.sort(order[b])) for a, b in splitter.split(np.zeros(n))
        )
    if groups is not None:
        _refuse(None, None, repeats, "groups")
        labels = _labels("groups", groups, n)
        count = len(np.unique(labels))
        if k > count:
            raise InputError(
                f"cv is {k} and there {'is' if count == 1 else 'are'} {count} "
                f"group{'s' * (count != 1)}: choose at most as many folds as groups."
            )
        splitter = model_selection.GroupKFold(k)
        return tuple(Split(a, b) for a, b in splitter.split(np.zeros(n), groups=labels))
    if k > n:
        raise InputError(
            f"cv is {k} and there {'is' if n == 1 else 'are'} {n} row{'s' * (n != 1)}: choose at "
            "most as many folds as rows."
        )
    memory.require(
        f"{repeats:,} times {k:,} folds of {n:,} rows", repeats * k * n, "choose fewer repeats"
    )
    splitter = model_selection.RepeatedKFold(n_splits=k, n_repeats=repeats, random_state=seed)
    return tuple(Split(a, b) for a, b in splitter.split(np.zeros(n)))


def _order(times: Any, n: int) -> NumPyArray:
    """Row numbers in the order of time; words are read as instants, and never sorted as text."""
    values = _labels("times", times, n)
    if all(isinstance(value, str) for value in values.tolist()):
        found = instants.order(values.tolist())
        if found.fault:
            raise InputError(
                f"times holds {found.fault}, which does not sort as time: write the year first and "
                "all alike, as in 2024-01-31, or pass numbers or dates."
            )
        values = np.array(instants.ranks([found.keys[word] for word in values.tolist()]))
    try:
        return np.argsort(values, kind="stable")
    except TypeError as error:
        raise InputError(f"times holds what does not sort as time: {error}.") from error


def _labels(name: str, given: Any, n: int) -> NumPyArray:
    """One label for each row, none of which is missing."""
    values = np.asarray(given)
    if values.shape != (n,):
        raise InputError(f"{name} has shape {values.shape}: one label for each of {n} rows.")
    missing = [value is None or value != value for value in values.tolist()]
    if values.dtype.kind in "mM":
        missing = np.isnat(values).tolist()
    if np.ma.isMaskedArray(given):
        missing = np.ma.getmaskarray(given).tolist()
    if any(missing):
        row = missing.index(True) + 1
        raise InputError(f"{name}, row {row}: the value is missing; leave the row out.")
    if values.dtype.kind == "O":  # labels of several types are told apart by their words
        types = {type(value) for value in values.tolist()}
        values = values if len(types) == 1 else np.array([str(value) for value in values.tolist()])
    return values


def _split(pair: Any, n: int, fold: int) -> Split:
    try:
        train, held_out = (np.asarray(rows) for rows in pair)
    except (TypeError, ValueError):
        raise InputError(
            f"fold {fold + 1} is no pair of row numbers: those to train with, those to hold out."
        ) from None
    parts = []
    for rows in (train, held_out):
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows
        whole = rows.ndim == 1 and rows.dtype.kind in "iu" and rows.size
        if not whole or rows.min() < -n or rows.max() >= n:
            raise InputError(
                f"fold {fold + 1} is no pair of lists of row numbers from 0 to {n - 1}, each with "
                "at least one row."
            )
        parts.append(rows.astype(np.intp) % n)
    return Split(*parts)


def _refuse(groups: Any, times: Any, repeats: int, kind: str) -> None:
    for name, given in (("groups", groups is not None), ("times", times is not None)):
        if given:
            raise InputError(f"{name} does not go with {kind}.")
    if repeats > 1:
        raise InputError(f"repeats does not go with {kind}, which cuts the rows in one way only.")
