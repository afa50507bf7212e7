"""The model file: a fitted linear model as plain JSON, and what it was chosen from.

A file holds no code and cannot run any. Numbers are written so that they are read back bit by bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from weightdecay import __version__
from weightdecay.data.given import in_order, is_sparse
from weightdecay.data.monomials import monomial_features
from weightdecay.data.roles import Roles
from weightdecay.errors import InputError
from weightdecay.escaping import listed
from weightdecay.ops import NumPyArray
from weightdecay.paths.centre import Centre, predict
from weightdecay.paths.examples import Examples
from weightdecay.paths.units import moments
from weightdecay.tolerances import PARITY
from weightdecay.tuning import model_file
from weightdecay.tuning.result import TuneResult
from weightdecay.tuning.scores import RULES
from weightdecay.validate import choice, integer, names, number, numbers, optional_name

PENALTIES = ("l2", "l1", "elasticnet")
SOLVERS = ("exact", "sgd")
Check: TypeAlias = Callable[[str, Any], Any]


@dataclass(frozen=True)
class Model:
    """y = w·x + b, and where it comes from.

    Attributes
    ----------
    target : str
        What is predicted.
    inputs : tuple of str
        The columns that a table must have.
    degree : int
        The inputs are expanded to all their monomials of degree 1 to `degree`.
    columns : tuple of str
        Names of the (expanded) inputs, one a weight.
    w : tuple of float
        Weights in the units of the columns.
    b : float
        The bias, in the units of the target.
    lambd : float
        λ of the objective; see `weightdecay.paths.examples.Formulation`.
    penalty : 'l2', 'l1' or 'elasticnet'
    l1_ratio : float
    penalty_factors : tuple of float, or None
        What λ was multiplied with, column by column.
    mean, scale : tuple of float
        Of the columns over the rows that were fitted: the penalty was that of (x − mean) / scale.
        A scale of 1 throughout: of the columns as they are. The weights need neither.
    rule : 'best' or 'one-se'
    cv : str
        How the rows were split, in words.
    loss, standard_error : float, float or None
        ½ mean squared error on held-out rows, and the standard error of this mean over folds.
    num_examples : int
    solver : 'exact' or 'sgd'
    epochs : int or None
        Of early-stopped SGD.
    dropped : tuple of str
    sample_weight, group, time : str, optional
        Columns of the table that were no inputs; a table to predict may have them.
    na : tuple of str
        Marks of a missing value that were named for the table.
    centre : tuple of float, or None
        Where columns lie far from 0, so that b has no digits left: a place x₀ among them.
    at_centre : float or None
        The prediction there; others are at_centre + w·(x − x₀).
    weightdecay, numpy : str
        The versions that made it.

    Raises
    ------
    InputError
        A value that no model has, or lengths that do not fit.
    """

    target: str
    inputs: tuple[str, ...]
    degree: int
    columns: tuple[str, ...]
    w: tuple[float, ...]
    b: float
    lambd: float
    penalty: str
    l1_ratio: float
    penalty_factors: tuple[float, ...] | None
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    rule: str
    cv: str
    loss: float
    standard_error: float | None
    num_examples: int
    solver: str = "exact"
    epochs: int | None = None
    dropped: tuple[str, ...] = ()
    sample_weight: str | None = None
    group: str | None = None
    time: str | None = None
    na: tuple[str, ...] = ()
    centre: tuple[float, ...] | None = None
    at_centre: float | None = None
    weightdecay: str = __version__
    numpy: str = np.__version__

    def __post_init__(self) -> None:
        """Refuse what is no model, so that a file edited by hand cannot predict nonsense."""
        for name, check in _CHECKS.items():
            key = model_file.KEYS.get(name, name)
            object.__setattr__(self, name, check(key, getattr(self, name)))
        if not self.inputs or len(set(self.inputs)) < len(self.inputs):
            raise InputError("inputs holds no name, or one twice: every input needs its own.")
        taken = (self.target, *self.dropped, self.sample_weight, self.group, self.time)
        twice = [name for name in self.inputs if name in taken]
        if twice or self.target in taken[1:]:
            both = listed(dict.fromkeys(twice or [self.target]))
            raise InputError(f"{both} cannot be an input or the target and something else as well.")
        total = len(self.columns)
        if self.degree > total or self.columns != _expanded(self.inputs, self.degree):
            raise InputError(f"the {total} columns are not those of the inputs to degree "
                             f"{self.degree}.")  # fmt: skip
        for name in ("w", "mean", "scale", "penalty_factors", "centre"):
            values = getattr(self, name)
            if values is not None and len(values) != total:
                raise InputError(
                    f"{model_file.KEYS.get(name, name)} holds {len(values)} numbers: one for each "
                    f"of the {total} columns is needed."
                )
        if (self.centre is None) != (self.at_centre is None):
            raise InputError("centre and at_centre go together: give both, or neither.")
        if self.centre is not None and not self._agrees():
            raise InputError(
                "at_centre is not what weights and bias predict at centre: after an edit of them, "
                "leave out both centre and at_centre."
            )

    @classmethod
    def of(
        cls,
        result: TuneResult,
        target: str = "y",
        *,
        inputs: tuple[str, ...] | None = None,
        degree: int = 1,
        roles: Roles | None = None,
        na: tuple[str, ...] = (),
    ) -> Model:
        """The model that `tune` chose.

        Parameters
        ----------
        result : TuneResult
        target : str
            What is predicted.
        inputs : tuple of str, optional
            The columns before they were expanded to `degree`; the columns of X otherwise.
        degree : int
            To which the inputs were expanded.
        roles : Roles, optional
            The parts that the columns of a table played.
        na : tuple of str
            Marks of a missing value that were named for the table.

        Raises
        ------
        InputError
            There are several targets, or the columns are not those of the inputs' expansion.
        """
        if result.examples.num_targets != 1:
            raise InputError(
                f"there are {result.examples.num_targets} targets: a model file holds one."
            )
        roles = roles or Roles(target)
        far = result.centre
        factors, error = result.formulation.factors, result.scores.standard_error[result.index]
        return cls(
            target=roles.target,
            inputs=tuple(inputs or result.columns),
            degree=degree,
            columns=result.columns,
            w=tuple(result.w[:, 0].tolist()),
            b=float(result.b[0]),
            lambd=result.lambd,
            penalty=result.penalty,
            l1_ratio=result.formulation.l1_ratio,
            penalty_factors=None if factors is None else tuple(factors.tolist()),
            mean=tuple(mean_of(result.examples).tolist()),
            scale=tuple(np.asarray(result.scale).tolist()),
            rule=result.rule,
            cv=result.split,
            loss=result.loss,
            standard_error=float(error) if np.isfinite(error) else None,
            num_examples=result.examples.num_examples,
            solver=result.solver,
            epochs=result.epochs,
            dropped=roles.drop,
            sample_weight=roles.sample_weight,
            group=roles.group,
            time=roles.time,
            na=na,
            centre=None if far is None else tuple(far.x.tolist()),
            at_centre=None if far is None else float(far.y[0]),
        )

    @property
    def ignored(self) -> tuple[str, ...]:
        """Columns that a table to predict may have beside the inputs."""
        named = (self.target, *self.dropped, self.sample_weight, self.group, self.time)
        return tuple(name for name in named if name is not None)

    def predict(self, X: Any) -> NumPyArray:
        """w·x + b for every row, shape (rows,); from `centre` where there is one.

        Parameters
        ----------
        X : array-like of shape (rows, len(inputs)), or a data frame
            The columns of a frame are matched by name, in any order, and others may be there;
            those of an array are the inputs in their order.

        Raises
        ------
        InputError
            Columns that are not the inputs, or values that are no numbers.
        """
        values = in_order(X, self.inputs, others=True)
        values = values.toarray() if is_sparse(values) else values.astype(np.float64)
        if self.degree > 1:
            values, _ = monomial_features(values, self.degree, self.inputs)
        with np.errstate(over="ignore", invalid="ignore"):
            return predict(values, np.array(self.w), self.b, self._from)

    @property
    def _from(self) -> Centre | None:
        if self.centre is None:
            return None
        return Centre(np.array(self.centre), np.array(self.at_centre))

    def _agrees(self) -> bool:
        """Whether b is at_centre − w·centre, as closely as float32 tells."""
        with np.errstate(over="ignore", invalid="ignore"):
            moved = np.multiply(self.w, self.centre or 0)
            parts = np.array([*moved, self.b, -(self.at_centre or 0)])
            size = abs(parts).sum()
            return bool(np.isfinite(size) and abs(parts.sum()) <= PARITY["float32"] * size)

    def save(self, path: str | Path) -> None:
        """Write the model as JSON, whole or not at all.

        Raises
        ------
        InputError
            The file cannot be written.
        """
        model_file.write(Path(path), asdict(self))


def load_model(path: str | Path) -> Model:
    """Read a model file that `Model.save` or ``weightdecay tune --out`` wrote.

    Raises
    ------
    InputError
        There is no such file, or it holds no model of this format; the message says why.
    """
    settings = model_file.read(Path(path), [f.name for f in fields(Model)])
    try:
        return Model(**settings)
    except InputError as error:
        raise InputError(f"{str(path)!r} is no sound model file: {error}") from error


def mean_of(examples: Examples) -> NumPyArray:
    """Weighted means of the inputs, shape (num_inputs,)."""
    mean, _ = moments(examples)
    return mean


def _expanded(inputs: tuple[str, ...], degree: int) -> tuple[str, ...]:
    """Names of the columns that inputs make."""
    if degree == 1:
        return inputs
    return monomial_features(np.zeros((0, len(inputs))), degree, inputs)[1]


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise InputError(f"{name} is {value!r}: it must be text.")
    return value


def _optional(check: Check) -> Check:
    return lambda name, value: None if value is None else check(name, value)


def _one_of(known: Sequence[str]) -> Check:
    def check(name: str, value: object) -> object:
        choice(name, value, known)
        return value

    return check


_CHECKS: dict[str, Check] = {
    "target": _text,
    "inputs": names,
    "degree": partial(integer, least=1),
    "columns": names,
    "w": numbers,
    "b": number,
    "lambd": partial(number, least=0),
    "penalty": _one_of(PENALTIES),
    "l1_ratio": partial(number, least=0, most=1),
    "penalty_factors": _optional(partial(numbers, least=0)),
    "mean": numbers,
    "scale": partial(numbers, above=0),
    "rule": _one_of(RULES),
    "cv": _text,
    "loss": partial(number, least=0),
    "standard_error": _optional(partial(number, least=0)),
    "num_examples": partial(integer, least=1),
    "solver": _one_of(SOLVERS),
    "epochs": _optional(partial(integer, least=1)),
    "dropped": names,
    "sample_weight": optional_name,
    "group": optional_name,
    "time": optional_name,
    "na": names,
    "centre": _optional(numbers),
    "at_centre": _optional(number),
    "weightdecay": _text,
    "numpy": _text,
}
