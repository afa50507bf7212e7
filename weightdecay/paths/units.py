"""Exact changes of units, so that moments neither overflow, nor vanish, nor cancel.

    x' = (x − shift) / unit        y' = y − target

See `weightdecay.data.moments`: the table in these units is the same table, and its minimisers are
the same, w = w'/unit. Targets are shifted alike, and keep their unit.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from weightdecay.data import moments as measured
from weightdecay.data.moments import require_room
from weightdecay.errors import InputError
from weightdecay.ops import NumPyArray
from weightdecay.paths.examples import Examples, Formulation


class Units(NamedTuple):
    """Arrays of shape (num_inputs,), (num_inputs,) and (num_targets,); see above."""

    shift: NumPyArray
    unit: NumPyArray
    target: NumPyArray

    def outside(self, w: NumPyArray, b: NumPyArray) -> tuple[NumPyArray, NumPyArray]:
        """From w' (num_inputs, L, num_targets) and b' (L, num_targets) to w and b.

        Raises
        ------
        InputError
            A weight is beyond the floats.
        """
        if self.is_usual:
            return w, b
        with np.errstate(over="ignore"):
            w = w / self.unit[:, None, None]
            b = b + self.target - np.tensordot(self.shift, w, 1)
        if not (np.isfinite(w).all() and np.isfinite(b).all()):
            raise InputError("a weight is beyond the floats: bring X and y to one order of size.")
        return w, b

    def inside(self, w: NumPyArray, b: NumPyArray) -> tuple[NumPyArray, NumPyArray]:
        """From w and b to w' and b'."""
        if self.is_usual:
            return w, b
        return w * self.unit[:, None, None], b - self.target + np.tensordot(self.shift, w, 1)

    @property
    def is_usual(self) -> bool:
        """Whether the table is as it was."""
        return not self.shift.any() and not self.target.any() and bool((self.unit == 1).all())


def as_they_are(examples: Examples) -> Units:
    """The units in which examples are given."""
    p, q = examples.num_inputs, examples.num_targets
    return Units(np.zeros(p), np.ones(p), np.zeros(q))


def canonical(
    examples: Examples, formulation: Formulation, dtype: str = "float64"
) -> tuple[Examples, Units]:
    """The same examples, in units in which moments can be formed; a copy only where these differ.

    Rows of weight 0, which have no say, may become 0.

    Raises
    ------
    InputError
        The squares of targets, or of inputs that are not to be standardised, leave the dtype.
    """
    weight = examples.weight
    counted: Any = slice(None) if weight is None or weight.all() else weight > 0
    X, Y = examples.X[counted], examples.Y[counted]
    shift, size = _shifted(*_ends(X, examples.is_sparse), formulation.intercept)
    target, of_target = _shifted(Y.min(axis=0), Y.max(axis=0), formulation.intercept)
    require_room("y", np.max(of_target), dtype)
    unit = np.ones(len(size))
    if formulation.standardize:
        unit = measured.units(size)
    else:
        worst = int(np.argmax(size))
        require_room(f"column {examples.columns[worst]!r}", size[worst], dtype, "standardise, or ")
    units = Units(shift, unit, target)
    if units.is_usual:
        return examples, units
    out = np.zeros(0, np.intp) if weight is None else np.flatnonzero(weight == 0)
    Y = examples.Y - target
    Y[out] = 0
    return replace(examples, X=_changed(examples, shift, unit, out), Y=Y), units


def moments(examples: Examples) -> tuple[NumPyArray, NumPyArray]:
    """Mean and standard deviation of every input, with the weights; 0 for a constant one."""
    from weightdecay.paths.passes import location

    inputs = replace(examples, Y=np.zeros((examples.num_examples, 1)))
    same, units = canonical(inputs, Formulation(standardize=True))
    found = location(same)
    return units.shift + units.unit * found.mean, units.unit * np.sqrt(found.variance)


def _ends(X: Any, sparse: bool) -> tuple[NumPyArray, NumPyArray]:
    low, high = X.min(axis=0), X.max(axis=0)
    if sparse:
        low, high = low.toarray().ravel(), high.toarray().ravel()
    return low, high


def _shifted(low: NumPyArray, high: NumPyArray, intercept: bool) -> tuple[NumPyArray, NumPyArray]:
    if intercept:
        return measured.shifted(low, high)
    return np.zeros(len(low)), np.maximum(abs(low), abs(high)).astype(np.float64)


def _changed(examples: Examples, shift: NumPyArray, unit: NumPyArray, out: NumPyArray) -> Any:
    X = examples.X
    if not examples.is_sparse:
        found = X - shift.astype(X.dtype)
        found[out] = 0
        return found / unit.astype(X.dtype)
    found = X.copy()  # a column that is shifted is stored as a whole, for it has no zero
    found.data -= shift.astype(X.dtype)[X.indices]
    found.data[np.repeat(np.isin(np.arange(X.shape[0]), out), np.diff(X.indptr))] = 0
    found.data /= unit.astype(X.dtype)[X.indices]
    return found
