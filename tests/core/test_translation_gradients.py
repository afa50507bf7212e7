"""Bounds on gradients and warm-ups: each framework's own code does what its recipe says."""

from __future__ import annotations

import pytest

from tests.core.test_translation import loaded
from tests.tolerances import TRANSLATION, relative_difference
from weightdecay.translation import dialects, proof, staging
from weightdecay.translation import recipe as r
from weightdecay.translation.negligible import NEGLIGIBLE
from weightdecay.translation.recipe import Clip, Recipe
from weightdecay.translation.translating import in_float32

RATE = r.Constant(2**-4)
COUPLED, DECOUPLED = r.Decay("coupled", 0.25, bias=False), r.Decay("decoupled", 0.25)
BOUNDED = [
    Recipe(r.Sgd(), RATE, COUPLED, Clip("value", 0.5)),
    Recipe(r.Sgd(), RATE, COUPLED, Clip("norm", 0.5, "penalised")),
    Recipe(r.Sgd(0.5), RATE, COUPLED, Clip("global norm", 0.5)),
    Recipe(r.Sgd(0.5, nesterov=True), RATE, COUPLED, Clip("value", 0.5)),
    Recipe(r.Adam(), RATE, COUPLED, Clip("value", 0.5, "penalised")),
    Recipe(r.Adam(), RATE, COUPLED, Clip("value", 0.5)),
    Recipe(r.Adagrad(0.0, 1e-7, "inside"), RATE, COUPLED, Clip("value", 0.5)),
    Recipe(r.Lion(0.5, 0.5), RATE, COUPLED, Clip("value", 0.5)),
    Recipe(r.Adam(), RATE, DECOUPLED, Clip("global norm", 0.5, eps=1e-6)),
]
WARM = [r.Warmup(0.0, 5, r.Cosine(2**-4, 15, 2**-7)), r.Warmup(2**-9, 5, r.Polynomial(2**-4, 15))]


def apart(framework: str, recipe: Recipe) -> tuple[float, str]:
    """The written code against the equations of what it is said to do, on gradients of size."""
    recipe = in_float32(recipe)  # so that the framework's rounding is not what is measured
    written = dialects.write(framework, recipe)
    given = proof.Problem.of(recipe, 0, 25, False)
    kind = proof.dtype(framework, written.recipe)
    found = staging.rehearse(
        framework, written.code, True, kind, given.initial, given.gradients
    )  # fmt: skip
    wanted = proof.Rehearsals.reference(written.recipe, given)
    held = proof.tolerance((framework, written.recipe)) == proof.TOLERANCE
    precision = "float64" if held else "float32"
    return max(relative_difference(found[n], wanted[n]) for n in wanted), precision


@pytest.mark.parametrize("recipe", BOUNDED)
def test_the_code_of_a_bound_is_its_equations(native_backend: str, recipe: Recipe) -> None:
    off, precision = apart(loaded(native_backend), recipe)
    assert off <= TRANSLATION[precision]


@pytest.mark.parametrize("schedule", WARM)
def test_the_code_of_a_warm_up_is_its_equations(native_backend: str, schedule: r.Schedule) -> None:
    off, precision = apart(loaded(native_backend), Recipe(r.Sgd(), schedule))
    assert off <= TRANSLATION[precision]


def test_a_bound_is_seen_in_its_trial() -> None:
    """So that code that left it out could not pass."""
    for recipe in BOUNDED:
        given = proof.Problem.of(recipe, 0, 25, False)
        bare = Recipe(recipe.rule, recipe.schedule, recipe.decay)
        sides = (proof.Rehearsals.reference(side, given) for side in (bare, recipe))
        assert proof.difference(*sides) > NEGLIGIBLE
