"""Settings as float32 holds them: Keras's and MXNet's optimizers have no others.

Such an optimizer trains in float64 with settings that were rounded to float32. So both sides of a
comparison are given the rounded ones, which every framework holds as they are.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from weightdecay import penalty
from weightdecay.errors import InputError
from weightdecay.experiment import Experiment

Setting: TypeAlias = float | tuple[float, ...]

OF_RULES = {
    "sgd": (),
    "momentum": ("momentum",),
    "nesterov": ("momentum",),
    "adam": ("betas", "eps"),
}


def in_float32(experiment: Experiment) -> Experiment:
    """The experiment with λ and the settings of its rule rounded to float32.

    As it is where rounding leaves the range of a setting, as that of a momentum next to 1.
    """
    settings: dict[str, Any] = {**rounded(experiment)}
    try:
        return replace(experiment, **settings)
    except InputError:
        return experiment


def rounded(experiment: Experiment) -> dict[str, Setting]:
    """By name, the settings that float32 does not hold, as it would."""
    names = ("lr", "lambd", *OF_RULES[experiment.optimizer])
    settings: dict[str, Setting] = {name: getattr(experiment, name) for name in names}
    return {name: _rounded(value) for name, value in settings.items() if _rounded(value) != value}


def is_held(experiment: Experiment, columns: tuple[str, ...]) -> bool:
    """Whether float32 holds the settings, and the λ₁ and λ₂ that every input gets from them."""
    strengths = [number for side in penalty.strength(experiment, columns) for number in side]
    return not rounded(experiment) and all(
        _rounded(float(number)) == number for part in strengths for number in part.ravel()
    )


def _rounded(value: Setting) -> Setting:
    with np.errstate(over="ignore", under="ignore"):
        if isinstance(value, tuple):
            return tuple(float(np.float32(part)) for part in value)
        return float(np.float32(value))
