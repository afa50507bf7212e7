"""Decays that come later, or once in so many calls: schedules of λ and accumulated gradients."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import optax
import pytest

from tests.tolerances import PARITY
from weightdecay.models.covering import coverage

LR, LAMBDA = 0.25, 0.125


def late(count: Any) -> Any:
    """0 in the first ten steps."""
    return jnp.where(count < 10, 0.0, LAMBDA)


MASK = {"kernel": True, "bias": False}
PARAMS = {"kernel": jnp.ones((4, 4)), "bias": jnp.zeros(4)}
SCHEDULED = {
    "adamw": optax.adamw(LR, weight_decay=late, mask=MASK),
    "sgd": optax.chain(optax.add_decayed_weights(late, MASK), optax.sgd(LR)),
    "told": optax.inject_hyperparams(optax.adamw, static_args="mask")(
        LR, weight_decay=late, mask=MASK
    ),
    "accumulated": optax.MultiSteps(optax.adamw(LR, weight_decay=late, mask=MASK), 3),
}


@pytest.mark.parametrize("name", SCHEDULED)
def test_a_decay_that_a_schedule_holds_at_zero_decays_later(name: str) -> None:
    found = coverage(PARAMS, SCHEDULED[name], learning_rate=LR)
    rows = {row.name: row for row in found.rows}
    assert found.agrees
    assert rows["kernel"].decay == pytest.approx(LAMBDA, rel=PARITY["float32"])
    assert not rows["bias"].decays
    said = "holds the decay of kernel at 0 now: decays later, from count 10 on; measured at"
    assert said in found.remarks[-1]


def test_a_ramp_is_measured_where_it_is_largest_and_a_schedule_of_nothing_stays_nothing() -> None:
    ramp = optax.linear_schedule(0.0, LAMBDA, 1000)
    found = coverage(PARAMS, optax.adamw(LR, weight_decay=ramp, mask=MASK), learning_rate=LR)
    assert found.agrees
    assert "from count 1 on; measured at count 1024" in found.remarks[-1]
    decay = {row.name: row.decay for row in found.rows}
    assert decay["kernel"] == pytest.approx(LAMBDA, rel=PARITY["float32"])
    never = coverage(PARAMS, optax.adamw(LR, weight_decay=lambda count: 0.0 * count))
    assert never.problems == ("nothing decays of what usually does: kernel.",)


def test_a_rate_on_the_count_of_the_decay_is_not_taken_for_that_of_now() -> None:
    def update(gradients: Any, count: Any, params: Any) -> Any:
        rate = LR / (1 + count)
        moved = {n: -rate * (g + late(count) * params[n]) for n, g in gradients.items()}
        return moved, count + 1

    made = optax.GradientTransformation(lambda _: jnp.zeros((), jnp.int32), update)
    rows = {row.name: row for row in coverage(PARAMS, made, learning_rate=LR).rows}
    assert rows["kernel"].decays
    assert (rows["kernel"].lr, rows["kernel"].decay) == (None, None)


@pytest.mark.parametrize("calls", [0, 1, 3])
def test_accumulated_gradients_move_once_in_so_many_calls(calls: int) -> None:
    many = optax.MultiSteps(optax.adamw(LR, weight_decay=LAMBDA, mask=MASK), 4)
    state = many.init(PARAMS)
    for _ in range(calls):
        _, state = many.update(PARAMS, state, PARAMS)
    found = coverage(PARAMS, many, state=state, learning_rate=LR)
    assert found.agrees
    assert "once in 4 calls, as where gradients are accumulated" in found.remarks[0]
    assert f"{4 - calls} from now" in found.remarks[0]
