"""What each input gets: without a penalty, under L2 and under L1, each at its own best λ."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from weightdecay.errors import IllConditionedWarning
from weightdecay.ops import NumPyArray
from weightdecay.paths import ridge
from weightdecay.paths.examples import Examples, Formulation
from weightdecay.paths.units import canonical, moments
from weightdecay.registry import load
from weightdecay.tuning.result import TuneResult

CORRELATED = 0.8
"""Correlation from which on a pair of inputs is told about."""
MOST_PAIRED = 1000
"""Inputs up to which all pairs are looked at."""
MOST_ROWS = 100_000
"""Rows, spread evenly over the table, from which correlations are found."""


@dataclass(frozen=True)
class Pair:
    """The two inputs that are correlated most, as column numbers."""

    first: int
    second: int
    correlation: float


@dataclass(frozen=True, eq=False)
class Comparison:
    """Coefficients per standard deviation of their input, so that they compare.

    Attributes
    ----------
    std : array of shape (num_inputs,)
        Standard deviations of the inputs, with the sample weights.
    without : array of shape (num_inputs,)
        Least squares without a penalty; of least norm where inputs outnumber rows.
    fits : mapping of 'l2', 'l1' and perhaps 'elasticnet' to TuneResult
    pair : Pair, or None
        Two inputs with a correlation of at least 0.8, if there are any.
    """

    std: NumPyArray
    without: NumPyArray
    fits: Mapping[str, TuneResult]
    pair: Pair | None

    @property
    def coefficients(self) -> dict[str, NumPyArray]:
        """Without a penalty ('none') and for each penalty, arrays of shape (num_inputs,)."""
        each = {name: fit.w[:, 0] * self.std for name, fit in self.fits.items()}
        return {"none": self.without, **each}

    def by_size(self, penalty: str) -> NumPyArray:
        """Column numbers, the largest coefficient under a penalty first."""
        found = self.coefficients
        rank = np.lexsort((-np.abs(found["l2"]), -np.abs(found[penalty])))
        return np.asarray(rank)


def compare(result: TuneResult, fit: Callable[[str], TuneResult]) -> Comparison:
    """Fit the other penalties to the same examples.

    Parameters
    ----------
    result : TuneResult
        With one target; its own penalty is not fitted again.
    fit : function
        From the name of a penalty to the result of tuning it.
    """
    fits = {name: result if name == result.penalty else fit(name) for name in ("l2", "l1")}
    if result.penalty not in fits:
        fits[result.penalty] = result
    std = std_of(result.examples)
    ops = load("numpy")
    with warnings.catch_warnings():
        # Nearly dependent inputs are what the comparison is there to show.
        warnings.simplefilter("ignore", IllConditionedWarning)
        objective = replace(result.formulation, l1_ratio=0.0)
        least = ridge.path(result.examples, objective, np.zeros(1), ops)
    return Comparison(std, least.w[:, 0, 0] * std, fits, _pair(result.examples))


def std_of(examples: Examples) -> NumPyArray:
    """Weighted standard deviations of the inputs, shape (num_inputs,)."""
    _, std = moments(examples)
    return std


def _pair(examples: Examples) -> Pair | None:
    if not 2 <= examples.num_inputs <= MOST_PAIRED:
        return None
    n = examples.num_examples
    same, _ = canonical(examples, Formulation(standardize=True))
    X = same.X[:: -(-n // MOST_ROWS)]
    varies = np.flatnonzero(np.ptp(X, axis=0) > 0)
    if len(varies) < 2:
        return None
    r = np.triu(np.corrcoef(X[:, varies], rowvar=False), 1)
    i, j = np.unravel_index(int(np.argmax(np.abs(r))), r.shape)
    if abs(r[i, j]) < CORRELATED:
        return None
    return Pair(int(varies[i]), int(varies[j]), float(r[i, j]))
