"""Small real data sets that ship with a dependency, known by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from weightdecay.errors import MissingExtraError
from weightdecay.ops import NumPyArray


@dataclass(frozen=True)
class Named:
    """The columns of a data set, with the one that is meant to be predicted."""

    names: tuple[str, ...]
    values: NumPyArray
    target: str

    def numbers(self, names: Sequence[str]) -> NumPyArray:
        """The chosen columns, shape (rows, len(names))."""
        return self.values[:, [self.names.index(name) for name in names]]


def diabetes() -> Named:
    """442 patients, 10 inputs; disease progression after one year (Efron et al., 2004)."""
    try:
        from sklearn.datasets import load_diabetes
    except ImportError as error:
        raise MissingExtraError("the data set 'diabetes'", "sklearn") from error
    bunch = load_diabetes(scaled=False)
    values = np.column_stack([bunch.data, bunch.target]).astype(np.float64)
    return Named((*bunch.feature_names, "progression"), values, target="progression")


DATA_SETS: dict[str, Callable[[], Named]] = {"diabetes": diabetes}
