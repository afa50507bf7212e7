"""Whether what a condition calls negligible is so, beside the steps rather than the weights.

Steps may be far smaller than the weights, as with a small learning rate or bound: then two that
have nothing in common leave the same weights, to many digits.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from weightdecay.translation import recipe as r
from weightdecay.translation.dialects.fitting import ConditionKind
from weightdecay.translation.proof import Problem, Rehearsals
from weightdecay.translation.recipe import Recipe

NEGLIGIBLE = 1e-3
"""What makes a larger difference than this is not negligible."""
SMALLEST_BOUND = 1e-30
"""A smaller bound leaves gradients that float32 does not hold."""
SMALLEST_SQUARED = 1e-16
"""The same where they are squared, averaged and divided by: (1e-16)² is near float32's least."""


def changes(recipe: Recipe, bent: Recipe, given: Problem) -> dict[ConditionKind, float]:
    """By how much the steps change, of their own size, for each kind of small number.

    Parameters
    ----------
    recipe : Recipe
        What the source does.
    bent : Recipe
        What the code does, with its own ε and what it adds to a norm.
    given : Problem
        The gradients.
    """
    return {
        "eps": _change(recipe, replace(recipe, rule=bent.rule), given),
        "large gradients": _change(recipe, replace(recipe, clip=bent.clip), given),
    }


def _change(recipe: Recipe, other: Recipe, given: Problem) -> float:
    """Largest |Σ steps − Σ other steps| over the largest |Σ steps|: the median of all weights.

    From weights of 0 and without decay the weights are the sum of the steps, to full precision. The
    median, as a gradient that happens to be drawn near 0 makes any ε count for its one weight.
    """
    if recipe == other:
        return 0.0
    found, source = (
        Rehearsals.reference(replace(side, decay=r.NO_DECAY), given, from_zero=True)
        for side in (other, recipe)
    )
    each = []
    with np.errstate(all="ignore"):
        for name, w in source.items():
            apart = np.max(np.abs(found[name] - w), axis=0)
            size = np.where(apart == 0, 1.0, np.max(np.abs(w), axis=0))  # no step at all is none
            each.append((apart / size).ravel())
    change = float(np.median(np.concatenate(each)))
    return change if np.isfinite(change) else float("inf")


def unheld(recipe: Recipe) -> tuple[str, ...]:
    """Why gradients within a bound are lost in float32; empty where they are not."""
    clip = recipe.clip
    if clip is None:
        return ()
    squared = clip.by != "value" or not isinstance(recipe.rule, r.Sgd | r.Lion | r.Adamax)
    smallest, what = (SMALLEST_SQUARED, "squares of ") if squared else (SMALLEST_BOUND, "")
    if not 0 < clip.limit < smallest:
        return ()
    return (
        f"the bound of {clip.limit:g} on the gradients is below {smallest:g}: float32 does not "
        f"hold {what}gradients that small, so that what either side does with them is rounding",
    )
