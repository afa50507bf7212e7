"""L2, L1 and the elastic net, each with λ from a grid of its own."""

from __future__ import annotations

import warnings as told

import numpy as np

from weightdecay.errors import IllConditionedWarning
from weightdecay.ops import NumPyArray
from weightdecay.paths import lasso, ridge
from weightdecay.paths.examples import Formulation, Path
from weightdecay.remedies.problem import Problem
from weightdecay.remedies.remedy import Remedy, at_edge, judged, scores

COUNT = 81
SMALLEST, LARGEST = 1e-5, 1e3
"""λ of L2: the mean curvature of standardised inputs is 1, and the largest at most their number."""
DOWN_TO, DOWN_TO_WIDE = 1e-4, 1e-3
"""λ of L1, as a share of the λ from which on every weight is 0; the latter where inputs outnumber
rows."""
HALF = 0.5


def l2(problem: Problem) -> Remedy:
    """Ridge: + λ/2 ‖w‖²."""
    largest = max(LARGEST, 10 * problem.train.num_inputs)
    return _chosen(problem, "l2", "L2", np.geomspace(SMALLEST, largest, COUNT), Formulation())


def l1(problem: Problem) -> Remedy:
    """The lasso: + λ ‖w‖₁."""
    formulation = Formulation(l1_ratio=1)
    return _chosen(problem, "l1", "L1", _down(problem, formulation), formulation)


def elastic_net(problem: Problem) -> Remedy:
    """Both: + λ (½ ‖w‖₁ + ¼ ‖w‖²)."""
    formulation = Formulation(l1_ratio=HALF)
    return _chosen(problem, "elasticnet", "elastic net", _down(problem, formulation), formulation)


def ridge_at(problem: Problem, lambd: float) -> tuple[NumPyArray, float]:
    """Ridge regression, w (num_inputs,) and b, on all training rows."""
    path, _ = _path(problem, Formulation(), np.array([lambd]))
    return path.w[:, 0, 0], float(path.b[0, 0])


def _down(problem: Problem, formulation: Formulation) -> NumPyArray:
    """The grid of λ for L1: from where every weight is 0 downwards, given ascending."""
    n, p = problem.train.X.shape
    largest = lasso.largest_lambda(problem.train, formulation)
    if largest == 0:  # a constant target: every weight is 0 whatever λ
        largest = 1.0
    return np.geomspace((DOWN_TO if n > p else DOWN_TO_WIDE) * largest, largest, COUNT)


def _chosen(
    problem: Problem, name: str, label: str, lambdas: NumPyArray, formulation: Formulation
) -> Remedy:
    found = scores(lambdas, _cross_validated(problem, formulation, lambdas))
    path, messages = _path(problem, formulation, lambdas[found.best :][:1])
    edge = at_edge(label, "λ", found)
    if formulation.l1_ratio and found.edge == "high":  # beyond the largest, nothing changes
        edge = ()
    warnings = (*edge, *(f"{label}: {message}" for message in messages))
    w, b = path.w[:, 0, 0], float(path.b[0, 0])
    return judged(problem, name, label, "λ", found, found.best, w, b, warnings=warnings)


def _cross_validated(problem: Problem, formulation: Formulation, lambdas: NumPyArray) -> NumPyArray:
    """Losses (L, K); what is ill-conditioned is told of the chosen λ alone."""
    rest = (problem.train, formulation, lambdas, problem.splits)
    with told.catch_warnings():
        told.simplefilter("ignore", IllConditionedWarning)
        if formulation.l1_ratio:
            return lasso.cross_validate(*rest)
        return ridge.cross_validate(*rest, problem.ops)


def _path(
    problem: Problem, formulation: Formulation, lambdas: NumPyArray
) -> tuple[Path, list[str]]:
    """The minimisers on all training rows, and what was warned of."""
    with told.catch_warnings(record=True) as caught:
        told.simplefilter("always")
        if formulation.l1_ratio:
            path = lasso.path(problem.train, formulation, lambdas)
        else:
            path = ridge.path(problem.train, formulation, lambdas, problem.ops)
    return path, [str(warning.message) for warning in caught]
