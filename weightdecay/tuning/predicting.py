"""A model applied to a table, and how far off it is where the table knows the target."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from weightdecay.data.files import File
from weightdecay.data.table import open_table
from weightdecay.errors import InputError
from weightdecay.ops import NumPyArray
from weightdecay.output import writing
from weightdecay.tuning.faults import listed
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
    truth : array of shape (rows,), or None
        The target where the table has such a column; NaN where it holds no number.
    """

    source: str
    target: str
    values: NumPyArray
    truth: NumPyArray | None

    @property
    def score(self) -> Score | None:
        """None where no target is known."""
        if self.truth is None or not np.isfinite(self.truth).any():
            return None
        known = np.isfinite(self.truth)
        y, predicted = self.truth[known], self.values[known]
        error, spread = np.sum((y - predicted) ** 2), np.sum((y - y.mean()) ** 2)
        r2 = float(1 - error / spread) if np.ptp(y) > 0 else None
        return Score(len(y), float(error / len(y) / 2), r2)

    def to_csv(self) -> str:
        """One column with the name of the target; numbers that are read back exactly."""
        header = io.StringIO()
        csv.writer(header, lineterminator="\n").writerow([self.target])
        return header.getvalue() + "".join(f"{value!r}\n" for value in self.values.tolist())

    def save(self, path: Path) -> None:
        """Write the CSV, whole or not at all."""
        with writing(path) as temporary:
            temporary.write_text(self.to_csv(), encoding="utf-8")


def predict(model: Model, source: str) -> Predictions:
    """Apply a model to a file, or to a data set known by name.

    Columns are matched by name, in any order. The target and whatever else was no input when the
    model was fitted may be there.

    Raises
    ------
    InputError
        The table has other columns, or a value that is missing or no number.
    """
    file, _ = open_table(source)
    _require_columns(file, model, source)
    values = model.predict(file.numbers(model.inputs))
    truth = file.contents(model.target).values if model.target in file.names else None
    return Predictions(source, model.target, values, truth)


def _require_columns(file: File, model: Model, source: str) -> None:
    if file.duplicates:
        raise InputError(
            f"{source!r} has more than one column called {listed(file.duplicates)}: rename them."
        )
    known = {*model.inputs, *model.ignored}
    lacking = [name for name in model.inputs if name not in file.names]
    unexpected = [name for name in file.names if name not in known]
    if lacking or unexpected:
        says = [f"it lacks {listed(lacking)}"] * bool(lacking)
        says += [f"the model does not know {listed(unexpected)}"] * bool(unexpected)
        raise InputError(
            f"{source!r} does not have the columns that the model was fitted to: "
            f"{' and '.join(says)}."
        )
