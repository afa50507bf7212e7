"""A model applied to a table, and how far off it is where the table knows the target."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from weightdecay.data import faults, noting
from weightdecay.data.contents import Contents
from weightdecay.data.dialect import Reading
from weightdecay.data.faults import listed
from weightdecay.data.files import File
from weightdecay.data.table import open_table
from weightdecay.errors import InputError
from weightdecay.escaping import csv_cell
from weightdecay.ops import NumPyArray
from weightdecay.output import write_bytes
from weightdecay.tuning.model import Model


@dataclass(frozen=True)
class Score:
    """How far predictions are off.

    Attributes
    ----------
    num_rows : int
        Rows whose target is a finite number.
    loss : float
        ½ mean squared error over them, unweighted.
    r2 : float or None
        1 − Σ(y − ŷ)² / Σ(y − ȳ)², with their own mean ȳ; None where all y are equal.
    """

    num_rows: int
    loss: float
    r2: float | None


@dataclass(frozen=True, eq=False)
class Predictions:
    """A prediction for every row of a table.

    Attributes
    ----------
    source : str
        The table.
    target : str
        What is predicted.
    values : array of shape (rows,)
        NaN where a row lacks an input.
    truth : array of shape (rows,), or None
        The target where the table has such a column; NaN where it holds no number.
    notes : tuple of str
        What the user should know of the table.
    """

    source: str
    target: str
    values: NumPyArray
    truth: NumPyArray | None
    notes: tuple[str, ...] = ()

    @property
    def score(self) -> Score | None:
        """None where no target is known."""
        if self.truth is None:
            return None
        known = np.isfinite(self.truth) & ~np.isnan(self.values)
        if not known.any():
            return None
        y, predicted = self.truth[known], self.values[known]
        error, spread = np.sum((y - predicted) ** 2), np.sum((y - y.mean()) ** 2)
        r2 = float(1 - error / spread) if np.ptp(y) > 0 else None
        return Score(len(y), float(error / len(y) / 2), r2)

    def to_csv(self) -> str:
        """One column with the name of the target; numbers that are read back exactly.

        A row without a prediction is an empty cell between quotation marks, which is no empty line.
        A name that a spreadsheet would take for a formula has an apostrophe before it; see
        `weightdecay.escaping.csv_cell`.
        """
        header = io.StringIO()
        csv.writer(header, lineterminator="\n").writerow([csv_cell(self.target)])
        cells = ('""' if np.isnan(value) else repr(value) for value in self.values.tolist())
        return header.getvalue() + "".join(f"{cell}\n" for cell in cells)

    def save(self, path: Path) -> None:
        """Write the CSV, whole or not at all."""
        write_bytes(path, self.to_csv().encode())


def predict(model: Model, source: str, reading: Reading | None = None) -> Predictions:
    """Apply a model to a file, or to a data set known by name.

    Columns are matched by name, in any order. The target and whatever else was no input when the
    model was fitted may be there, and so may row labels.

    Parameters
    ----------
    model : Model
    source : str
    reading : Reading, optional
        What the file does not say itself.

    Raises
    ------
    InputError
        The table has other columns, or a value that is infinite or no number.
    """
    file, _ = open_table(source, reading or Reading(na=model.na))
    found = _require_columns(file, model, source)
    inputs = {name: file.contents(called) for name, called in found.items()}
    wrong = faults.of_readings(inputs) + faults.of_numbers(inputs, None)
    text = [name for name in inputs if inputs[name].text.size]
    wrong += [faults.no_number(name, inputs[name]) for name in text]
    if wrong:
        raise faults.as_error(source, wrong)
    X = np.stack([column.values for column in inputs.values()], axis=1)
    values = np.full(len(X), np.nan)
    whole = ~np.isnan(X).any(axis=1)
    if whole.any():
        values[whole] = model.predict(X[whole])
    truth = file.contents(model.target).values if model.target in file.names else None
    notes = [*file.notes, *noting.of_cells(inputs), *_lacking(inputs, whole)]
    return Predictions(source, model.target, values, truth, tuple(notes))


def _lacking(inputs: Mapping[str, Contents], whole: NumPyArray) -> list[str]:
    """How many rows get no prediction, and the first of them."""
    if whole.all():
        return []
    first = int(np.argmin(whole))
    names = [name for name, column in inputs.items() if np.isnan(column.values[first])]
    count = int(np.count_nonzero(~whole))
    rows = "1 row lacks" if count == 1 else f"{count} rows lack"
    which = "it is" if count == 1 else "the first is"
    return [
        f"{rows} an input and get{'s' * (count == 1)} no prediction, of {len(whole)} ({which} row "
        f"{first + 1}, without {listed(names, 3)})."
    ]


def _require_columns(file: File, model: Model, source: str) -> dict[str, str]:
    """What the file calls the inputs."""
    if file.duplicates:
        raise InputError(
            f"{source!r} has more than one column called {', '.join(file.duplicates)}: rename them."
        )
    found = {
        name: name if name in file.names else name.strip()  # blanks around are not read
        for name in model.inputs
    }
    known = {*found.values(), *file.index}
    for name in model.ignored:
        known |= {name, name.strip()}
    lacking = [name for name, called in found.items() if called not in file.names]
    unexpected = [name for name in file.names if name not in known]
    if lacking and file.headless:
        raise InputError(f"{source!r}: {faults.HEADLESS}.")
    if lacking or unexpected:
        says = [f"it lacks {listed(lacking)}"] * bool(lacking)
        says += [f"the model does not know {listed(unexpected)}"] * bool(unexpected)
        raise InputError(
            f"{source!r} does not have the columns that the model was fitted to: "
            f"{' and '.join(says)}."
        )
    return found
