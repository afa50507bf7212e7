"""The search itself: the losses of a grid of λ, and the fits over all rows."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from weightdecay.errors import EdgeOfGridWarning, IllConditionedWarning
from weightdecay.ops import NumPyArray, Ops
from weightdecay.paths import lasso, ridge
from weightdecay.paths.evidence import Evidence, evidence
from weightdecay.paths.examples import Examples, Formulation, Path
from weightdecay.paths.spectrum import ILL_CONDITIONED
from weightdecay.registry import load
from weightdecay.tuning import grids, stopping
from weightdecay.tuning.job import Job
from weightdecay.tuning.scores import Scores
from weightdecay.tuning.validating import validate

KINDS: dict[str, type[Warning]] = {
    kind.__name__: kind for kind in (EdgeOfGridWarning, IllConditionedWarning, UserWarning)
}


@dataclass(frozen=True, eq=False)
class Found:
    """What a search leaves behind.

    `warnings` are pairs of a sentence and the name of its kind, one of `KINDS`.
    """

    scores: Scores
    path: Path
    evidence: Evidence | None
    epochs: int | None
    extended: int
    warnings: tuple[tuple[str, str], ...]


def search(job: Job, backend: str, dtype: str, device: str) -> Found:
    """Search on a backend that is installed here."""
    ops = load(backend, dtype, device)
    data, formulation = job.examples, job.formulation
    grid = (
        job.grid
        if isinstance(job.grid, np.ndarray)
        else automatic(data, formulation, job.grid, ops)
    )
    if job.solver == "sgd":
        return _stopped(job, grid, backend, dtype, device)
    return _exact(job, grid, ops)


def automatic(data: Examples, formulation: Formulation, count: int, ops: Ops) -> NumPyArray:
    """A grid of so many λ from the data and their weights."""
    if formulation.l1_ratio:
        return grids.of_largest(lasso.largest_lambda(data, formulation), count)
    # Not the weights are wanted but the eigenvalues: any λ is safe.
    e = ridge.decompose(data, formulation, np.inf, ops).spectrum.e
    return grids.of_eigenvalues(e, count)


def _exact(job: Job, grid: NumPyArray, ops: Ops) -> Found:
    data, formulation = job.examples, job.formulation
    scores, whole = validate(data, formulation, grid, job.splits, ops)
    scores.require_finite()
    extended = 0
    while job.extend and extended < grids.EXTENSIONS and _can_extend(scores, formulation, data):
        more = grids.beyond(scores.lambdas, str(scores.edge))
        further, also = validate(data, formulation, more, job.splits, ops)
        whole = also if more[0] < scores.lambdas[0] else whole  # safe for the least λ of all
        scores = scores.merged(further)
        extended += 1
    if formulation.l1_ratio:
        path, unsolved = _sparse_path(data, formulation, scores.lambdas)
        said = edge_of_grid(scores, extended, spent=not path.w[:, -1].any())
        return Found(scores, path, None, None, extended, said + unsolved)
    said = edge_of_grid(scores, extended, spent=extended > 0)
    found = whole()
    lambd = float(scores.lambdas[scores.chosen(job.rule)])
    if (condition := found.spectrum.condition(lambd)) > ILL_CONDITIONED:
        said += ((ridge.ill_conditioned(condition, lambd), IllConditionedWarning.__name__),)
    return Found(
        scores,
        Path(scores.lambdas, *found.solve(scores.lambdas)),
        evidence(found, scores.lambdas, data.num_weighted),
        None,
        extended,
        said,
    )


def _sparse_path(
    data: Examples, formulation: Formulation, lambdas: NumPyArray
) -> tuple[Path, tuple[tuple[str, str], ...]]:
    """The path with an L1 term, and what it warns of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", IllConditionedWarning)
        path = lasso.path(data, formulation, lambdas)
    return path, tuple((str(w.message), IllConditionedWarning.__name__) for w in caught)


def _can_extend(scores: Scores, formulation: Formulation, data: Examples) -> bool:
    """Whether there is anything beyond the edge at which the best λ stands."""
    if scores.edge != "high" or not formulation.l1_ratio:
        return scores.edge is not None
    return bool(scores.lambdas[-1] < lasso.largest_lambda(data, formulation))


def _stopped(job: Job, grid: NumPyArray, *place: str) -> Found:
    data, formulation = job.examples, job.formulation
    found = stopping.cross_validate(
        data, formulation, grid, job.splits, job.training, *place, lr=job.lr
    )
    chosen = stopping.best(found, job.rule)
    said = tuple((words, UserWarning.__name__) for words in stopping.warnings(found, chosen))
    said += edge_of_grid(found.scores, 0, spent=False)
    path = stopping.path(data, formulation, found, *place)
    return Found(found.scores, path, None, chosen.epochs, 0, said)


def edge_of_grid(scores: Scores, extended: int, spent: bool) -> tuple[tuple[str, str], ...]:
    """What to say of a best λ at the edge of the grid.

    `spent` says that the largest λ leaves next to nothing of the weights.
    """
    if scores.edge is None:
        return ()
    high = scores.edge == "high"
    end, best = ("largest", scores.lambdas[-1]) if high else ("smallest", scores.lambdas[0])
    said = f"the best λ, {best:.4g}, is the {end} of the grid"
    if extended:
        said += f", which was extended {extended} time{'s' * (extended > 1)}"
    if high and spent:
        advice = "the inputs may predict no better than the mean of the target does"
    elif extended:
        advice = "hardly any penalty is needed; add λ = 0"
    else:
        advice = f"try {'larger' if high else 'smaller'} ones, or extend the grid"
    sentence = f"{said}, so a better one may lie beyond: {advice}."
    return ((sentence, EdgeOfGridWarning.__name__),)
