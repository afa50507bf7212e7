"""From a table to a dataset: target, sample weights, expansion, split, standardisation."""

from __future__ import annotations

from pathlib import Path

from weightdecay.data import files
from weightdecay.data.dataset import Dataset, from_arrays
from weightdecay.data.monomials import monomial_features
from weightdecay.data.named import DATA_SETS
from weightdecay.data.sources import GENERATED, Table
from weightdecay.errors import InputError, UnknownNameError


def load_table(source: Table, seed: int) -> Dataset:
    """Read the table that `source` describes; the split is drawn from `seed`.

    Raises
    ------
    InputError
        An unknown data set or column, a target that is missing or is no number, too few rows; see
        also `files.read` and `Dataset`.
    """
    columns, own_target = open_table(source.source)
    target = source.target or own_target
    if target is None:
        raise no_target(source.source, columns.names)
    _require_known(columns.names, target, *source.drop, *filter(None, [source.sample_weight]))
    if target in source.drop or target == source.sample_weight:
        raise InputError(f"the target {target!r} cannot also be dropped or be the sample weight.")
    unused = {target, source.sample_weight, *source.drop}
    inputs = [name for name in columns.names if name not in unused]
    if not inputs:
        raise InputError(f"{source.source!r} has no input columns beside the target {target!r}.")
    y = columns.numbers([target])[:, 0]
    X, names = columns.numbers(inputs), tuple(inputs)
    if source.degree > 1:
        X, names = monomial_features(X, source.degree, names)
    return from_arrays(
        X,
        y,
        sample_weight=columns.numbers([source.sample_weight])[:, 0]
        if source.sample_weight
        else None,
        validation_fraction=source.validation_fraction,
        seed=seed,
        standardize=source.standardize,
        columns=names,
        source=source,
    )


def open_table(source: str) -> tuple[files.File, str | None]:
    """A data set known by name and its own target, or the file of that name.

    Raises
    ------
    InputError
        Neither; see also `files.read`.
    """
    if source in DATA_SETS:
        named = DATA_SETS[source]()
        return files.from_columns({name: named.numbers([name])[:, 0] for name in named.names}), (
            named.target
        )
    path = Path(source)
    if not path.suffix and not path.exists():
        raise UnknownNameError("data", source, [*DATA_SETS, *GENERATED, "FILE"])
    return files.read(path), None


def no_target(source: str, names: tuple[str, ...]) -> InputError:
    """That somebody must say which column to predict."""
    return InputError(
        f"{source!r} needs a target: name the column to predict, one of {_listed(names)}."
    )


def _require_known(names: tuple[str, ...], *wanted: str) -> None:
    for name in wanted:
        if name not in names:
            raise UnknownNameError("column", name, names)


def _listed(names: tuple[str, ...], most: int = 20) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
