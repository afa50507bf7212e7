"""The examples of one experiment, checked and split into a training and a validation part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from weightdecay.data import given
from weightdecay.data.moments import Moments, moments, require_room
from weightdecay.data.sources import STANDARDIZE, Arrays, DataSource
from weightdecay.data.streams import generator
from weightdecay.errors import InputError
from weightdecay.ops import NumPyArray, host
from weightdecay.validate import choice, number


@dataclass(frozen=True)
class Standardization:
    """x ↦ (x − x_mean) / x_scale and y ↦ (y − y_mean) / y_scale, measured on the training part.

    A constant column has scale 1, so that it becomes 0 and not NaN.
    """

    x_mean: NumPyArray
    x_scale: NumPyArray
    y_mean: float
    y_scale: float


@dataclass(frozen=True, eq=False)
class Dataset:
    """Training and validation examples.

    Attributes
    ----------
    X_train, y_train : arrays of shape (n, num_inputs) and (n,)
    X_val, y_val : arrays of shape (m, num_inputs) and (m,)
        m may be 0: then no validation loss is computed.
    source : Synthetic, Polynomial, Table or Arrays
        The description that goes into results.
    columns : tuple of str
        Names of the inputs.
    weight_train, weight_val : arrays of shape (n,) and (m,), optional
        Sample weights of mean 1; None weighs all examples alike.
    standardization : Standardization, optional
        What was applied to reach these numbers.
    notes : tuple of str
        What the user should know of the table that they came from.

    Raises
    ------
    InputError
        Shapes that do not fit, NaN or infinity, negative weights or weights that are all 0.
    """

    X_train: NumPyArray
    y_train: NumPyArray
    X_val: NumPyArray
    y_val: NumPyArray
    source: DataSource
    columns: tuple[str, ...] = ()
    weight_train: NumPyArray | None = None
    weight_val: NumPyArray | None = None
    standardization: Standardization | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check shapes and values once, so that nothing downstream has to."""
        p = self.X_train.shape[1] if np.ndim(self.X_train) == 2 else 0
        if not self.columns:
            object.__setattr__(self, "columns", tuple(f"x{i}" for i in range(p)))
        for part in ("train", "val"):
            X, y = getattr(self, f"X_{part}"), getattr(self, f"y_{part}")
            if np.ndim(X) != 2 or X.shape[1] == 0 or X.shape[1] != len(self.columns):
                raise InputError(
                    f"X_{part} has shape {np.shape(X)}: it must be two-dimensional, with one "
                    f"column for each of the {len(self.columns)} inputs."
                )
            if np.shape(y) != (len(X),):
                raise InputError(
                    f"y_{part} has shape {np.shape(y)}: it must be one number for each of the "
                    f"{len(X)} rows of X_{part}."
                )
            require_finite(X, self.columns)
            require_finite(y[:, None], ("y",))
            weight = _mean_one(getattr(self, f"weight_{part}"), len(X), f"sample weights ({part})")
            object.__setattr__(self, f"weight_{part}", weight)
        if not len(self.X_train):
            raise InputError("there are no training examples: at least one row is needed.")

    @property
    def num_train(self) -> int:
        """Number of training examples, n."""
        return len(self.X_train)

    @property
    def num_val(self) -> int:
        """Number of validation examples."""
        return len(self.X_val)

    @property
    def num_inputs(self) -> int:
        """Number of inputs, the length of w."""
        return int(self.X_train.shape[1])


def require_squares(dataset: Dataset, dtype: str) -> None:
    """Raise InputError where squares of the training part leave a dtype: losses need them."""
    size = np.max(abs(host(dataset.X_train)), axis=0)
    worst = int(np.argmax(size))
    remedy = "standardise, or "
    require_room(f"column {dataset.columns[worst]!r}", float(size[worst]), dtype, remedy)
    require_room("y", float(np.max(abs(host(dataset.y_train)))), dtype, remedy)


def require_finite(values: NumPyArray, columns: Sequence[str], before: int = 0) -> None:
    """Raise InputError at the first NaN or infinity, with its column and its row from 1.

    `before` rows of the table come before those of `values`.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        total = np.sum(values)  # finite only if every value is: one pass, no copy
    if np.isfinite(total) or np.isfinite(values).all():
        return
    row, column = np.argwhere(~np.isfinite(values))[0]
    count = int(np.count_nonzero(~np.isfinite(values)))
    what = "infinite" if np.isinf(values[row, column]) else "missing or not a number (NaN)"
    others = f" ({count} such values in all)" if count > 1 else ""
    raise InputError(
        f"column {columns[column]!r}, row {before + row + 1}: the value is {what}{others}; "
        "every value must be a finite number, so fill it in or leave the row or the column out."
    )


def _mean_one(weight: NumPyArray | None, n: int, name: str) -> NumPyArray | None:
    if weight is None or n == 0:
        return None
    if np.shape(weight) != (n,):
        raise InputError(
            f"{name} have shape {np.shape(weight)}: one for each of {n} rows is needed."
        )
    require_finite(weight[:, None], (name,))
    if (weight < 0).any():
        row = int(np.argmax(weight < 0))
        raise InputError(f"{name}, row {row + 1}: {weight[row]:g} is negative; 0 is the least.")
    if not weight.any():
        raise InputError(f"{name} are all 0: at least one must be positive.")
    with np.errstate(over="ignore"):
        mean = weight.mean()
    if not np.isfinite(mean):
        return _mean_one(weight / weight.max(), n, name)
    scaled: NumPyArray = weight / mean
    return scaled


def split_rows(n: int, validation_fraction: float, seed: int) -> tuple[NumPyArray, NumPyArray]:
    """Row numbers of the training and of the validation part, each in the table's order.

    Raises
    ------
    InputError
        Fewer than two rows, which cannot be split.
    """
    if n < 2:
        raise InputError(
            f"there {'is' if n == 1 else 'are'} {n} row{'s' * (n != 1)}: at least 2 are needed, "
            "one to train on and one to validate."
        )
    num_val = min(max(round(validation_fraction * n), 1), n - 1)
    order = generator(seed, "split").permutation(n)
    return np.sort(order[num_val:]), np.sort(order[:num_val])


def from_arrays(
    X: npt.ArrayLike,
    y: npt.ArrayLike,
    X_val: npt.ArrayLike | None = None,
    y_val: npt.ArrayLike | None = None,
    *,
    sample_weight: npt.ArrayLike | None = None,
    validation_fraction: float | None = None,
    seed: int = 0,
    standardize: str = "none",
    columns: Sequence[str] | None = None,
    source: DataSource | None = None,
    notes: Sequence[str] = (),
) -> Dataset:
    """A dataset from arrays or data frames.

    Parameters
    ----------
    X, y : array-like of shape (rows, num_inputs) and (rows,)
        A frame's column names become the names of the inputs. float32 stays float32; everything
        else becomes float64.
    X_val, y_val : array-like, optional
        Validation examples. Without them, `validation_fraction` of the rows are held out, drawn
        from `seed`; without either there is no validation loss.
    sample_weight : array-like of shape (rows,), optional
        Weights of the rows of X, scaled to mean 1.
    standardize : 'none', 'inputs' or 'both'
        Scale to mean 0 and standard deviation 1, as measured on the training part alone (with its
        sample weights).
    notes : sequence of str
        What the user should know of the table that these come from.

    Raises
    ------
    InputError
        See `Dataset`; also values that are no numbers.
    """
    choice("standardize", standardize, STANDARDIZE)
    X_all, found = given.inputs(X)
    names = tuple(map(str, columns)) if columns is not None else found or ()
    y_all = given.floats(y, "y")
    if given.is_sparse(X_all):
        raise InputError("X is a sparse matrix, and training takes none: pass X.toarray().")
    if X_all.ndim != 2:
        raise InputError(f"X has shape {X_all.shape}: it must be (rows, num_inputs).")
    if y_all.shape != (len(X_all),):
        raise InputError(f"y has shape {y_all.shape}: it must be ({len(X_all)},), one a row of X.")
    weight = None if sample_weight is None else given.floats(sample_weight, "sample_weight")
    if weight is not None and weight.shape != y_all.shape:
        raise InputError(f"sample_weight has shape {weight.shape}: it must be {y_all.shape}.")
    if (X_val is None) != (y_val is None):
        raise InputError("X_val and y_val go together: give both or neither.")
    weight_val = None
    if X_val is not None and y_val is not None:
        if validation_fraction is not None:
            raise InputError("validation_fraction does not go with X_val and y_val: give one.")
        if found is not None and given.has_names(X_val):
            X_val = given.in_order(X_val, found, name="X_val")
        held_out = given.inputs(X_val, "X_val").values, given.floats(y_val, "y_val")
    elif validation_fraction is not None:
        number("validation_fraction", validation_fraction, above=0, below=1)
        # Before the split, so that a message names the row of the table.
        names = names or tuple(f"x{i}" for i in range(X_all.shape[1]))
        require_finite(X_all, names)
        require_finite(y_all[:, None], ("y",))
        train, val = split_rows(len(X_all), validation_fraction, seed)
        held_out = X_all[val], y_all[val]
        weight_val = None if weight is None else weight[val]
        X_all, y_all = X_all[train], y_all[train]
        weight = None if weight is None else weight[train]
    else:
        held_out = X_all[:0], y_all[:0]
    dataset = Dataset(
        X_all,
        y_all,
        *held_out,
        source=source or Arrays(len(X_all), len(held_out[0]), X_all.shape[1]),
        columns=names,
        weight_train=weight,
        weight_val=weight_val,
        notes=tuple(notes),
    )
    return dataset if standardize == "none" else _standardized(dataset, standardize)


def _standardized(dataset: Dataset, standardize: str) -> Dataset:
    """The same examples, scaled by the moments of the training part."""
    weight = dataset.weight_train
    inputs = moments(dataset.X_train, weight)
    y = np.zeros(1)
    target = Moments(y, y + 1, y, y + 1)  # the target as it is
    if standardize == "both":
        target = moments(dataset.y_train[:, None], weight)
    dtype = dataset.X_train.dtype
    return Dataset(
        inputs.standardized(dataset.X_train),
        target.standardized(dataset.y_train[:, None])[:, 0],
        inputs.standardized(dataset.X_val),
        target.standardized(dataset.y_val[:, None])[:, 0],
        source=dataset.source,
        columns=dataset.columns,
        weight_train=weight,
        weight_val=dataset.weight_val,
        standardization=Standardization(
            inputs.center.astype(dtype),
            inputs.scale.astype(dtype),
            float(target.center[0]),
            float(target.scale[0]),
        ),
        notes=dataset.notes,
    )
