"""From a description to the examples."""

from __future__ import annotations

from weightdecay.data.dataset import Dataset
from weightdecay.data.sources import Arrays, DataSource, Polynomial, Synthetic
from weightdecay.data.synthetic import draw_linear, draw_polynomial
from weightdecay.data.table import load_table
from weightdecay.errors import InputError


def load_data(source: DataSource, seed: int) -> Dataset:
    """The examples that `source` describes, drawn or split with `seed`.

    Raises
    ------
    InputError
        The table cannot be used, or the data came from Python and must be passed again.
    """
    match source:
        case Synthetic():
            return draw_linear(source, seed)
        case Polynomial():
            return draw_polynomial(source, seed)
        case Arrays():
            raise InputError(
                "this experiment's data came from Python arrays: pass them to fit again."
            )
        case _:
            return load_table(source, seed)
