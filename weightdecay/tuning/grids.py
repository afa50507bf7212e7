"""A grid of λ from the data."""

from __future__ import annotations

import numpy as np

from weightdecay import bounds
from weightdecay.ops import NumPyArray
from weightdecay.sweeping.grid import Grid, grid
from weightdecay.validate import integer, parse_integer

DEFAULT_COUNT = 100
ABOVE = 10.0
"""The largest λ of a ridge grid, beside the largest eigenvalue: it leaves no direction more than a
tenth of its weight."""
BELOW = 1e-6
"""The least λ of a ridge grid, beside the least eigenvalue that counts. With many more rows than
inputs and little noise a millionth of a weight is what it pays to take away: λ = σ²/(nτ²)."""
SPARSE = 1e-4
"""The least λ with an L1 term, beside the one from which on no weight is left."""
COUNTS = 1e-6
"""An eigenvalue counts if it is not less than this beside the largest."""
WIDER = 100.0
"""By how much an extension moves an end of the grid."""
EXTENSIONS = 3


def given(lambdas: Grid | int) -> NumPyArray | int:
    """Numbers as a grid, ascending; a whole number (or None) as how many to choose.

    Raises
    ------
    InputError
        No grid.
    """
    if lambdas is None:
        return DEFAULT_COUNT
    if isinstance(lambdas, int | np.integer) and not isinstance(lambdas, bool):
        return integer("lambdas, as a number of values,", lambdas, 2, bounds.GRID)
    count = parse_integer(lambdas) if isinstance(lambdas, str) else None
    if count is not None and count > 1:
        return integer("lambdas, as a number of values,", count, 2, bounds.GRID)
    return np.array(grid("lambdas", lambdas, least=0))


def of_eigenvalues(e: NumPyArray, count: int) -> NumPyArray:
    """For ridge, from the eigenvalues of the covariance matrix of the scaled inputs."""
    most = float(e.max(initial=0.0))
    if not most > 0:  # no input varies, and every λ is as good
        return np.geomspace(SPARSE, 1, count)
    least = float(e[e >= COUNTS * most].min())
    return np.geomspace(BELOW * least, ABOVE * most, count)


def of_largest(largest: float, count: int) -> NumPyArray:
    """With an L1 term, down from the λ from which on every penalised weight is 0."""
    largest = largest if largest > 0 else 1.0  # no input is correlated: every λ is as good
    return np.geomspace(SPARSE * largest, largest, count)


def beyond(lambdas: NumPyArray, edge: str) -> NumPyArray:
    """The λ to try beyond an end of the grid, as dense as the grid is; ascending."""
    positive = lambdas[lambdas > 0]
    ratio = float(np.median(positive[1:] / positive[:-1])) if len(positive) > 1 else 10.0
    steps = np.arange(1, max(round(np.log(WIDER) / np.log(ratio)), 1) + 1)
    if edge == "high":
        return np.asarray(positive[-1] * ratio**steps)
    return np.asarray(positive[0] / ratio ** steps[::-1])
