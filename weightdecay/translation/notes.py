"""What is said beside a translation: how its steps are counted, called, and what a trial shows."""

from __future__ import annotations

from dataclasses import replace

from weightdecay.translation import proof
from weightdecay.translation import recipe as r
from weightdecay.translation.proof import Problem, Rehearsals
from weightdecay.translation.recipe import Recipe

COUNTED = (
    "t counts updates, of which PyTorch knows nothing: where scheduler.step() is called once an "
    "epoch, multiply its counts by the minibatches of an epoch"
)
STEPPED = "call scheduler.step() after every update: its counts are updates, not epochs"


def of(origin: str, to: str, recipe: Recipe, settings: str) -> tuple[str, ...]:
    """What a reader of the code has to know that the code does not say."""
    notes = []
    if isinstance(recipe.rule, r.Objective) and to != "sklearn":
        notes.append(
            "the learning rate is not the estimator's: any that is small enough reaches the same "
            "optimum"
        )
    scheduled = not recipe.constant and not isinstance(recipe.rule, r.Adagrad)
    if origin == "torch" and scheduled:
        notes.append(COUNTED)
    elif to == "torch" and "lr_scheduler" in settings:
        notes.append(STEPPED)
    if to == "mxnet":
        notes.append("call trainer.step(1) where the loss is a mean already")
    if to == "sklearn" and "SGDRegressor" in settings:
        notes.append("SGDRegressor takes one example a step")
    return tuple(notes)


def unseen(recipe: Recipe, given: Problem, tolerance: float) -> tuple[str, ...]:
    """That the decay is too small to be seen in a trial, where it is.

    Then a wrong λ would have passed, too: it rests on the equations alone.
    """
    if recipe.decay == r.NO_DECAY or isinstance(recipe.rule, r.Objective):
        return ()
    bare = r.normal(replace(recipe, decay=r.NO_DECAY))
    sides = (Rehearsals.reference(recipe, given) for recipe in (bare, recipe))
    moved = proof.difference(*sides)
    if not moved <= tolerance:
        return ()
    return (
        f"in these {given.steps} steps the decay moves the weights by {moved:.1e}, too little to "
        "be seen: λ rests on the equations",
    )
