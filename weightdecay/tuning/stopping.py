"""Early-stopped SGD: the number of epochs is a regulariser, chosen together with λ.

Every λ on every fold is a column of one sweep, and the held-out loss after every epoch is in its
history, so that all numbers of epochs are compared for the price of the largest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from weightdecay.data.dataset import Dataset, from_arrays
from weightdecay.divergence import Lost
from weightdecay.errors import InputError
from weightdecay.experiment import Experiment, PenaltyName
from weightdecay.ops import NumPyArray
from weightdecay.paths.examples import Examples, Formulation, Path, Split
from weightdecay.stability import automatic_lr
from weightdecay.sweeping import folds as folding
from weightdecay.sweeping.running import sweep
from weightdecay.sweeping.training import OnProgress
from weightdecay.train import fit as train
from weightdecay.tuning.scores import Scores
from weightdecay.tuning.splits import one_by_one
from weightdecay.tuning.validating import fold_weight

EPOCHS = 200
BATCH_SIZE = 32
MOST_ALONE = 2000
"""Rows up to which each may be held out alone: that is a run for every row and λ."""

Rate: TypeAlias = float | Literal["auto"] | None


class Choice(NamedTuple):
    """The place of λ in the grid, and a number of epochs."""

    lambd: int
    epochs: int


@dataclass(frozen=True, eq=False)
class Stopping:
    """The loss of every λ after every epoch on every fold.

    Attributes
    ----------
    training : Experiment
        What was trained: its learning rate, its largest number of epochs, the penalty.
    lambdas : array of shape (L,)
        Ascending.
    loss : array of shape (L, epochs, K)
        ½ mean squared error on the held-out rows of each of K folds after each epoch, with their
        sample weights; infinite for a λ of which any fold diverged.
    fold_weight : array of shape (K,)
        What each fold counts for, adding to 1.
    lost : Lost or None
        The first run that diverged.
    """

    training: Experiment
    lambdas: NumPyArray
    loss: NumPyArray
    fold_weight: NumPyArray
    lost: Lost | None

    @cached_property
    def epochs(self) -> NumPyArray:
        """The number of epochs with the lowest mean loss, for every λ; the fewest of equals."""
        best: NumPyArray = np.argmin(self.loss @ self.fold_weight, axis=1) + 1
        return best

    @cached_property
    def scores(self) -> Scores:
        """The loss of every λ at its own best number of epochs.

        The same held-out rows chose that number, so these losses are a little too low: more so
        than those of exact paths, of which each λ has one. A validation part that no choice has
        seen tells by how much.
        """
        of_lambda = np.arange(len(self.lambdas))
        return Scores(self.lambdas, self.loss[of_lambda, self.epochs - 1], self.fold_weight)


def cross_validate(
    examples: Examples,
    formulation: Formulation,
    lambdas: npt.ArrayLike,
    splits: Sequence[Split] | None,
    training: Experiment | None = None,
    backend: str | None = None,
    dtype: str = "float64",
    device: str = "cpu",
    *,
    lr: Rate = None,
    on_progress: OnProgress | None = None,
) -> Stopping:
    """Train every λ on every fold, and look at the held-out rows after every epoch.

    Where the inputs are standardised, that is done once, over all rows and with their weights: the
    columns of one program share their inputs, so that a fold cannot have moments of its own. Only
    means and standard deviations of inputs pass from held-out rows to a fold that way; no target.

    Parameters
    ----------
    splits : sequence of Split, or None
        None holds out every row alone.
    training : Experiment, optional
        How to train: optimizer, minibatches, learning rate, the largest number of epochs. Its data,
        penalty and λ are not used. By default SGD from w = 0 with a stable learning rate, 200
        epochs of minibatches of at most 32 examples.
    lr : float or 'auto', optional
        Overrides the learning rate of `training`; 'auto' takes one that is stable for every λ.

    Raises
    ------
    InputError
        Several targets, sparse inputs, or no intercept, which this training does not have.
    DivergenceError
        No λ is without a fold that diverged.
    """
    dataset = scaled(examples, formulation)
    counted = np.flatnonzero(examples.share)
    pairs = _pairs(splits, dataset.num_train, counted)
    grid = np.unique(np.asarray(lambdas, dtype=np.float64))
    rate = lr if lr is not None else ("auto" if training is None else training.lr)
    training = training or default_training(dataset.num_train)
    experiment = _penalised(training, formulation, grid)
    if rate == "auto":
        rate = stable_rate(experiment, dataset, pairs)
    swept = sweep(
        replace(experiment, lr=rate),
        dataset,
        lambdas=grid.tolist(),
        folds=pairs,
        backend=backend,
        dtype=dtype,
        device=device,
        on_progress=on_progress,
    )
    count = len(pairs) if splits is None else len(splits)
    diverged = swept.diverged[:, 0, 0].any(axis=1)
    if diverged.all() and swept.lost is not None:
        raise swept.lost.error("no λ is without a fold that diverged; the first is")
    loss = np.moveaxis(swept.history.val_loss[:, :, 0, 0, :count], 0, 1)
    loss = np.where(np.isfinite(loss), loss, np.inf)
    loss[diverged] = np.inf
    counts = fold_weight(examples, splits)
    counts = counts if splits is not None else counts[counted]
    return Stopping(swept.experiment, grid, loss, counts, swept.lost)


def default_training(n: int, epochs: int = EPOCHS, seed: int = 0) -> Experiment:
    """SGD on n examples from w = 0; its learning rate is still to be chosen."""
    return Experiment(batch_size=min(BATCH_SIZE, n), epochs=epochs, init_std=0, seed=seed)


def best(stopping: Stopping, rule: str = "best") -> Choice:
    """The λ that a rule of `Scores` takes, and its best number of epochs."""
    index = stopping.scores.chosen(rule)
    return Choice(index, int(stopping.epochs[index]))


def fit(
    examples: Examples,
    formulation: Formulation,
    stopping: Stopping,
    choice: Choice,
    backend: str | None = None,
    dtype: str = "float64",
    device: str = "cpu",
) -> tuple[NumPyArray, float]:
    """Train on all rows with the chosen λ for so many epochs: w (num_inputs,) and b.

    Both are in the units of X. Raises DivergenceError where all rows together diverge.
    """
    index, epochs = choice
    w, b, _ = _trained(examples, formulation, stopping, [index], epochs, backend, dtype, device)
    return w[:, 0], float(b[0])


def path(
    examples: Examples,
    formulation: Formulation,
    stopping: Stopping,
    backend: str | None = None,
    dtype: str = "float64",
    device: str = "cpu",
) -> Path:
    """Every λ trained on all rows for its own best number of epochs; NaN where a fold diverged."""
    L = len(stopping.lambdas)
    w = np.full((examples.num_inputs, L, 1), np.nan)
    b, at_mean = np.full((2, L, 1), np.nan)
    usable = np.isfinite(stopping.scores.mean)
    for epochs in np.unique(stopping.epochs[usable]).tolist():
        at = np.flatnonzero(usable & (stopping.epochs == epochs))
        w[:, at, 0], b[at, 0], at_mean[at, 0] = _trained(
            examples, formulation, stopping, at.tolist(), epochs, backend, dtype, device
        )
    return Path(stopping.lambdas, w, b, at_mean if formulation.standardize else None)


def warnings(stopping: Stopping, choice: Choice) -> tuple[str, ...]:
    """What the user should know of a choice."""
    found = []
    lost = np.flatnonzero(~np.isfinite(stopping.scores.mean))
    if lost.size and stopping.lost is not None:
        found.append(
            f"{lost.size} of {len(stopping.lambdas)} λ diverged on a fold and are left out, the "
            f"first in epoch {stopping.lost.epoch} at λ = {stopping.lost.lambd:g}: "
            f"{stopping.lost.advice}"
        )
    if choice.epochs == stopping.training.epochs:
        found.append(
            f"the best number of epochs, {choice.epochs}, is the last that was trained, so that "
            "more may be better: train longer."
        )
    return tuple(found)


def scaled(examples: Examples, formulation: Formulation) -> Dataset:
    """All rows as a dataset, standardised where the formulation says so.

    Raises
    ------
    InputError
        Examples or a formulation that SGD does not train here.
    """
    if not formulation.intercept:
        raise InputError("the solver 'sgd' always trains a bias: keep the intercept, or use exact.")
    if examples.is_sparse:
        raise InputError("the solver 'sgd' takes no sparse X: use exact, or pass X.toarray().")
    if examples.num_targets > 1:
        raise InputError(
            f"the solver 'sgd' trains one target, and y has {examples.num_targets}: use exact, or "
            "train each on its own."
        )
    return from_arrays(
        examples.X,
        examples.Y[:, 0],
        sample_weight=examples.weight,
        standardize="inputs" if formulation.standardize else "none",
        columns=examples.columns,
    )


def stable_rate(experiment: Experiment, dataset: Dataset, pairs: Sequence[Split]) -> float:
    """A learning rate that is stable for every λ of an experiment, on all rows and on every fold.

    See `weightdecay.stability.automatic_lr`.
    """
    folds = folding.make(pairs, dataset, experiment.seed)
    weights = [dataset.weight_train, *(folds.train.T if folds is not None else ())]
    return automatic_lr(experiment, dataset, weights)


def _penalised(training: Experiment, formulation: Formulation, grid: NumPyArray) -> Experiment:
    """The training with the objective of a formulation."""
    ratio = formulation.l1_ratio
    penalty: PenaltyName = "l2" if ratio == 0 else "l1" if ratio == 1 else "elasticnet"
    factors = None if formulation.factors is None else tuple(formulation.factors.tolist())
    return replace(
        training,
        penalty=penalty,
        l1_ratio=ratio,
        lambd=tuple(grid.tolist()),
        penalty_factors=factors,
        penalize_bias=False,
    )


def _pairs(splits: Sequence[Split] | None, n: int, counted: NumPyArray) -> list[Split]:
    """The splits of a sweep, which has at least two: an only one is trained twice."""
    if splits is None:
        if n > MOST_ALONE:
            raise InputError(
                f"leave-one-out by SGD is a run for every row, and there are {n}: choose a number "
                f"of folds, or the exact solver (at most {MOST_ALONE} rows)."
            )
        return list(one_by_one(n, counted))
    return [Split(*split) for split in (splits if len(splits) > 1 else [*splits, *splits])]


def _trained(
    examples: Examples,
    formulation: Formulation,
    stopping: Stopping,
    at: list[int],
    epochs: int,
    backend: str | None,
    dtype: str,
    device: str,
) -> tuple[NumPyArray, NumPyArray, NumPyArray]:
    """Some λ trained on all rows: w, b and the bias of the inputs that were trained on.

    w of shape (num_inputs, len(at)) and b of shape (len(at),) are in the units of X. Where the
    inputs were standardised, the last is the prediction at their mean.
    """
    dataset = scaled(examples, formulation)
    lambdas = tuple(stopping.lambdas[at].tolist())
    experiment = replace(stopping.training, lambd=lambdas, epochs=epochs)
    result = train(experiment, dataset, backend=backend, dtype=dtype, device=device)
    w, b = (part.astype(np.float64) for part in result.params)
    w[~dataset.X_train.any(axis=0)] = 0  # nothing was learned of a column of zeros
    trained = b
    if dataset.standardization is not None:
        w = w / dataset.standardization.x_scale[:, None]
        b = b - dataset.standardization.x_mean @ w
    return w, b, trained
