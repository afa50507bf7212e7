"""What users pass as numbers: arrays, data frames, columns by name, sparse matrices.

Every value becomes a float or an error: nothing is dropped on the way, neither an imaginary part
nor a mask, and text and dates are no numbers. Missing values are NaN.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, time, timedelta
from typing import Any, NamedTuple

import numpy as np

from weightdecay.errors import InputError
from weightdecay.ops import NumPyArray

FLOATS = (np.float32, np.float64)
WORDS = {
    "c": "real numbers but complex ones: pass real and imaginary parts as columns of their own",
    "U": "numbers but text: encode it",
    "M": "numbers but dates: pass days or seconds since one of them",
    "m": "numbers but time spans: pass seconds, or another unit",
    "V": "numbers but records: pass their fields as columns",
}
KINDS = {"S": "U", "T": "U"}
OBJECTS: tuple[tuple[tuple[type, ...], str], ...] = (
    ((str, bytes), "U"),
    ((complex, np.complexfloating), "c"),
    ((timedelta, np.timedelta64), "m"),
    ((date, time, np.datetime64), "M"),
)
MISSING = ("NoneType", "NAType", "NaTType", "MaskedConstant")


class Inputs(NamedTuple):
    """A table of numbers, dense or in CSR format, and the names of its columns where it has any."""

    values: Any
    names: tuple[str, ...] | None


def floats(values: Any, name: str) -> NumPyArray:
    """float32 as it is and all else as float64; NaN where a value is missing or masked.

    Raises
    ------
    InputError
        Complex numbers, text, dates, nested lists of unequal lengths, a sparse matrix.
    """
    if is_sparse(values):
        raise InputError(f"{name} is a sparse matrix where an array is needed: use .toarray().")
    if isinstance(values, list | tuple) and any(np.ma.isMaskedArray(part) for part in values):
        values = np.ma.array(values)
    try:
        array = np.asarray(values)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{name} does not hold numbers: {error}.") from error
    array = _real(array, name)
    mask = np.ma.getmask(values) if np.ma.isMaskedArray(values) else np.ma.nomask
    if mask is not np.ma.nomask and mask.any():
        array = np.where(mask, array.dtype.type(np.nan), array)
    return array


def inputs(X: Any, name: str = "X") -> Inputs:
    """A table with the names of its columns.

    A data frame (pandas, polars, pyarrow and their like), a mapping of names to columns and a
    structured array have names; other arrays and sparse matrices have none.

    Raises
    ------
    InputError
        As `floats`; also two columns of one name, or of unequal lengths.
    """
    if is_sparse(X):
        return Inputs(_sparse(X, name), None)
    names = _names(X)
    if names is None:
        return Inputs(floats(X, name), None)
    labels = tuple(str(label) for label in names)
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise InputError(f"more than one column of {name} is called {_listed(twice)}: rename them.")
    if not labels:
        raise InputError(f"{name} has no column.")
    columns = [
        floats(_column(X, label, j), f"column {said!r} of {name}")
        for j, (label, said) in enumerate(zip(names, labels, strict=True))
    ]
    if any(column.shape != columns[0].shape or column.ndim != 1 for column in columns):
        raise InputError(f"the columns of {name} are not lists of one length: they must be.")
    return Inputs(np.column_stack(columns), labels)


def in_order(X: Any, columns: Sequence[str], *, others: bool = False, name: str = "X") -> Any:
    """The values of the named columns, in this order; those of an array as they stand.

    Raises
    ------
    InputError
        As `inputs`; also columns that are missing, and others unless they may be there.
    """
    names = None if is_sparse(X) else _names(X)
    if names is not None:
        labels = [str(label) for label in names]
        lacking = [column for column in columns if column not in labels]
        extra = [] if others else [label for label in labels if label not in columns]
        if lacking or extra:
            says = [f"lacks the columns {_listed(lacking)}"] * bool(lacking)
            says += [f"has the columns {_listed(extra)}, which the fit did not"] * bool(extra)
            raise InputError(f"{name} {' and '.join(says)}: the names must be those of the fit.")
        if len(set(labels)) == len(labels):
            at = {label: j for j, label in enumerate(labels)}
            X = {column: _column(X, names[at[column]], at[column]) for column in columns}
    values = inputs(X, name).values
    if values.ndim != 2 or values.shape[1] != len(columns):
        raise InputError(
            f"{name} has shape {values.shape}: it must be (rows, {len(columns)}), one column "
            "for each input."
        )
    return values


def has_names(X: Any) -> bool:
    """Whether the columns of X have names."""
    return not is_sparse(X) and _names(X) is not None


def is_sparse(X: Any) -> bool:
    """Whether X is one of SciPy's sparse matrices or arrays."""
    return hasattr(X, "tocsr")


def _names(X: Any) -> list[Any] | None:
    """What the columns of X are looked up by; None where they have no names."""
    if isinstance(X, Mapping):
        return list(X)
    fields = getattr(getattr(X, "dtype", None), "names", None)
    if fields:
        return list(fields)
    found = getattr(X, "column_names", None)  # pyarrow, whose `columns` are the values
    found = getattr(X, "columns", None) if found is None or callable(found) else found
    return None if found is None or isinstance(X, np.ndarray) else list(found)


def _column(X: Any, name: Any, place: int) -> Any:
    return X[name] if hasattr(X, "__getitem__") else np.asarray(X)[:, place]


def _listed(names: Sequence[str], most: int = 12) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(repr, names[:most])) + more


def _real(array: NumPyArray, name: str) -> NumPyArray:
    """The numbers of an array of any dtype."""
    kind = KINDS.get(array.dtype.kind, array.dtype.kind)
    if kind == "O":
        return _of_objects(array, name)
    if kind in WORDS and "float" not in array.dtype.name:  # bfloat16 is a record to NumPy
        raise InputError(f"{name} does not hold {WORDS[kind]}.")
    with np.errstate(over="ignore"):
        return array if array.dtype in FLOATS else array.astype(np.float64)


def _of_objects(array: NumPyArray, name: str) -> NumPyArray:
    found = np.empty(array.size)
    for i, value in enumerate(array.ravel()):
        for types, kind in OBJECTS:
            if isinstance(value, types) and type(value).__name__ not in MISSING:
                raise InputError(f"{name} does not hold {WORDS[kind]} ({value!r:.40}).")
        try:
            found[i] = np.nan if type(value).__name__ in MISSING else float(value)
        except OverflowError:  # a whole number beyond the floats
            found[i] = np.inf
        except (TypeError, ValueError) as error:
            raise InputError(f"{name} does not hold numbers: {error}.") from error
    return found.reshape(array.shape)


def _sparse(X: Any, name: str) -> Any:
    if X.ndim != 2:
        raise InputError(f"{name} has shape {X.shape}: it must be (rows, num_inputs).")
    kind = KINDS.get(X.dtype.kind, X.dtype.kind)
    if kind in WORDS:
        raise InputError(f"{name} does not hold {WORDS[kind]}.")
    found = X.tocsr()
    found = found if found.dtype in FLOATS else found.astype(np.float64)
    if not found.has_canonical_format:  # places that are stored twice
        found = found.copy()
        found.sum_duplicates()
    return found
