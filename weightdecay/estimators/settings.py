"""The arguments that both estimators share, checked and translated when they are used.

scikit-learn's convention is that nothing is checked on construction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from sklearn.utils import check_random_state

from weightdecay import bounds
from weightdecay.data.dataset import Dataset
from weightdecay.errors import InputError
from weightdecay.experiment import Experiment, PenaltyName
from weightdecay.paths.examples import Formulation, factors
from weightdecay.stability import automatic_lr
from weightdecay.validate import choice, integer, number

SOLVERS = ("exact", "sgd")
ADAM_LR = 0.01
"""The rate of adam, which has no bound that one could stay inside of."""


class Settings(Protocol):
    """The parameters of an estimator that these functions read."""

    l1_ratio: float
    fit_intercept: bool
    penalty_factors: Any
    solver: str
    optimizer: str
    decay: str
    lr: float | None
    momentum: float
    batch_size: Any
    epochs: int
    shuffle: bool
    random_state: Any


def formulation(given: Settings, columns: Sequence[str], standardize: bool = False) -> Formulation:
    """The objective.

    Raises
    ------
    InputError
        A solver, l1_ratio, fit_intercept or penalty factors that cannot be used.
    """
    choice("solver", given.solver, SOLVERS)
    return Formulation(
        l1_ratio=number("l1_ratio", given.l1_ratio, least=0, most=1),
        factors=factors(given.penalty_factors, columns),
        intercept=flag("fit_intercept", given.fit_intercept),
        standardize=standardize,
    )


def flag(name: str, value: object) -> bool:
    """True or false, from Python or NumPy."""
    if not isinstance(value, bool | np.bool_):
        raise InputError(f"{name} is {value!r}: it must be True or False.")
    return bool(value)


def penalty_name(l1_ratio: float) -> PenaltyName:
    """The name that an Experiment has for it."""
    if l1_ratio == 0:
        return "l2"
    return "l1" if l1_ratio == 1 else "elasticnet"


def seed(random_state: Any) -> int:
    """A seed from an int, a RandomState or None."""
    if isinstance(random_state, int | np.integer):
        return integer("random_state", random_state, 0, bounds.SEED)
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


def training(given: Settings, objective: Formulation, num_examples: int) -> Experiment:
    """How to train; λ and the learning rate are to be filled in.

    Weights and bias start at 0, and a batch holds at most all examples.

    Raises
    ------
    InputError
        Settings that cannot be used.
    """
    if not objective.intercept:
        raise InputError(
            "solver='sgd' always trains a bias: fit_intercept=False goes with solver='exact'."
        )
    size = given.batch_size
    if size != "full":
        size = min(integer("batch_size (unless it is 'full')", size, 1), num_examples)
    return Experiment(
        penalty=penalty_name(objective.l1_ratio),
        lambd=(0.0,),
        l1_ratio=objective.l1_ratio,
        penalty_factors=None if objective.factors is None else tuple(objective.factors.tolist()),
        optimizer=given.optimizer,  # type: ignore[arg-type]  # which Experiment checks
        decay=given.decay,  # type: ignore[arg-type]
        lr=ADAM_LR if given.lr is None else given.lr,
        momentum=given.momentum,
        batch_size=size,
        epochs=given.epochs,
        shuffle=flag("shuffle", given.shuffle),
        init_std=0.0,
        seed=seed(given.random_state),
    )


def with_lr(experiment: Experiment, given: float | None, dataset: Dataset) -> Experiment:
    """The given learning rate, or one well inside the stability bound of the first epoch."""
    if given is not None:
        return experiment
    return replace(experiment, lr=automatic_lr(experiment, dataset, [dataset.weight_train]))
