"""What rounding leaves of a decay in the dtype of a tree, against steps of optax."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from tests.tolerances import CARRIED, KEPT, PARITY
from weightdecay.models.covering import coverage


def tree(dtype: str) -> dict[str, jax.Array]:
    return {"kernel": jnp.asarray(np.random.default_rng(0).normal(size=(64, 64)), dtype)}


def test_a_decay_that_gradients_carry_along_is_told_from_one_that_is_lost() -> None:
    """optax adds the decay to the gradient's share, and rounds their sum."""
    found = coverage(tree("float32"), optax.adamw(1e-4, weight_decay=1e-4))
    (row,) = found.rows
    assert (row.dtype, row.kept, row.decays) == ("float32", 0.0, False)
    assert row.carried == pytest.approx(1.0, abs=CARRIED)
    assert "is lost to rounding in float32: nothing decays in a step without" in found.problems[0]
    assert "carry 1" in found.problems[0]


@pytest.mark.parametrize(("product", "share"), [(1e-3, 0.0), (2.05e-3, 0.15), (3.95e-3, 1.42)])
def test_the_share_that_bfloat16_keeps(product: float, share: float) -> None:
    params = tree("bfloat16")
    made = optax.adamw(1e-2, weight_decay=product / 1e-2)
    updates, _ = made.update(jax.tree.map(jnp.zeros_like, params), made.init(params), params)
    after = optax.apply_updates(params, updates)["kernel"]
    before, after = (np.asarray(x).astype(np.float64) for x in (params["kernel"], after))
    lost = np.sum(before * (before - after)) / np.sum(np.square(before))
    row = coverage(params, made).rows[0]
    assert row.kept == pytest.approx(lost / product, abs=KEPT)
    assert row.kept == pytest.approx(share, abs=KEPT)
    assert row.dtype == "bfloat16"


def test_the_step_count_of_a_trained_state_stays() -> None:
    """A schedule's rate is that of now also where the memory is made anew."""
    params, rate = tree("float32"), optax.piecewise_constant_schedule(0.25, {2: 2.0**-10})
    made = optax.adamw(rate, weight_decay=2.0**-13)
    state = made.init(params)
    for _ in range(3):
        _, state = made.update(jax.tree.map(jnp.ones_like, params), state, params)
    assert coverage(params, made).rows[0].kept == pytest.approx(1.0, abs=KEPT)
    assert coverage(params, made, state=state).rows[0].lost


def test_complex_leaves_decay_in_both_parts() -> None:
    rng = np.random.default_rng(0)
    params = {"w": jnp.asarray(rng.normal(size=(3, 4)) + 1j * rng.normal(size=(3, 4)))}
    (row,) = coverage(params, optax.adamw(0.25, weight_decay=0.125), learning_rate=0.25).rows
    assert row.decay == pytest.approx(0.125, rel=PARITY["float32"])
    assert (row.dtype, row.frozen, row.decaying, row.agrees) == ("complex64", False, 12, True)
