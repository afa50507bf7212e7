"""The counts in an optax state: whole numbers on which schedules hang."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

MOMENTS = ("mu", "nu")
"""A count beside these is that of their bias correction, on which no schedule hangs."""


def counts(state: Any) -> dict[int, int]:
    """What every count is at, by its place among the state's leaves."""
    leaves = jax.tree_util.tree_flatten_with_path(state)[0]
    corrected = {
        path[:depth]
        for path, _ in leaves
        for depth, key in enumerate(path)
        if getattr(key, "name", None) in MOMENTS
    }
    return {
        place: int(leaf)
        for place, (path, leaf) in enumerate(leaves)
        if _is_count(leaf) and path[:-1] not in corrected
    }


def set_to(state: Any, place: int, count: int) -> Any:
    """The state with another count at this place."""
    leaves, structure = jax.tree_util.tree_flatten(state)
    leaves[place] = jnp.full_like(leaves[place], count)
    return jax.tree_util.tree_unflatten(structure, leaves)


def _is_count(leaf: Any) -> bool:
    return jnp.ndim(leaf) == 0 and bool(jnp.issubdtype(jnp.asarray(leaf).dtype, jnp.integer))
