"""JAX by hand."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from problem import Floats, Problem, Training

matmul = partial(jnp.matmul, precision="highest")  # as the adapter: no TF32 on a GPU
IN_BOUNDS = "promise_in_bounds"


def plain(problem: Problem) -> Training:
    """A jitted step with optax, fed the rows of each minibatch from a Python loop."""
    step, optimizer, start = _optax(problem)
    X, y = jnp.asarray(problem.X), jnp.asarray(problem.y)
    batches = [jnp.asarray(rows) for rows in _batches(problem)]

    def run() -> tuple[Floats, float]:
        params, state = start, optimizer.init(start)
        for rows in batches:
            params, state = step(params, state, X[rows], y[rows])
        return np.asarray(params["w"]), float(params["b"])

    return run


def plain_indexed(problem: Problem) -> Training:
    """The same with the rows picked inside the jitted step: one dispatch instead of many."""
    step, optimizer, start = _optax(problem)
    X, y = jnp.asarray(problem.X), jnp.asarray(problem.y)
    batches = [jnp.asarray(rows) for rows in _batches(problem)]
    indexed = jax.jit(lambda params, state, rows: step(params, state, X[rows], y[rows]))

    def run() -> tuple[Floats, float]:
        params, state = start, optimizer.init(start)
        for rows in batches:
            params, state = indexed(params, state, rows)
        return np.asarray(params["w"]), float(params["b"])

    return run


def guide(problem: Problem) -> Training:
    """Minibatches handed out by NumPy, a jitted optax step for each, both losses every epoch."""
    step, optimizer, start = _optax(problem)
    loss = jax.jit(_loss)

    def run() -> tuple[Floats, float]:
        params, state = start, optimizer.init(start)
        for epoch in problem.rows:
            for rows in epoch:
                params, state = step(params, state, problem.X[rows], problem.y[rows])
            float(loss(params, problem.X, problem.y))
            float(loss(params, problem.X_val, problem.y_val))
        return np.asarray(params["w"]), float(params["b"])

    return run


def lean_pair(problem: Problem) -> Training:
    """One `jit` with `lax.scan` over the minibatches, w and b apart."""
    rate, keep = problem.lr / problem.rows.shape[-1], 1 - problem.lr * problem.lambd

    @jax.jit
    def train(w: Any, b: Any, X: Any, y: Any, rows: Any) -> Any:
        def step(params: Any, rows: Any) -> Any:
            w, b = params
            batch = X.at[rows].get(mode=IN_BOUNDS)
            r = matmul(batch, w) + b - y.at[rows].get(mode=IN_BOUNDS)
            return (keep * w - rate * matmul(r, batch), b - rate * r.sum()), None

        return jax.lax.scan(step, (w, b), rows)[0]

    host = (problem.w, np.float32(problem.b), problem.X, problem.y, _batches(problem))
    arguments = [jnp.asarray(x) for x in host]

    def run() -> tuple[Floats, float]:
        w, b = train(*arguments)
        return np.asarray(w), float(b)

    return run


def lean(problem: Problem) -> Training:
    """The bias is the last weight: one array in the loop, and one to fetch."""
    return _scan(problem, gather_first=False)


def lean_gathered(problem: Problem) -> Training:
    """The same, all minibatches gathered before the loop."""
    return _scan(problem, gather_first=True)


def _scan(problem: Problem, gather_first: bool) -> Training:
    k = problem.X.shape[1]
    rate = problem.lr / problem.rows.shape[-1]
    keep = np.full(k + 1, 1 - problem.lr * problem.lambd, np.float32)
    keep[k] = 1

    @jax.jit
    def train(u: Any, Z: Any, y: Any, rows: Any) -> Any:
        def pick(rows: Any) -> Any:
            return Z.at[rows].get(mode=IN_BOUNDS), y.at[rows].get(mode=IN_BOUNDS)

        def step(u: Any, x: Any) -> Any:
            batch, target = x if gather_first else pick(x)
            r = matmul(batch, u) - target
            return keep * u - rate * matmul(r, batch), None

        return jax.lax.scan(step, u, pick(rows) if gather_first else rows)[0]

    Z = np.column_stack([problem.X, np.ones_like(problem.y)])
    host = (np.append(problem.w, np.float32(problem.b)), Z, problem.y, _batches(problem))
    arguments = [jnp.asarray(x) for x in host]

    def run() -> tuple[Floats, float]:
        u = np.asarray(train(*arguments))
        return u[:k], u[k]

    return run


def _batches(problem: Problem) -> np.ndarray:
    return problem.rows.reshape(-1, problem.rows.shape[-1])


def _loss(params: Any, X: Any, y: Any) -> Any:
    return optax.l2_loss(matmul(X, params["w"]) + params["b"], y).mean()  # it has the half


def _optax(problem: Problem) -> tuple[Callable[..., Any], Any, Any]:
    optimizer = optax.chain(
        optax.add_decayed_weights(problem.lambd, mask={"w": True, "b": False}),
        optax.sgd(problem.lr),
    )

    @jax.jit
    def step(params: Any, state: Any, X: Any, y: Any) -> Any:
        gradient = jax.grad(_loss)(params, X, y)
        updates, state = optimizer.update(gradient, state, params)
        return optax.apply_updates(params, updates), state

    return step, optimizer, {"w": jnp.asarray(problem.w), "b": jnp.asarray(np.float32(problem.b))}


CONTESTANTS = {
    "plain": plain,
    "plain, rows picked in the step": plain_indexed,
    "guide": guide,
    "lean": lean,
    "lean, gathered first": lean_gathered,
    "lean, w and b apart": lean_pair,
}
