"""JAX: the mean of `l2_loss`, and weight decay chained before `sgd`, without a mask.

The book writes `optax.additive_weight_decay`; today's optax has the same transformation under the
name `add_decayed_weights` only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from weightdecay.ops import NumPyArray
from weightdecay.printed import PrintedProblem

PRINTED = "l2_loss().mean(); chain(additive_weight_decay(3), sgd(0.01))"
MEANT = "the same with a mask that leaves the bias out"


def train(problem: PrintedProblem) -> Iterator[tuple[NumPyArray, float]]:
    """Train as printed."""

    def loss(params: dict[str, Any], features: Any, labels: Any) -> Any:
        return optax.l2_loss(features @ params["kernel"] + params["bias"], labels).mean()

    optimizer = optax.chain(optax.add_decayed_weights(problem.weight_decay), optax.sgd(problem.lr))

    @jax.jit
    def update(params: Any, state: Any, features: Any, labels: Any) -> tuple[Any, Any]:
        gradients = jax.grad(loss)(params, features, labels)
        updates, state = optimizer.update(gradients, state, params)
        return optax.apply_updates(params, updates), state

    with jax.enable_x64(True):
        params = {"kernel": jnp.asarray(problem.w), "bias": jnp.asarray(problem.b)}
        state = optimizer.init(params)
    for rows in problem.batches:
        with jax.enable_x64(True):  # for this step only: a generator's caller has its own mode
            params, state = update(params, state, problem.X[rows], problem.y[rows])
        yield np.array(params["kernel"]), float(params["bias"])
