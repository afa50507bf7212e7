"""Projections at the end of an optax chain, which pull large weights back and are no decay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from tests.tolerances import PARITY
from weightdecay.errors import InputError
from weightdecay.models.covering import coverage

LR, LAMBDA = 2.0**-7, 2.0**-6
MASK = {"kernel": True, "bias": False}


def project(onto: Callable[[Any], Any]) -> optax.GradientTransformation:
    def update(updates: Any, state: Any, params: Any) -> Any:
        return jax.tree.map(lambda u, p: onto(p + u) - p, updates, params), state

    return optax.GradientTransformation(lambda params: optax.EmptyState(), update)


def shortened(w: Any) -> Any:
    return w * jnp.minimum(1.0, 0.25 / jnp.maximum(jnp.linalg.norm(w), 1e-30))


SETS = {
    "non-negative": optax.keep_params_nonnegative(),
    "clipped": project(lambda w: jnp.clip(w, -0.05, 0.05)),
    "of bounded norm": project(shortened),
}
RULES = {
    "adamw": optax.adamw(LR, weight_decay=LAMBDA, mask=MASK),
    "rmsprop": optax.chain(
        optax.scale_by_rms(), optax.add_decayed_weights(LAMBDA, MASK), optax.scale(-LR)
    ),
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("onto", SETS)
def test_a_projection_is_no_decay(rule: str, onto: str) -> None:
    made = optax.chain(RULES[rule], SETS[onto])
    rng = np.random.default_rng(0)
    params = {"kernel": jnp.asarray(abs(rng.normal(size=(8, 8))) / 32), "bias": jnp.zeros(8)}
    state = made.init(params)
    for _ in range(2):
        grads = jax.tree.map(lambda x: jnp.asarray(rng.normal(size=x.shape), x.dtype), params)
        updates, state = made.update(grads, state, params)
        params = optax.apply_updates(params, updates)
    found = coverage(params, made, state=state, learning_rate=LR)
    bias, kernel = found.rows
    assert kernel.decay == pytest.approx(LAMBDA, rel=2 * PARITY["float32"])
    assert (bias.decays, bias.shrink, bias.decay) == (False, 0.0, 0.0)
    assert (bias.projected, kernel.projected, found.agrees) == (True, True, True)
    assert "put back into a set by each step" in found.remarks[0]


def test_a_projection_alone_is_no_decay_at_all() -> None:
    made = optax.chain(optax.rmsprop(LR), SETS["clipped"])
    params = {"kernel": jnp.ones((4, 4)), "bias": jnp.zeros(4)}
    assert not any(row.decays for row in coverage(params, made).rows)


def test_weights_that_are_normalized_have_no_decay_to_be_measured() -> None:
    made = optax.chain(optax.adamw(LR), project(lambda w: w / jnp.linalg.norm(w)))
    with pytest.raises(InputError, match="puts kernel where it does not depend on its size"):
        coverage({"kernel": jnp.arange(1.0, 5.0)}, made)
