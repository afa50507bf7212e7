"""A search for λ made ready: everything checked, with nothing left to cut or decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from weightdecay.errors import InputError
from weightdecay.experiment import Experiment
from weightdecay.ops import NumPyArray
from weightdecay.paths.examples import Examples, Formulation, Split, examples, factors
from weightdecay.sweeping.grid import Grid
from weightdecay.tuning import grids
from weightdecay.tuning import splits as splitting
from weightdecay.tuning.scores import RULES
from weightdecay.tuning.stopping import Rate
from weightdecay.validate import choice, flag, number

RATIOS = {"l2": 0.0, "l1": 1.0}
PENALTIES = (*RATIOS, "elasticnet")
SOLVERS = ("exact", "sgd")
SGD_COUNT = 20
"""λ in an automatic grid for SGD, which trains each of them on every fold."""


@dataclass(frozen=True, eq=False)
class Job:
    """What to search, and how.

    Attributes
    ----------
    examples, formulation
        The data and the objective.
    penalty : str
        The name of the objective's penalty.
    grid : array of shape (L,), or int
        λ, or how many to choose.
    splits : tuple of Split, or None
        None for leave-one-out.
    split : str
        The same in words.
    rule, extend, solver, training, lr
        As for `tune`.
    """

    examples: Examples
    formulation: Formulation
    penalty: str
    grid: NumPyArray | int
    splits: tuple[Split, ...] | None
    split: str
    rule: str
    extend: bool
    solver: str
    training: Experiment | None
    lr: Rate

    @property
    def by_scikit_learn(self) -> bool:
        """Whether no backend is asked: exact paths with an L1 term are scikit-learn's."""
        return self.solver == "exact" and self.formulation.l1_ratio > 0


def prepare(
    X: Any,
    y: npt.ArrayLike,
    *,
    penalty: str = "l2",
    l1_ratio: float = 0.5,
    lambdas: Grid | int = None,
    cv: splitting.Given = 5,
    groups: npt.ArrayLike | None = None,
    times: npt.ArrayLike | None = None,
    repeats: int = 1,
    rule: str = "best",
    extend: bool = False,
    sample_weight: npt.ArrayLike | None = None,
    penalty_factors: Any = None,
    standardize: bool = True,
    fit_intercept: bool = True,
    columns: tuple[str, ...] | None = None,
    solver: str = "exact",
    training: Experiment | None = None,
    lr: Rate = None,
    seed: int = 0,
) -> Job:
    """Check the arguments of `weightdecay.tune`.

    Raises
    ------
    InputError
        Data, grid, folds or settings that cannot be used.
    MissingExtraError
        scikit-learn, which cuts the folds, is missing.
    """
    ratio = penalty_ratio(penalty, l1_ratio)
    choice("rule", rule, RULES)
    choice("solver", solver, SOLVERS)
    flag("extend", extend)
    flag("standardize", standardize)
    flag("fit_intercept", fit_intercept)
    if training is not None and solver != "sgd":
        raise InputError("training is for the solver 'sgd': the exact solver has no settings.")
    if lr is not None and solver != "sgd":
        raise InputError("lr is for the solver 'sgd': the exact solver takes no steps.")
    if lr not in (None, "auto"):
        number("lr (unless it is 'auto')", lr, above=0)
    if extend and solver == "sgd":
        raise InputError("extend is for the solver 'exact': give SGD a wider grid in lambdas.")
    grid = SGD_COUNT if lambdas is None and solver == "sgd" else grids.given(lambdas)
    data = examples(X, y, sample_weight, columns)
    require_varying(data)
    strengths = factors(penalty_factors, data.columns)
    splits = splitting.make(
        cv, data.num_examples, groups=groups, times=times, repeats=repeats, seed=seed
    )
    return Job(
        data,
        Formulation(ratio, strengths, fit_intercept, standardize),
        penalty,
        grid,
        splits,
        describe(cv, splits, groups is not None, times is not None, repeats),
        rule,
        extend,
        solver,
        training,
        lr,
    )


def require_varying(data: Examples) -> None:
    """Raise InputError where no target varies over the rows that count: every λ is as good."""
    counted = data.Y if data.weight is None else data.Y[data.weight > 0]
    if (counted == counted[0]).all():
        raise InputError(
            f"y is {counted[0, 0]:g} in every row, so that every weight is 0 whatever λ: choose a "
            "target that varies."
        )


def penalty_ratio(penalty: str, l1_ratio: float) -> float:
    """The share of the L1 norm in a penalty that is known by name."""
    choice("penalty", penalty, PENALTIES)
    ratio = RATIOS.get(penalty)
    return number("l1_ratio", l1_ratio, above=0, below=1) if ratio is None else ratio


def describe(
    cv: splitting.Given,
    splits: tuple[Split, ...] | None,
    grouped: bool,
    in_time: bool,
    repeats: int,
) -> str:
    """How the rows were split, in words."""
    if splits is None:
        return "leave-one-out"
    if not hasattr(cv, "__index__"):
        return f"{len(splits)} split{'s' * (len(splits) != 1)}"
    words = f"{int(cv)} folds" + " of whole groups" * grouped + " in time" * in_time
    return f"{words}, {repeats} times" if repeats > 1 else words
