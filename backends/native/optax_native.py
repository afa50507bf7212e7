"""Native JAX: jax.grad for the gradient, optax for the update, the step under jax.jit.

An optax optimizer is a chain, and λ₂w joins it as a link of its own, masked to the weights: before
the momentum or Adam's scaling it is coupled decay, after them decoupled decay, as in optax.adamw.
λ₁ is a term of the loss, written w·sign(w): JAX's derivative of |w| is 1 at w = 0, not sign(0) = 0.
Float64 is switched on around each epoch alone, never for the caller's own code.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from weightdecay.native import NativeEpoch, NativeProblem
from weightdecay.ops import NumPyArray


def refusal(problem: NativeProblem) -> str | None:
    """No proximal update; the rest optax has."""
    if problem.experiment.l1_update == "proximal" and (problem.l1.any() or problem.l1_bias):
        return "optax has no proximal L1 update: l1_update = 'subgradient' would be exact."
    return None


def train(problem: NativeProblem) -> Iterator[NativeEpoch]:
    """One compiled step a batch; a short last batch compiles a second one, another λ none."""
    rule = _Rule(**{name: getattr(problem.experiment, name) for name in _Rule._fields})
    measure = jax.jit(_loss)

    def array(x: NumPyArray | float) -> jax.Array:
        return jnp.asarray(x, problem.dtype)

    def data(X: NumPyArray, y: NumPyArray, weight: NumPyArray | None) -> tuple[jax.Array, ...]:
        return array(X), array(y), array(np.ones(len(y)) if weight is None else weight)

    with _scope(problem):
        params = {"w": array(problem.w), "b": array(problem.b)}
        l1 = {"w": array(problem.l1), "b": array(problem.l1_bias)}
        l2 = {"w": array(problem.l2), "b": array(problem.l2_bias)}
        state = _optimizer(rule, l2).init(params)
        training = data(problem.X_train, problem.y_train, problem.weight_train)
        validation = data(problem.X_val, problem.y_val, problem.weight_val)

    for epoch in problem.epochs:
        steps = []
        with _scope(problem):  # left before the yield, so that the caller never sees it
            for rows in epoch:
                params, state = _step(rule, l1, l2, params, state, rows, training)
                if problem.record:
                    steps.append(_to_numpy(params))
            losses = float(measure(params, *training)), float(measure(params, *validation))
        yield NativeEpoch(*_to_numpy(params), *losses, steps)


class _Rule(NamedTuple):
    """The settings that are compiled into a step."""

    optimizer: str
    decay: str
    lr: float
    momentum: float
    betas: tuple[float, float]
    eps: float


@contextmanager
def _scope(problem: NativeProblem) -> Iterator[None]:
    """The problem's precision and device, for what runs inside."""
    device = jax.devices(problem.device)[0]
    with jax.enable_x64(problem.dtype == "float64"), jax.default_device(device):
        yield


def _optimizer(rule: _Rule, l2: Any) -> Any:
    directions = {
        "sgd": optax.identity(),
        "momentum": optax.trace(rule.momentum),
        "nesterov": optax.trace(rule.momentum, nesterov=True),
        "adam": optax.scale_by_adam(*rule.betas, eps=rule.eps),
    }
    direction = directions[rule.optimizer]
    decay = optax.chain(
        optax.add_decayed_weights(l2["w"], mask={"w": True, "b": False}),
        optax.add_decayed_weights(l2["b"], mask={"w": False, "b": True}),
    )
    links = (decay, direction) if rule.decay == "coupled" else (direction, decay)
    return optax.chain(*links, optax.scale_by_learning_rate(rule.lr))


def _loss(params: Any, X: Any, y: Any, s: Any) -> Any:
    return jnp.mean(s * optax.l2_loss(X @ params["w"] + params["b"], y))  # l2_loss has the half


def _objective(params: Any, l1: Any, *batch: Any) -> Any:
    """The data term and λ₁ ‖w‖₁; λ₂ is the optimizer's."""
    terms = jax.tree.map(lambda strength, p: jnp.sum(strength * p * jnp.sign(p)), l1, params)
    return _loss(params, *batch) + terms["w"] + terms["b"]


@partial(jax.jit, static_argnums=0)
def _step(rule: _Rule, l1: Any, l2: Any, params: Any, state: Any, rows: Any, data: Any) -> Any:
    gradient = jax.grad(_objective)(params, l1, *(part[rows] for part in data))
    updates, state = _optimizer(rule, l2).update(gradient, state, params)
    return optax.apply_updates(params, updates), state


def _to_numpy(params: Any) -> tuple[NumPyArray, NumPyArray]:
    return np.array(params["w"]), np.array(params["b"])
