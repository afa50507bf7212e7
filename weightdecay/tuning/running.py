"""`tune`: choose λ by cross-validation, and fit all rows with it."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import numpy.typing as npt

from weightdecay.callers import warn
from weightdecay.experiment import Experiment
from weightdecay.ops import NumPyArray
from weightdecay.paths.examples import Examples
from weightdecay.paths.units import moments
from weightdecay.registry import load, load_adapter, resolve_name
from weightdecay.sweeping.grid import Grid
from weightdecay.tuning import splits as splitting
from weightdecay.tuning.job import Job, prepare
from weightdecay.tuning.result import TuneResult
from weightdecay.tuning.searching import KINDS, Found, search
from weightdecay.tuning.stopping import Rate


def tune(
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
    backend: str | None = None,
    dtype: str = "float64",
    device: str = "cpu",
    seed: int = 0,
) -> TuneResult:
    """Choose λ on rows that were held out, and fit all rows with it.

    The objective is that of `weightdecay.paths.examples.Formulation`, a mean over rows: λ is the
    alpha of scikit-learn's Lasso and ElasticNet, and alpha / n of its Ridge.

    Parameters
    ----------
    X : array-like of shape (n, num_inputs), data frame or SciPy sparse matrix
    y : array-like of shape (n,) or (n, num_targets)
    penalty : 'l2', 'l1' or 'elasticnet'
    l1_ratio : float
        Share of λ that goes to the L1 norm in the elastic net, in (0, 1).
    lambdas : grid, int or None
        λ, as in `sweep`; or how many to choose from the data, 100 unless said (20 for SGD).
    cv : int, 'loo', splitter or iterable
        Folds; leave-one-out, for ridge in closed form; a splitter of scikit-learn; or pairs of row
        numbers.
    groups, times : array-like of shape (n,), optional
        Labels of rows that stay together; what orders the rows in time.
    repeats : int
        How often to cut the rows into folds.
    rule : 'best' or 'one-se'
        The λ with the lowest mean loss, or the largest within one standard error of it.
    extend : bool
        Whether to extend the grid while the best λ stands at its edge.
    sample_weight : array-like of shape (n,), optional
        Weight 2 is the row twice in the same fold, and weights of 1 are none: weights count in the
        fits, in the loss on the rows that a fold holds out, and in the grid. The mean is over
        folds, each counting the same; in leave-one-out a row of weight 2 is two folds.
    penalty_factors : array-like of shape (num_inputs,) or mapping, optional
        Multiply λ input by input; 0 leaves an input unpenalised.
    standardize : bool
        Whether the penalty is that of standardised inputs; each fold is standardised with the
        moments of the rows that it trains with. The weights are in the units of X either way.
    fit_intercept : bool
        Whether there is a bias, which is never penalised.
    columns : tuple of str, optional
        Names of the inputs; those of a data frame by default.
    solver : 'exact' or 'sgd'
        The minimisers themselves, or minibatch training whose number of epochs is chosen together
        with λ; see `weightdecay.tuning.stopping`.
    training : Experiment, optional
        For 'sgd': learning rate, minibatches, optimizer and the largest number of epochs.
    lr : float or 'auto', optional
        For 'sgd': overrides the learning rate of `training`; 'auto', and the default where there is
        no `training`, is one that is stable for every λ on every fold.
    backend, dtype, device : str, optional
        Whose products and decompositions, or training; paths with an L1 term are scikit-learn's on
        any backend.
    seed : int
        Of the random cut into folds.

    Returns
    -------
    TuneResult

    Raises
    ------
    InputError
        Data, grid, folds or settings that cannot be used; before any work.
    BackendError
        The backend, dtype or device cannot be had.
    MissingExtraError
        scikit-learn is missing, which cuts the folds and solves the paths with an L1 term.

    Warns
    -----
    EdgeOfGridWarning
        The best λ is the first or the last of its grid.
    IllConditionedWarning
        The inputs are nearly dependent at the chosen λ.
    """
    job = prepare(
        X,
        y,
        penalty=penalty,
        l1_ratio=l1_ratio,
        lambdas=lambdas,
        cv=cv,
        groups=groups,
        times=times,
        repeats=repeats,
        rule=rule,
        extend=extend,
        sample_weight=sample_weight,
        penalty_factors=penalty_factors,
        standardize=standardize,
        fit_intercept=fit_intercept,
        columns=columns,
        solver=solver,
        training=training,
        lr=lr,
        seed=seed,
    )
    name = resolve_name(backend)
    load(name, dtype, device)  # said before any work if it cannot be had
    begun = time.perf_counter()
    found = search(job, name, dtype, device)
    version = load_adapter(name).version
    finished = result(job, found, (name, version, dtype, device), begun)
    for sentence, kind in found.warnings:
        warn(sentence, KINDS[kind])
    return finished


def result(job: Job, found: Found, where: tuple[str, str, str, str], begun: float) -> TuneResult:
    """What was found, with what it was found by."""
    data, formulation = job.examples, job.formulation
    name, version, dtype, device = where
    if job.by_scikit_learn:
        name, version, dtype, device = "scikit-learn", _scikit_learn_version(), "float64", "cpu"
    return TuneResult(
        examples=data,
        formulation=formulation,
        penalty=job.penalty,
        scores=found.scores,
        rule=job.rule,
        path=found.path,
        scale=input_scale(data) if formulation.standardize else np.ones(data.num_inputs),
        evidence=found.evidence,
        split=job.split,
        extended=found.extended,
        solver=job.solver,
        epochs=found.epochs,
        backend=name,
        backend_version=version,
        dtype=dtype,
        device=device,
        warnings=tuple(sentence for sentence, _ in found.warnings),
        seconds=time.perf_counter() - begun,
    )


def _scikit_learn_version() -> str:
    import sklearn

    return str(sklearn.__version__)


def input_scale(data: Examples) -> NumPyArray:
    """Standard deviations of the inputs over all rows, with their weights; 1 where constant."""
    _, std = moments(data)
    return np.where(std == 0, 1.0, std)
