"""JAX arrays that optax steps with given gradients; see `weightdecay.translation.staging`.

Float64 is switched on around each call alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from weightdecay.ops import NumPyArray


def not_bias(params: Any) -> Any:
    """The mask of a text that leaves out the bias."""
    return {name: name != "bias" for name in params}


class Rehearsal:
    """The parameters, an optimizer and its state, and perhaps a penalty in the loss."""

    methods = ()

    def __init__(self, initial: Mapping[str, NumPyArray], dtype: str) -> None:
        self._double, self._dtype = dtype == "float64", dtype
        self.names = {"optax": optax, "jax": jax, "jnp": jnp}
        self.known = {"not_bias": not_bias}
        with jax.enable_x64(self._double):
            self._params = {name: jnp.asarray(v, dtype) for name, v in initial.items()}

    def begin(self, made: Mapping[str, Any]) -> None:
        """Take the optimizer and the penalty, and compile their step."""
        optimizer, penalty = made["optimizer"], made.get("penalty")

        def step(params: Any, state: Any, gradients: Any) -> Any:
            if penalty is not None:
                gradients = jax.tree.map(jnp.add, gradients, jax.grad(penalty)(params))
            updates, state = optimizer.update(gradients, state, params)
            return optax.apply_updates(params, updates), state

        with jax.enable_x64(self._double):
            self._step = jax.jit(step)
            self._state = optimizer.init(self._params)

    def step(self, gradients: Mapping[str, NumPyArray]) -> None:
        """One compiled step."""
        with jax.enable_x64(self._double):
            given = {name: jnp.asarray(g, self._dtype) for name, g in gradients.items()}
            self._params, self._state = self._step(self._params, self._state, given)

    def read(self) -> dict[str, NumPyArray]:
        """Copies of the parameters."""
        return {name: np.array(value) for name, value in self._params.items()}
