"""The penalties λ₁ ‖w‖₁ and λ₂/2 ‖w‖², with strengths that may differ by input and by run.

A penalty is never a norm: `value` is what the objective adds, and ‖w‖₂ is computed where it is
reported. Zou & Hastie (2005) for the elastic net; `soft_threshold` is the proximal operator of
t‖·‖₁ (Parikh & Boyd, 2014, section 6.5.2).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from weightdecay.errors import InputError, UnknownNameError
from weightdecay.experiment import Experiment
from weightdecay.loss import is_absent
from weightdecay.ops import Array, NumPyArray, Parameters, Verbs


class Strength(NamedTuple):
    """λ₁ and λ₂ of every parameter: w has shape (num_inputs, runs) or (1, runs), b has (runs,).

    In a loop, the parts of `l1` are () where no λ₁ is above 0.
    """

    l1: Parameters
    l2: Parameters


def value(ops: Verbs, params: Parameters, strength: Strength) -> Array:
    """λ₂/2 ‖w‖² + λ₁ ‖w‖₁, and the same of the bias where it has a strength; shape (runs,)."""
    (w, b), (l1, l2) = params, strength
    of_weights = l2.w * w * w / 2
    of_bias = None if is_absent(b) else l2.b * b * b / 2
    if not is_absent(l1.w):
        of_weights = of_weights + l1.w * abs(w)
        of_bias = None if of_bias is None else of_bias + l1.b * abs(b)
    total = ops.sum(of_weights, axis=0)
    return total if of_bias is None else total + of_bias


def soft_threshold(ops: Verbs, v: Array, t: Array) -> Array:
    """S(v, t) = v − clip(v, −t, t): moved towards 0 by t, and exactly 0 within t of it."""
    return v - ops.clip(v, -t, t)


def strength(experiment: Experiment, columns: tuple[str, ...]) -> Strength:
    """λ₁ and λ₂ that an experiment gives the inputs named `columns`, as NumPy arrays.

    Raises
    ------
    InputError
        Penalty factors that do not fit the inputs.
    """
    lambd = np.asarray(experiment.lambd)
    shares = {"none": 0.0, "l1": 1.0, "l2": 0.0, "elasticnet": experiment.l1_ratio}
    share = shares[experiment.penalty]
    l1, l2 = share * lambd, (1 - share) * lambd
    factor = factors(experiment, columns)
    if factor is None:
        factor = np.ones(1)
    bias = float(experiment.penalize_bias)
    return Strength(
        l1=Parameters(factor[:, None] * l1, bias * l1),
        l2=Parameters(factor[:, None] * l2, bias * l2),
    )


def factors(experiment: Experiment, columns: tuple[str, ...]) -> NumPyArray | None:
    """The penalty factor of every input, or None where all are 1."""
    given = experiment.penalty_factors
    if given is None:
        return None
    if isinstance(given, dict):
        for name in given:
            if name not in columns:
                raise UnknownNameError("penalty factor's column", name, columns)
        return np.array([given.get(name, 1.0) for name in columns])
    if len(given) != len(columns):
        raise InputError(
            f"penalty_factors holds {len(given)} numbers: one for each of the {len(columns)} "
            "inputs is needed."
        )
    return np.array(given)
