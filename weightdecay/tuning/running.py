"""`tune`: choose λ by cross-validation, and fit all rows with it."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from weightdecay.errors import EdgeOfGridWarning, IllConditionedWarning, InputError
from weightdecay.experiment import Experiment
from weightdecay.ops import NumPyArray, Ops
from weightdecay.paths import lasso, ridge
from weightdecay.paths.evidence import Evidence, evidence
from weightdecay.paths.examples import Examples, Formulation, Path, examples, factors
from weightdecay.paths.optimality import certify
from weightdecay.paths.scaling import deviations
from weightdecay.paths.spectrum import ILL_CONDITIONED
from weightdecay.registry import load, load_adapter, resolve_name
from weightdecay.sweeping.grid import Grid
from weightdecay.tuning import grids, stopping
from weightdecay.tuning import splits as splitting
from weightdecay.tuning.result import TuneResult
from weightdecay.tuning.scores import RULES, Scores
from weightdecay.tuning.splits import Split
from weightdecay.tuning.validating import validate
from weightdecay.validate import choice, flag, number

RATIOS = {"l2": 0.0, "l1": 1.0}
SOLVERS = ("exact", "sgd")
PENALTIES = (*RATIOS, "elasticnet")
SGD_COUNT = 20
"""λ in an automatic grid for SGD, which trains each of them on every fold."""


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
        Weight 2 is the row twice; weights count in the fits, the losses and the grid.
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
    for name, value, known in (
        ("penalty", penalty, PENALTIES),
        ("rule", rule, RULES),
        ("solver", solver, SOLVERS),
    ):
        choice(name, value, known)
    for name, value in (
        ("extend", extend),
        ("standardize", standardize),
        ("fit_intercept", fit_intercept),
    ):
        flag(name, value)
    ratio = RATIOS.get(penalty)
    if ratio is None:
        ratio = number("l1_ratio", l1_ratio, above=0, below=1)
    if training is not None and solver != "sgd":
        raise InputError("training is for the solver 'sgd': the exact solver has no settings.")
    grid = grids.given(lambdas)
    data = examples(X, y, sample_weight, columns)
    formulation = Formulation(
        ratio, factors(penalty_factors, data.columns), fit_intercept, standardize
    )
    splits = splitting.make(
        cv, data.num_examples, groups=groups, times=times, repeats=repeats, seed=seed
    )
    name = resolve_name(backend)
    where = _Where(name, dtype, device, load(name, dtype, device))
    begun = time.perf_counter()
    if isinstance(grid, int):
        count = SGD_COUNT if solver == "sgd" and lambdas is None else grid
        grid = automatic(data, formulation, count, where.ops)
    run = _exact if solver == "exact" else _stopped
    found = run(data, formulation, grid, splits, rule, extend, where, training)
    said = list(found.warnings)
    said += _edge(found.scores, formulation, found.extended)
    for sentence, kind in said:
        warnings.warn(sentence, kind, stacklevel=2)
    by_sklearn = solver == "exact" and ratio > 0
    return TuneResult(
        examples=data,
        formulation=formulation,
        penalty=penalty,
        scores=found.scores,
        rule=rule,
        path=found.path,
        scale=input_scale(data) if standardize else np.ones(data.num_inputs),
        optimality=certify(data, formulation, found.path),
        evidence=found.evidence,
        split=describe(cv, splits, groups, times, repeats),
        extended=found.extended,
        solver=solver,
        epochs=found.epochs,
        backend="scikit-learn" if by_sklearn else name,
        backend_version=_sklearn_version() if by_sklearn else load_adapter(name).version,
        dtype="float64" if by_sklearn else dtype,
        device="cpu" if by_sklearn else device,
        warnings=tuple(sentence for sentence, _ in said),
        seconds=time.perf_counter() - begun,
    )


@dataclass(frozen=True)
class _Where:
    """The backend."""

    name: str
    dtype: str
    device: str
    ops: Ops


@dataclass(frozen=True, eq=False)
class _Found:
    """What either solver leaves behind."""

    scores: Scores
    path: Path
    evidence: Evidence | None
    epochs: int | None
    extended: int
    warnings: tuple[tuple[str, type[Warning]], ...]


def automatic(data: Examples, formulation: Formulation, count: int, ops: Ops) -> NumPyArray:
    """A grid of so many λ from the data and their weights."""
    if formulation.l1_ratio:
        return grids.of_largest(lasso.largest_lambda(data, formulation), count)
    # Not the weights are wanted but the eigenvalues: any λ is safe.
    e = ridge.decompose(data, formulation, np.inf, ops).spectrum.e
    return grids.of_eigenvalues(e, count)


def _exact(
    data: Examples,
    formulation: Formulation,
    grid: NumPyArray,
    splits: tuple[Split, ...] | None,
    rule: str,
    extend: bool,
    where: _Where,
    training: Experiment | None,
) -> _Found:
    ops = where.ops
    scores, extended = validate(data, formulation, grid, splits, ops), 0
    while extend and extended < grids.EXTENSIONS and _can_extend(scores, formulation, data):
        more = grids.beyond(scores.lambdas, str(scores.edge))
        scores = scores.merged(validate(data, formulation, more, splits, ops))
        extended += 1
    if formulation.l1_ratio:
        path = lasso.path(data, formulation, scores.lambdas)
        return _Found(scores, path, None, None, extended, ())
    found = ridge.decompose(data, formulation, float(scores.lambdas[0]), ops)
    said = []
    lambd = float(scores.lambdas[scores.chosen(rule)])
    if (condition := found.spectrum.condition(lambd)) > ILL_CONDITIONED:
        said.append((ridge.ill_conditioned(condition, lambd), IllConditionedWarning))
    weighted = data.num_examples if data.weight is None else int(np.count_nonzero(data.weight))
    return _Found(
        scores,
        Path(scores.lambdas, *found.solve(scores.lambdas)),
        evidence(found, scores.lambdas, weighted),
        None,
        extended,
        tuple(said),
    )


def _can_extend(scores: Scores, formulation: Formulation, data: Examples) -> bool:
    """Whether there is anything beyond the edge at which the best λ stands."""
    if scores.edge != "high" or not formulation.l1_ratio:
        return scores.edge is not None
    return bool(scores.lambdas[-1] < lasso.largest_lambda(data, formulation))


def _stopped(
    data: Examples,
    formulation: Formulation,
    grid: NumPyArray,
    splits: tuple[Split, ...] | None,
    rule: str,
    extend: bool,
    where: _Where,
    training: Experiment | None,
) -> _Found:
    if extend:
        raise InputError("extend is for the solver 'exact': give SGD a wider grid in lambdas.")
    place = (where.name, where.dtype, where.device)
    found = stopping.cross_validate(data, formulation, grid, splits, training, *place)
    chosen = stopping.best(found, rule)
    said = tuple((sentence, UserWarning) for sentence in stopping.warnings(found, chosen))
    path = stopping.path(data, formulation, found, *place)
    return _Found(found.scores, path, None, chosen.epochs, 0, said)


def _edge(
    scores: Scores, formulation: Formulation, extended: int
) -> list[tuple[str, type[Warning]]]:
    """What to say of a best λ at the edge of the grid."""
    if scores.edge is None:
        return []
    end, best = (
        ("largest", scores.lambdas[-1])
        if scores.edge == "high"
        else (
            "smallest",
            scores.lambdas[0],
        )
    )
    said = f"the best λ, {best:.4g}, is the {end} of the grid"
    said += f", which was extended {extended} times" if extended > 1 else ""
    if scores.edge == "high":
        advice = (
            "the inputs may predict no better than the mean of the target does"
            if extended or formulation.l1_ratio
            else "try larger ones, or let the grid be extended"
        )
    else:
        advice = (
            "hardly any penalty is needed; add λ = 0"
            if extended
            else "try smaller ones, or let the grid be extended"
        )
    return [(f"{said}, so a better one may lie beyond: {advice}.", EdgeOfGridWarning)]


def _sklearn_version() -> str:
    import sklearn

    return str(sklearn.__version__)


def input_scale(data: Examples) -> NumPyArray:
    """Standard deviations of the inputs over all rows, with their weights; 1 where constant."""
    c = data.share
    if data.is_sparse:
        mean = np.asarray(data.X.T @ c)
        square = np.asarray(data.X.multiply(data.X).T @ c)
        return deviations(np.maximum(square - mean**2, 0), mean)
    mean = c @ data.X
    return deviations(c @ (data.X - mean) ** 2, mean)


def describe(
    cv: splitting.Given,
    splits: tuple[Split, ...] | None,
    groups: npt.ArrayLike | None,
    times: npt.ArrayLike | None,
    repeats: int,
) -> str:
    """How the rows were split, in words."""
    if splits is None:
        return "leave-one-out"
    if not hasattr(cv, "__index__"):
        return f"{len(splits)} split{'s' * (len(splits) != 1)}"
    words = f"{int(cv)} folds"
    words += " of whole groups" * (groups is not None) + " in time" * (times is not None)
    return f"{words}, {repeats} times" if repeats > 1 else words
