"""Trees of JAX arrays: what of a model an optimizer updates, under which names.

A Flax model is its ``{"params": ...}`` or what is in it; other collections beside it are left out.
A TrainState is its `params`. An nnx module, or a State of one, is read as the tree of arrays that
an ``nnx.Optimizer`` updates. Flax is not imported here: what is of its classes exists only where
it is imported already. Of a module that has functions and settings among its leaves, as those of
Equinox, the arrays of numbers that are not whole are taken, and None stands for the rest, as
``equinox.filter`` makes it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from weightdecay.models.reading import real_parts, unique
from weightdecay.ops import NumPyArray

_ARRAYS = (jax.Array, np.ndarray, jax.ShapeDtypeStruct)


def has_arrays(model: object) -> bool:
    """Whether it is a tree with arrays of numbers among its leaves, and not one array itself."""
    return not isinstance(model, _ARRAYS) and bool(jax.tree_util.tree_leaves(of(model)))


def of(model: Any) -> Any:
    """The arrays that an optimizer updates, in the structure that it knows them in."""
    tree = _without_others(_updated(model))
    return tree if not left_out(model) else _mapped(tree, is_number)


def left_out(model: Any) -> list[str]:
    """The names of what is among the leaves and no array of numbers."""
    return [name for name, leaf in named(_updated(model)).items() if not _is_array(leaf)]


def _updated(model: Any) -> Any:
    nnx = sys.modules.get("flax.nnx")
    if nnx is not None and isinstance(model, nnx.Module):
        return pure(nnx.state(model, nnx.Param))
    if holds_state(model) and hasattr(model, "params"):
        return model.params
    if isinstance(model, Mapping) and "params" in model and len(model) > 1:
        return model["params"]
    return pure(_trained(model))


def _trained(tree: Any) -> Any:
    """Of nnx's variables the parameters, where there are any: statistics and keys are none."""
    nnx = sys.modules.get("flax.nnx")
    if nnx is None or not isinstance(tree, nnx.State):
        return tree
    parameters = nnx.filter_state(tree, nnx.Param)
    return parameters if jax.tree_util.tree_leaves(parameters) else tree


def pure(tree: Any) -> Any:
    """Arrays for nnx's variables, where there are any."""
    nnx = sys.modules.get("flax.nnx")
    if nnx is None:
        return tree
    variables = jax.tree_util.tree_leaves(tree, is_leaf=lambda x: isinstance(x, nnx.Variable))
    if not any(isinstance(variable, nnx.Variable) for variable in variables):
        return tree
    return (nnx.as_pure if hasattr(nnx, "as_pure") else nnx.pure)(tree)


def holds_state(holder: Any) -> bool:
    """Whether it goes with an optimizer and its state: nnx.Optimizer, Flax's TrainState."""
    return hasattr(holder, "tx") and hasattr(holder, "opt_state")


def _without_others(tree: Any) -> Any:
    return _mapped(tree, _is_array)


def _mapped(tree: Any, kept: Any) -> Any:
    return jax.tree_util.tree_map(lambda leaf: leaf if kept(leaf) else None, tree)


def _is_array(leaf: Any) -> bool:
    return isinstance(leaf, _ARRAYS) and bool(
        jnp.issubdtype(leaf.dtype, np.number) or jnp.issubdtype(leaf.dtype, np.bool_)
    )


def is_number(leaf: Any) -> bool:
    """Whether an array's elements are real or complex numbers, not whole ones."""
    return bool(jnp.issubdtype(leaf.dtype, jnp.inexact))


def named(tree: Any) -> dict[str, Any]:
    """Leaves by the keys that lead to them, joined by dots, without a 'params' at the root."""
    paths = [
        jax.tree_util.keystr(path, simple=True, separator=".")
        for path, _ in jax.tree_util.tree_flatten_with_path(tree)[0]
    ]
    if all(path.startswith("params.") for path in paths):
        paths = [path.removeprefix("params.") for path in paths]
    return dict(zip(unique(paths), jax.tree_util.tree_leaves(tree), strict=True))


def filled(tree: Any, values: Mapping[str, NumPyArray], rest: float | None = None) -> Any:
    """The tree with other values, and another number or its own for what is not among them."""

    def leaf(name: str, own: Any) -> Any:
        if name in values:
            value = values[name]
            pairs = jnp.iscomplexobj(own)
            return jnp.asarray(value[..., 0] + 1j * value[..., 1] if pairs else value, own.dtype)
        return own if rest is None else jnp.full_like(own, rest)

    leaves = [leaf(name, own) for name, own in named(tree).items()]
    return jax.tree_util.tree_unflatten(jax.tree_util.tree_structure(tree), leaves)


def wide(tree: Any) -> Any:
    """JAX arrays, the floats among them of at least 32 bits."""

    def leaf(x: Any) -> Any:
        x = jnp.asarray(x)
        narrow = jnp.issubdtype(x.dtype, jnp.floating) and jnp.finfo(x.dtype).bits < 32
        return x.astype(jnp.float32) if narrow else x

    return jax.tree_util.tree_map(leaf, tree)


def like(tree: Any, other: Any) -> Any:
    """The tree in the dtypes of another one of its structure."""
    return jax.tree_util.tree_map(lambda x, own: x.astype(jnp.asarray(own).dtype), tree, other)


def numpy(leaf: Any) -> NumPyArray:
    """Its real numbers in float64."""
    array = np.asarray(leaf)
    return real_parts(array if np.iscomplexobj(array) else array.astype(np.float64))
