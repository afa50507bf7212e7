"""The rows of a least-squares problem in homogeneous coordinates, and their moments.

With c the shares of the rows (Σ c = 1) and x̄, ȳ their means (0 without an intercept), row i is

    zᵢ = √cᵢ [xᵢ − x̄, 1, yᵢ − ȳ]

so that H = ZᵀZ holds every product that ridge regression needs, and the moments of some rows are
those of all rows minus those of the others. Subtracting the means first keeps H from losing digits
where the means are large beside the deviations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from weightdecay.errors import InputError
from weightdecay.ops import Array, NumPyArray, Ops, host
from weightdecay.paths.examples import Examples

MOST_DENSE = 2**31
"""Bytes that a sparse X may take when it has to be written out."""


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows on a backend.

    Attributes
    ----------
    ops : Ops
        Whose products these are.
    Z : Array of shape (n, num_inputs + 1 + num_targets)
    examples : Examples
        What they were made of.
    x_mean, y_mean : arrays of shape (num_inputs,) and (num_targets,)
        x̄ and ȳ.
    """

    ops: Ops
    Z: Array
    examples: Examples
    x_mean: NumPyArray
    y_mean: NumPyArray

    def moments(self, chosen: NumPyArray | None = None) -> NumPyArray:
        """H of some rows (a row that comes twice counts twice) or of all, on the host."""
        Z = self._some(chosen)
        return host(self.ops.to_numpy(self.ops.matmul(self.ops.matrix_transpose(Z), Z)))

    def residuals(self, theta: NumPyArray, chosen: NumPyArray | None = None) -> NumPyArray:
        """Z θ for columns θ = [w, b, −1 for the target], (rows, columns): √c times residuals."""
        found = self.ops.matmul(self._some(chosen), self.ops.asarray(theta))
        return host(self.ops.to_numpy(found))

    def _some(self, chosen: NumPyArray | None) -> Array:
        return self.Z if chosen is None else self.ops.take(self.Z, self.ops.asarray(chosen))


@dataclass(frozen=True, eq=False)
class SparseRows(Rows):
    """The same for a sparse X, whose products SciPy computes on the host.

    X is not written out: H of the centred columns is that of the columns as they are, minus the
    product of the means. Z is that of the columns as they are.
    """

    def moments(self, chosen: NumPyArray | None = None) -> NumPyArray:
        """As for dense rows."""
        Z = self._some(chosen)
        H = np.asarray((Z.T @ Z).todense(), dtype=np.float64)
        shift = self._shift
        return shift.T @ H @ shift

    def residuals(self, theta: NumPyArray, chosen: NumPyArray | None = None) -> NumPyArray:
        """As for dense rows."""
        return host(self._some(chosen) @ (self._shift @ theta))

    def _some(self, chosen: NumPyArray | None) -> Array:
        return self.Z if chosen is None else self.Z[chosen]

    @property
    def _shift(self) -> NumPyArray:
        """What takes the columns as they are to the centred ones."""
        p = len(self.x_mean)
        shift = np.eye(p + 1 + len(self.y_mean))
        shift[p, :p], shift[p, p + 1 :] = -self.x_mean, -self.y_mean
        return shift


def place(examples: Examples, intercept: bool, ops: Ops) -> Rows:
    """Bring the rows to a backend, centred where there is an intercept."""
    n, p, q = examples.num_examples, examples.num_inputs, examples.num_targets
    c = examples.share
    x_mean = c @ examples.X if intercept else np.zeros(p)
    y_mean = c @ examples.Y if intercept else np.zeros(q)
    root = np.sqrt(c)[:, None]
    if examples.is_sparse:
        from scipy import sparse

        parts = [examples.X.multiply(root), root, root * examples.Y]
        Z = sparse.csr_matrix(sparse.hstack(parts))
        return SparseRows(ops, Z, examples, host(x_mean), y_mean)
    Z = np.empty((n, p + 1 + q))
    np.subtract(examples.X, x_mean, out=Z[:, :p])
    Z[:, p] = 1
    np.subtract(examples.Y, y_mean, out=Z[:, p + 1 :])
    Z *= root
    return Rows(ops, ops.asarray(Z), examples, host(x_mean), y_mean)


def dense(examples: Examples) -> NumPyArray:
    """X with its zeros written out.

    Raises
    ------
    InputError
        That would take too much memory.
    """
    if not examples.is_sparse:
        found: NumPyArray = examples.X
        return found
    size = examples.num_examples * examples.num_inputs * 8
    if size > MOST_DENSE:
        raise InputError(
            f"X is sparse and {examples.num_examples:,} × {examples.num_inputs:,}, and this needs "
            f"its zeros written out ({size / 1e9:.0f} GB): choose columns first, or give more rows "
            "than columns."
        )
    return np.asarray(examples.X.toarray())
