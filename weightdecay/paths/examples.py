"""What a path is fitted to, checked once; the objective that it minimises; and folds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from weightdecay.data import given
from weightdecay.data.dataset import require_finite
from weightdecay.errors import InputError, UnknownNameError
from weightdecay.ops import NumPyArray
from weightdecay.validate import number


@dataclass(frozen=True, eq=False)
class Examples:
    """The rows of a table, with one target or several.

    Attributes
    ----------
    X : array of shape (n, num_inputs), or a SciPy sparse matrix in CSR format
        float64 or float32.
    Y : array of shape (n, num_targets)
    weight : array of shape (n,), or None
        Sample weights, at least 0; only their ratios matter. Weight 2 is the row twice.
    columns : tuple of str
        Names of the inputs.
    named : bool
        Whether somebody gave them these names, rather than their place.
    """

    X: Any
    Y: NumPyArray
    weight: NumPyArray | None
    columns: tuple[str, ...]
    named: bool = True

    @property
    def num_examples(self) -> int:
        """Number of rows, n."""
        return int(self.X.shape[0])

    @property
    def num_inputs(self) -> int:
        """Length of w."""
        return int(self.X.shape[1])

    @property
    def num_targets(self) -> int:
        """Columns of Y."""
        return int(self.Y.shape[1])

    @property
    def num_weighted(self) -> int:
        """Rows of positive weight."""
        return self.num_examples if self.weight is None else int(np.count_nonzero(self.weight))

    @property
    def is_sparse(self) -> bool:
        """Whether X is a sparse matrix."""
        return not isinstance(self.X, np.ndarray)

    @property
    def share(self) -> NumPyArray:
        """What each row counts for in a mean, shape (n,), adding to 1."""
        if self.weight is None:
            return np.full(self.num_examples, 1 / self.num_examples)
        with np.errstate(over="ignore"):
            mass = self.weight.sum()
        if not np.isfinite(mass):
            return replace(self, weight=self.weight / self.weight.max()).share
        shares: NumPyArray = self.weight / mass
        return shares

    def take(self, rows: NumPyArray) -> Examples:
        """Some of the rows."""
        weight = None if self.weight is None else self.weight[rows]
        return replace(self, X=self.X[rows], Y=self.Y[rows], weight=weight)


@dataclass(frozen=True, eq=False)
class Formulation:
    """The objective, for each target, with c the share of a row (Σ c = 1).

        J(w, b) = Σ cᵢ ½ (w·xᵢ + b − yᵢ)²  +  λ Σⱼ fⱼ ((1 − l1_ratio)/2 (sⱼwⱼ)² + l1_ratio |sⱼwⱼ|)

    Attributes
    ----------
    l1_ratio : float
        0 is ridge, 1 the lasso.
    factors : array of shape (num_inputs,), or None
        f: multiply λ input by input; 0 leaves an input unpenalised.
    intercept : bool
        Whether there is a bias b, which is never penalised.
    standardize : bool
        Whether s is the standard deviation of the inputs, over the rows that are fitted and with
        their weights (1 for a constant column), or 1: the penalty then is that of standardised
        inputs. The weights w are in the units of X either way.
    """

    l1_ratio: float = 0.0
    factors: NumPyArray | None = None
    intercept: bool = True
    standardize: bool = False


@dataclass(frozen=True, eq=False)
class Path:
    """The minimisers for every λ.

    Attributes
    ----------
    lambdas : array of shape (L,)
    w : array of shape (num_inputs, L, num_targets)
        In the units of X.
    b : array of shape (L, num_targets)
    at_mean : array of shape (L, num_targets), or None
        The predictions at the mean of the inputs, of fits that are no minimisers: those predict the
        mean of the targets there.
    """

    lambdas: NumPyArray
    w: NumPyArray
    b: NumPyArray
    at_mean: NumPyArray | None = None


class Split(NamedTuple):
    """Row numbers of one fold: those that it trains with, and those that it holds out."""

    train: NumPyArray
    held_out: NumPyArray


def examples(
    X: Any,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    columns: Sequence[str] | None = None,
) -> Examples:
    """Check arrays or data frames.

    Raises
    ------
    InputError
        Shapes that do not fit, values that are no finite numbers, weights that are negative or all
        0.
    """
    inputs, found = given.inputs(X)
    if inputs.ndim != 2 or 0 in inputs.shape:
        raise InputError(
            f"X has shape {inputs.shape}: it must be (rows, num_inputs), with at least one of each."
        )
    targets = given.floats(y, "y")
    if targets.ndim not in (1, 2) or len(targets) != inputs.shape[0]:
        raise InputError(
            f"y has shape {targets.shape}: it must hold one number for each of the "
            f"{inputs.shape[0]} rows of X, or a row of numbers for several targets."
        )
    names = tuple(map(str, columns)) if columns is not None else found
    labels = names or tuple(f"x{j}" for j in range(inputs.shape[1]))
    if len(labels) != inputs.shape[1]:
        raise InputError(f"there are {len(labels)} names for the {inputs.shape[1]} columns of X.")
    if given.is_sparse(inputs):
        _require_finite_stored(inputs, labels)
    else:
        require_finite(inputs, labels)
    Y = targets.reshape(len(targets), -1).astype(np.float64)
    require_finite(Y, ("y",) * Y.shape[1])
    return Examples(inputs, Y, _weights(sample_weight, len(Y)), labels, bool(names))


def factors(strengths: Any, columns: Sequence[str]) -> NumPyArray | None:
    """Penalty factors from one number for each input, or from a mapping of names to numbers.

    Raises
    ------
    InputError
        A negative factor, too few or too many, or a name that is no column.
    """
    if strengths is None:
        return None
    if hasattr(strengths, "to_dict") and any(isinstance(k, str) for k in strengths.index):
        strengths = strengths.to_dict()  # a pandas Series with names
    if isinstance(strengths, Mapping):
        for name in strengths:
            if name not in columns:
                raise UnknownNameError("penalty factor's column", name, columns)
        strengths = [strengths.get(name, 1.0) for name in columns]
    found = np.array([number("penalty factor", f, least=0) for f in strengths])
    if len(found) != len(columns):
        raise InputError(
            f"penalty_factors holds {len(found)} numbers: one for each of the {len(columns)} "
            "inputs is needed."
        )
    return found


def _require_finite_stored(X: Any, columns: Sequence[str]) -> None:
    """`require_finite` for what a sparse X stores; the error names the place in X."""
    off = np.flatnonzero(~np.isfinite(X.data))
    if off.size:
        row = int(np.searchsorted(X.indptr, off[0], side="right")) - 1
        require_finite(X[[row]].toarray(), columns, row)


def _weights(weights: npt.ArrayLike | None, n: int) -> NumPyArray | None:
    if weights is None:
        return None
    weight = given.floats(weights, "sample_weight").astype(np.float64)
    if weight.ndim == 0:
        weight = np.full(n, weight)
    if weight.shape != (n,):
        raise InputError(f"sample_weight has shape {weight.shape}: it must be ({n},).")
    require_finite(weight[:, None], ("sample_weight",))
    if (weight < 0).any():
        row = int(np.argmax(weight < 0))
        raise InputError(f"sample_weight, row {row + 1}: {weight[row]:g} is negative; use 0.")
    if not weight.any():
        raise InputError("sample_weight is 0 for every row: at least one must be positive.")
    return weight
