"""The thin tensor-ops interface: everything a framework must do to run the experiment.

An adapter binds these verbs once to (backend, dtype, device). Names are those of the Python
array API standard wherever it has one. The manifest `VERBS` is the interface: an adapter that
lacks one of them is refused by name when it is loaded.

The contract, verb by verb
--------------------------
asarray(obj)
    The only way in. A NumPy array (or nested sequence) of floats becomes a backend array of the
    bound dtype on the bound device; an array of integers stays integers, for `take`.
to_numpy(x)
    The only way out: a NumPy array of the same dtype. Asynchronous work is awaited here.
matmul(a, b), matrix_transpose(x)
    For two-dimensional arrays only: Xw and Xᵀr.
sum(x, axis)
    Sum over one axis, which disappears from the shape; `axis=None` sums everything.
sqrt(x), sign(x)
    Elementwise; sign(0) = 0.
clip(x, lower, upper)
    Elementwise min(max(x, lower), upper); the bounds are arrays that broadcast against x.
take(x, indices)
    Rows of x, along axis 0, in the order of `indices`.
eigh(x)
    Eigenvalues of a symmetric matrix in ascending order, and its eigenvectors as columns: the
    `linalg.eigh` of the standard. Not for use in a step.
fold(step, observe)
    The one loop: epochs of steps, and a look after every epoch. It returns
    ``loop(state, xs, data)``, whose whole meaning is::

        seen = []
        for epoch in zip(*xs):             # xs: a tuple of arrays of shape (epochs, steps, …)
            for x in zip(*epoch):
                state = step(verbs, state, x, data)
            seen.append(observe(verbs, state, data))
        return state, stacked(seen)        # like what `observe` returns, the epochs along axis 0

    `verbs` are the verbs above, of this backend or of a stand-in that records what is asked of
    them. `state`, `data` and what `observe` returns are nested tuples of arrays (or None, except
    in the state). A backend may compile the loop: `data` comes as an argument, never by closure,
    and a second call with the same functions and the same shapes compiles nothing. `step` and
    `observe` must therefore be pure, and `step` must keep the shapes and dtypes of the state.

Arrays must also offer ``.shape``, ``+ - * /`` with broadcasting, unary ``-`` and ``abs()``; Python
numbers as operands keep the bound dtype inside `fold`, and are promised nowhere else.
There is no ``grad``: the gradient of the linear model is two lines of `weightdecay.loss`, and a
framework's autodiff is independent evidence for it. There are no random numbers: NumPy draws, so
that every backend sees the same bits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

Array: TypeAlias = Any
"""An array of whichever backend is bound: see the contract above for what it must offer."""

NumPyArray: TypeAlias = npt.NDArray[Any]
"""An array on the host."""

Step: TypeAlias = Callable[[Any, Any, Any, Any], Any]
Observe: TypeAlias = Callable[[Any, Any, Any], Any]
Loop: TypeAlias = Callable[[Any, tuple[Array, ...], Any], tuple[Any, Any]]

VERBS = (
    "asarray",
    "to_numpy",
    "matmul",
    "matrix_transpose",
    "sum",
    "sqrt",
    "sign",
    "clip",
    "take",
    "eigh",
    "fold",
)

DTYPES = ("float32", "float64")


class Parameters(NamedTuple):
    """Weights w, shape (num_inputs, runs), and bias b, shape (runs,); one column a run."""

    w: Array
    b: Array


class Verbs(Protocol):
    """What a step may use: the verbs, without the way in, the way out and the loop itself."""

    def matmul(self, a: Array, b: Array, /) -> Array:
        """Multiply two matrices."""

    def matrix_transpose(self, x: Array, /) -> Array:
        """Transpose a matrix."""

    def sum(self, x: Array, /, axis: int | None = None) -> Array:
        """Sum over one axis, or over all."""

    def sqrt(self, x: Array, /) -> Array:
        """Elementwise square root."""

    def sign(self, x: Array, /) -> Array:
        """Elementwise sign, 0 at 0."""

    def clip(self, x: Array, lower: Array, upper: Array, /) -> Array:
        """Limit x elementwise to [lower, upper]."""

    def take(self, x: Array, indices: Array, /) -> Array:
        """Pick rows."""


@runtime_checkable
class Ops(Verbs, Protocol):
    """The verbs, bound to one backend, dtype and device; the module docstring is the contract.

    Ops are hashable: a compiled step is kept with the ops that it was compiled for.
    """

    def __hash__(self) -> int:
        """Equal for the same backend, dtype and device."""

    @property
    def dtype(self) -> str:
        """The bound dtype: 'float32' or 'float64'."""

    @property
    def device(self) -> str:
        """The bound device, such as 'cpu' or 'cuda'."""

    def asarray(self, obj: npt.ArrayLike, /) -> Array:
        """Bring a host array to the backend."""

    def to_numpy(self, x: Array, /) -> NumPyArray:
        """Bring a backend array to the host, awaiting it."""

    def eigh(self, x: Array, /) -> tuple[Array, Array]:
        """Eigenvalues, ascending, and eigenvectors (columns) of a symmetric matrix."""

    def fold(self, step: Step, observe: Observe, /) -> Loop:
        """Turn a pure step, and a look at the state, into a loop over epochs of steps."""


class Adapter(Protocol):
    """What an adapter module offers: a version, the dtypes and devices it has, and `bind`."""

    version: str
    dtypes: tuple[str, ...]

    def devices(self) -> tuple[str, ...]:
        """Devices present on this machine, the default first."""

    def bind(self, dtype: str, device: str) -> Ops:
        """The verbs, bound; called only with a dtype and a device listed above."""


def host(x: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """A float64 NumPy array, for the parts of the program that judge rather than train."""
    return np.asarray(x, dtype=np.float64)
