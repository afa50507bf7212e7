"""Which learning rates are stable: on a quadratic this can be said exactly.

Along an eigenvector of the Hessian of the data term with curvature h, every rule is a linear
recurrence, stable while its characteristic roots stay inside the unit circle (Jury's conditions).
With λ₂ for the decay and β for the momentum, that is η below

    sgd                         2 / (h + λ₂)
    momentum, coupled           2 (1 + β) / (h + λ₂)
    momentum, decoupled         2 (1 + β) / (h + (1 + β) λ₂)
    nesterov, coupled           2 (1 + β) / ((1 + 2β) (h + λ₂))
    nesterov, decoupled         2 (1 + β) / ((1 + 2β) h + (1 + β) λ₂)
    adam, decoupled             2 / λ₂ (the step itself is bounded, whatever the curvature)

and h is the largest curvature among the minibatches: below that, every plain SGD step contracts.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from weightdecay import penalty
from weightdecay.data import minibatches
from weightdecay.data.dataset import Dataset, require_squares
from weightdecay.data.minibatches import EpochPlan
from weightdecay.experiment import Experiment
from weightdecay.ops import NumPyArray, host


def largest_curvature(dataset: Dataset, plan: EpochPlan, weight: NumPyArray | None = None) -> float:
    """Largest eigenvalue of Σ cᵢ [1 xᵢ][1 xᵢ]ᵀ over the minibatches of one epoch."""
    largest = 0.0
    for rows, mean in zip(*plan, strict=True):
        c = mean if weight is None else mean * host(weight[rows, None])
        A = np.sqrt(c) * np.column_stack([np.ones(len(rows)), host(dataset.X_train[rows])])
        unit = float(np.ldexp(1.0, np.frexp(np.max(abs(A)))[1] - 1)) or 1.0
        A /= unit  # whose square may be beyond the floats
        gram = A @ A.T if len(A) <= A.shape[1] else A.T @ A
        with np.errstate(over="ignore"):
            largest = max(largest, float(np.linalg.eigvalsh(gram)[-1] * unit * unit))
    return largest


def stable_lr(
    optimizer: str, decay: str, curvature: float, l2: float, momentum: float
) -> float | None:
    """Learning rates below this are stable; None where there is no bound (adam, coupled)."""
    h, beta = curvature, momentum
    coupled = decay == "coupled"
    match optimizer:
        case "sgd":
            return _ratio(2, h + l2)
        case "momentum":
            return _ratio(2 * (1 + beta), h + (l2 if coupled else (1 + beta) * l2))
        case "nesterov":
            scale = 1 + 2 * beta
            decayed = scale * l2 if coupled else (1 + beta) * l2
            return _ratio(2 * (1 + beta), scale * h + decayed)
        case _:
            return None if coupled else _ratio(2, l2)


def automatic_lr(
    experiment: Experiment, dataset: Dataset, weights: Iterable[NumPyArray | None]
) -> float:
    """A rate well inside the bounds of every λ of an experiment, with each of some weights.

    It is that of the experiment where there is no bound, and no larger than it for adam, whose
    steps have a size of their own.
    """
    e = experiment
    require_squares(dataset, "float64")
    l2 = float(np.max(penalty.strength(e, dataset.columns).l2.w))
    plan = next(iter(minibatches.draw(dataset.num_train, e.batch_size, 1, e.seed, e.shuffle)))
    own = e.optimizer == "adam"
    curvature = 0.0 if own else max(largest_curvature(dataset, plan, c) for c in weights)
    bound = stable_lr(e.optimizer, e.decay, curvature, l2, e.momentum)
    if bound is None:
        return e.lr
    lr = safe_lr(bound, e.optimizer, e.momentum)
    return min(lr, e.lr) if own else lr


def safe_lr(bound: float, optimizer: str, momentum: float) -> float:
    """A rate well inside the bound, rounded down to one digit.

    The bound is for one matrix; minibatches alternate between several, which momentum can turn
    against it, so momentum gets the rate whose effective step η/(1 − β) is half SGD's bound.
    """
    inside = bound / 2
    if optimizer in ("momentum", "nesterov"):
        inside = bound * (1 - momentum) / (2 * (1 + momentum))
    digit = 10.0 ** np.floor(np.log10(inside))
    return float(f"{np.floor(inside / digit) * digit:.0e}")


def _ratio(a: float, b: float) -> float | None:
    return a / b if 0 < b < np.inf else None
