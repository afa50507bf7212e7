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
    """What is too small to be seen in a trial: the decay, a bound on the gradients, a schedule.

    Then a wrong one would have passed, too: it rests on the equations alone.
    """
    if isinstance(recipe.rule, r.Objective):
        return ()
    first = r.Constant(recipe.schedule.at(0) or recipe.schedule.lr)
    bare = {
        "the decay": replace(recipe, decay=r.NO_DECAY),
        "clipping": replace(recipe, clip=None),
        "the change of the learning rate": replace(recipe, schedule=first),
    }
    steps = Rehearsals.reference(recipe, given)
    moved = proof.difference({n: 0 * w + given.initial[n] for n, w in steps.items()}, steps)
    told = []
    if moved <= tolerance:
        told.append(
            f"in these {given.steps} steps the weights move by {moved:.1e}: all but nothing"
        )
    for what, other in bare.items():
        if other == recipe:
            continue
        sides = (Rehearsals.reference(r.normal(side), given) for side in (other, recipe))
        moved = proof.difference(*sides)
        if moved <= tolerance:
            told.append(
                f"in these {given.steps} steps {what} moves the weights by {moved:.1e}, too little "
                "to be seen: it rests on the equations"
            )
    return tuple(told)
