"""The loss of every λ on rows that were held out, from exact paths."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import numpy as np

from weightdecay.errors import IllConditionedWarning
from weightdecay.ops import NumPyArray, Ops
from weightdecay.paths import lasso, ridge
from weightdecay.paths.examples import Examples, Formulation, Split
from weightdecay.paths.leave_one_out import leave_one_out
from weightdecay.paths.ridge import Decomposed
from weightdecay.tuning.scores import Scores
from weightdecay.tuning.splits import one_by_one


def validate(
    examples: Examples,
    formulation: Formulation,
    lambdas: NumPyArray,
    splits: tuple[Split, ...] | None,
    ops: Ops,
) -> tuple[Scores, Callable[[], Decomposed]]:
    """Scores for each split, or for each row where `splits` is None (leave-one-out).

    Ridge has leave-one-out in closed form; with an L1 term, every row is left out in turn. The
    second is the decomposition of all rows, on request, for ridge.
    """

    def whole() -> Decomposed:
        return ridge.decompose(examples, formulation, float(min(lambdas)), ops)

    if formulation.l1_ratio:
        counts = np.flatnonzero(examples.share)
        each = one_by_one(examples.num_examples, counts) if splits is None else splits
        with warnings.catch_warnings():
            # Of λ that do not converge, which the path over all rows is to tell, once.
            warnings.simplefilter("ignore", IllConditionedWarning)
            loss = lasso.cross_validate(examples, formulation, lambdas, each)
        if splits is None:  # a row of weight 0 has no say
            every = np.zeros((len(lambdas), examples.num_examples))
            every[:, counts] = loss
            loss = every
    elif splits is None:
        found = whole()
        loss = leave_one_out(examples, formulation, lambdas, ops, found)
        return Scores(lambdas, loss, fold_weight(examples, splits)), lambda: found
    else:
        loss, whole = ridge.fold_and_fit(examples, formulation, lambdas, splits, ops)
    return Scores(lambdas, loss, fold_weight(examples, splits)), whole


def fold_weight(examples: Examples, splits: Sequence[Split] | None) -> NumPyArray:
    """What each fold counts for in the mean: all the same, whatever they hold out.

    Weights count within a fold, where weight 2 is the row twice. In leave-one-out a row of weight 2
    is two rows, and so two of the folds.
    """
    return examples.share if splits is None else np.full(len(splits), 1 / len(splits))
