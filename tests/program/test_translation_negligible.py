"""What a translation calls negligible is so beside the steps, however small these are."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tolerances import TRANSLATION
from weightdecay.translation import negligible
from weightdecay.translation import recipe as r
from weightdecay.translation.proof import Problem, Rehearsals, Trajectory
from weightdecay.translation.translating import translate

TORCH = "torch.nn.utils.clip_grad_norm_(model.parameters(), {}); torch.optim.SGD(params, lr=0.1)"
OPTAX = "optax.chain(optax.clip_by_global_norm({}), optax.sgd({}))"


class Ideal(Rehearsals):
    """Frameworks that do to the last digit what their recipes say."""

    def require(self, *frameworks: str) -> None:
        """Need none."""

    def run(
        self, framework: str, text: str, printed: bool, recipe: r.Recipe, given: Problem
    ) -> Trajectory:
        """Run the equations."""
        return self.reference(recipe, given)


@pytest.mark.parametrize(
    ("source", "to", "verdict"),
    [
        (OPTAX.format(1e-9, 0.1), "torch", "refused"),
        (OPTAX.format(1e-4, 1e-20), "torch", "refused"),
        (OPTAX.format(0.5, 1e-20), "torch", "conditional"),
        (TORCH.format(1e-9), "optax", "refused"),
        (TORCH.format(0.5), "keras", "conditional"),
        ("keras.optimizers.Adam(1e-9, epsilon=0.5)", "torch", "refused"),
        ("keras.optimizers.Adam(1e-9)", "torch", "conditional"),
        ("keras.optimizers.RMSprop(1e-6, epsilon=0.1)", "torch", "refused"),
        ("optax.adam(1e-7, eps_root=0.1)", "torch", "refused"),
        ("optax.adamw(1e-7, eps_root=1e-12)", "torch", "conditional"),
    ],
)
def test_small_steps_do_not_make_a_difference_small(source: str, to: str, verdict: str) -> None:
    found = translate(source, to, rehearsals=Ideal())
    assert found.verdict == verdict
    assert all("is not negligible: it makes" in reason for reason in found.reasons)


def test_decay_does_not_hide_what_a_bound_leaves_of_the_gradient() -> None:
    """The weights move by their decay, a million times as far as by their gradients."""
    source = "optax.chain(optax.clip_by_global_norm(1e-9), optax.add_decayed_weights(0.1), "
    assert translate(source + "optax.sgd(0.1))", "torch", rehearsals=Ideal()).verdict == "refused"


def test_only_what_is_not_negligible_is_blamed() -> None:
    source = "keras.optimizers.Adam(1e-3, epsilon=0.1, global_clipnorm=1.0)"
    reasons = translate(source, "torch", rehearsals=Ideal()).reasons
    assert [reason.partition(" is not")[0] for reason in reasons] == ["ε"]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "source", ["optax.rmsprop(1e-2)", "keras.optimizers.RMSprop(momentum=0.5, centered=True)"]
)
def test_one_gradient_that_is_drawn_near_zero_decides_nothing(source: str, seed: int) -> None:
    found = translate(source, "torch", seed=seed, rehearsals=Ideal())
    assert found.verdict == "conditional"


def test_a_warm_up_that_has_not_begun_changes_nothing() -> None:
    rule = r.Adam(eps_root=0.1)
    recipe = r.Recipe(rule, r.Warmup(0.0, 5, r.Constant(0.1)))
    bent = replace(recipe, rule=replace(rule, eps_root=0.0))
    assert negligible.changes(recipe, bent, Problem(steps=1))["eps"] == 0
    assert negligible.changes(recipe, bent, Problem(steps=2))["eps"] > negligible.NEGLIGIBLE


@given(st.floats(1e-9, 10.0), st.floats(1e-30, 1.0))
@settings(max_examples=25, deadline=None)
def test_the_change_of_a_clipped_step_is_what_is_added_over_the_norm(
    limit: float, rate: float
) -> None:
    clip = r.Clip("global norm", limit)
    recipe = r.Recipe(r.Sgd(), r.Constant(rate), r.Decay("coupled", 0.1), clip)
    first = Problem(steps=1, size=100 * limit)
    norm = math.sqrt(sum(float(np.sum(g**2)) for g in first.gradients.values()))
    found = negligible.changes(recipe, replace(recipe, clip=replace(clip, eps=1e-6)), first)
    wanted = 1e-6 / (norm + 1e-6)
    assert found["eps"] == 0
    assert found["large gradients"] == pytest.approx(wanted, rel=0, abs=TRANSLATION["float64"])


@pytest.mark.parametrize(
    ("source", "to", "lost"),
    [
        ("keras.optimizers.Adam(0.1, clipnorm=1e-300)", "torch", True),
        ("keras.optimizers.Adam(0.1, clipnorm=1e-20, epsilon=1e-30)", "torch", True),
        ("keras.optimizers.SGD(0.1, clipvalue=1e-300)", "torch", True),
        ("keras.optimizers.SGD(0.1, clipvalue=1e-20)", "torch", False),
        ("keras.optimizers.Adagrad(0.1, clipvalue=1e-20)", "optax", True),
        (TORCH.format(1e-300), "keras", True),
        (OPTAX.format(1e-40, 0.1), "keras", True),
        (OPTAX.format(1e-3, 0.1), "keras", False),
    ],
)
def test_a_bound_that_float32_does_not_hold_is_refused(source: str, to: str, lost: bool) -> None:
    found = translate(source, to, rehearsals=Ideal())
    assert found.verdict == ("refused" if lost else "exact")
    assert any("float32 does not hold" in reason for reason in found.reasons) == lost
