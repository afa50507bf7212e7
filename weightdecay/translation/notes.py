"""What is said beside a translation: how its steps are counted, called, and what a trial shows."""

from __future__ import annotations

import functools
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
    """What is too small to be seen in a trial: the decay, a bound on the gradients, a schedule.

    Then a wrong one would have passed, too: it rests on the equations alone.
    """
    if isinstance(recipe.rule, r.Objective):
        return ()
    return tuple(
        f"in these {given.steps} steps {what} by {moved:.1e}, too little to be seen: the rest is "
        "for the equations"
        for what, moved in _moves(recipe, given)
        if moved <= tolerance
    )


@functools.lru_cache(maxsize=256)  # of one source to several targets
def _moves(recipe: Recipe, given: Problem) -> tuple[tuple[str, float], ...]:
    """By how much the weights move, and by how much for each part of a recipe."""
    steps = Rehearsals.reference(recipe, given)
    still = {name: 0 * w + given.initial[name] for name, w in steps.items()}
    moved = [("the weights move", proof.difference(still, steps))]
    first = r.Constant(recipe.schedule.at(0) or recipe.schedule.lr)
    for what, other in {
        "the decay": replace(recipe, decay=r.NO_DECAY),
        "clipping": replace(recipe, clip=None),
        "the change of the learning rate": replace(recipe, schedule=first),
    }.items():
        if other != recipe:
            bare = Rehearsals.reference(r.normal(other), given)
            moved.append((f"{what} moves the weights", proof.difference(bare, steps)))
    return tuple(moved)
