"""The audit on chains of one's own."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax
import pytest

from weightdecay.auditing.auditor import audit


def outside_the_clip(learning_rate: float, weight_decay: float) -> Any:
    return optax.chain(
        optax.clip_by_global_norm(1.0),
        optax.add_decayed_weights(weight_decay),
        optax.sgd(learning_rate, momentum=0.5),
    )


def inside_the_clip(learning_rate: float, weight_decay: float) -> Any:
    return optax.chain(
        optax.add_decayed_weights(weight_decay),
        optax.clip_by_global_norm(1.0),
        optax.sgd(learning_rate, momentum=0.5),
    )


def beside_the_momentum(learning_rate: float, weight_decay: float) -> Any:
    return optax.chain(
        optax.trace(0.5),
        optax.add_decayed_weights(weight_decay, mask=lambda p: jax.tree.map(jnp.ndim, p)),
        optax.scale_by_learning_rate(learning_rate),
    )


def without_the_rate(learning_rate: float, weight_decay: float) -> Any:
    return optax.chain(
        optax.sgd(learning_rate, momentum=0.5),
        optax.add_decayed_weights(-weight_decay),
    )


@pytest.mark.parametrize(
    ("factory", "expected"),
    [
        (outside_the_clip, {"verdict": "coupled", "inside_clipping": False}),
        (inside_the_clip, {"verdict": "coupled", "inside_clipping": True}),
        (beside_the_momentum, {"verdict": "decoupled", "inside_momentum": False}),
        (without_the_rate, {"verdict": "decoupled-lr-free", "times_learning_rate": False}),
    ],
)
def test_chains(factory: Any, expected: dict[str, Any]) -> None:
    report = audit(factory)
    assert report.backend == "jax"
    assert {name: getattr(report, name) for name in expected} == expected
    assert report.factor == 1


def test_heavy_ball_with_decoupled_decay_settles_elsewhere() -> None:
    assert audit(beside_the_momentum).effective_lambda == pytest.approx(0.5)


def test_the_precision_of_the_session_is_left_alone() -> None:
    audit(optax.adamw)
    assert jnp.zeros(()).dtype == jnp.float32
