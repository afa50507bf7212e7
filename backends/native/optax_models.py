"""Reading trees of JAX arrays, and the optax transformation that trains them.

The functions are pure, so that there is nothing to copy: `update` is called with zero gradients and
other parameters, and what it returns is read without adding it to them, in the user's own dtype
(float32 where that is narrower).

A Flax model is its ``{"params": ...}`` or what is in it; other collections beside it are left out.
An nnx module is read as the tree that an ``nnx.Optimizer`` updates. Flax is not imported here: a
module of its exists only where it is imported already.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from weightdecay import validate
from weightdecay.errors import InputError, NoEquivalentError
from weightdecay.models.reading import (
    Held,
    ModelParameter,
    Owner,
    refuse_own_weights,
    root_mean_square,
    unique,
)
from weightdecay.ops import NumPyArray

LATER = 256
"""So many steps are taken to get past accumulated gradients or a learning rate of 0."""
PUSH = 1024.0
"""A gradient that an optimizer that moves a parameter at all would follow."""

_ARRAYS = (jax.Array, np.ndarray, jax.ShapeDtypeStruct)


def owns(model: object) -> bool:
    """Whether it is a tree, with arrays for leaves and not one array itself."""
    tree = _tree(model)
    leaves = jax.tree_util.tree_leaves(tree)
    return (
        bool(leaves) and leaves[0] is not tree and all(isinstance(leaf, _ARRAYS) for leaf in leaves)
    )


def _tree(model: Any) -> Any:
    """What the optimizer updates: an nnx module's parameters, the 'params' of Flax's variables."""
    nnx = sys.modules.get("flax.nnx")
    if nnx is not None and isinstance(model, nnx.Module):
        return _pure(nnx.state(model, nnx.Param))
    if isinstance(model, Mapping) and "params" in model and len(model) > 1:
        return model["params"]
    return model


def _pure(tree: Any) -> Any:
    """Arrays for nnx's variables."""
    nnx = sys.modules["flax.nnx"]
    return (nnx.as_pure if hasattr(nnx, "as_pure") else nnx.pure)(tree)


def _named(tree: Any) -> dict[str, Any]:
    """Leaves by the keys that lead to them, joined by dots, without a 'params' at the root."""
    paths = [
        jax.tree_util.keystr(path, simple=True, separator=".")
        for path, _ in jax.tree_util.tree_flatten_with_path(tree)[0]
    ]
    if all(path.startswith("params.") for path in paths):
        paths = [path.removeprefix("params.") for path in paths]
    return dict(zip(unique(paths), jax.tree_util.tree_leaves(tree), strict=True))


def parameters(model: Any) -> list[ModelParameter]:
    """Every leaf; a tree names no layers. Whole numbers are taken for frozen."""
    return [
        ModelParameter((Owner(name, ""),), tuple(leaf.shape), not _is_float(leaf))
        for name, leaf in _named(_tree(model)).items()
    ]


def stand(model: Any, optimizer: Any, options: Mapping[str, Any]) -> OptaxStand:
    """The transformation, and the state from which every step starts."""
    tree, state, lr = _tree(model), options.get("state"), options.get("learning_rate")
    if hasattr(optimizer, "tx") and hasattr(optimizer, "opt_state"):  # nnx.Optimizer
        state = _pure(optimizer.opt_state) if state is None else state
        optimizer = optimizer.tx
    if not all(callable(getattr(optimizer, name, None)) for name in ("init", "update")):
        raise InputError(
            f"the optimizer is a {type(optimizer).__name__}: give the "
            "optax.GradientTransformation that trains the tree, such as optax.adamw(1e-3)."
        )
    if any(isinstance(leaf, jax.ShapeDtypeStruct) for leaf in jax.tree_util.tree_leaves(tree)):
        raise InputError("the tree holds shapes without values: give the parameters themselves.")
    if lr is not None:
        lr = validate.number("learning_rate", lr, above=0)
    return OptaxStand(tree, optimizer, state, lr)


class OptaxStand:
    """A tree of parameters, in at least float32, and a state from which every step starts."""

    rounding_of_weights = 0.0  # movements are read as they are, not as differences of weights

    def __init__(self, tree: Any, optimizer: Any, state: Any, lr: float | None) -> None:
        self._update, self._compiled = optimizer.update, jax.jit(optimizer.update)
        self._double = any(leaf.dtype == np.float64 for leaf in _jax_leaves(tree))
        with self._scope():
            self._tree = _wide(tree)
            self._named = {n: x for n, x in _named(self._tree).items() if _is_float(x)}
            try:
                self._state = optimizer.init(tree) if state is None else state
            except Exception as error:
                raise _refusal(error) from error
            for name in _states(self._state):
                refuse_own_weights(name)
            self._state = _wide(self._state)
            self.rounding = max(
                (float(jnp.finfo(leaf.dtype).eps) for leaf in self._named.values()), default=1.0
            )
            moving, later = self._get_moving()
        self.remarks = (
            (f"the optimizer moves nothing in its next {later} step(s): measured after them.",)
            if later
            else ()
        )
        rate = lr if lr is not None else self._rate()
        self.held = {
            name: Held(leaf.shape, rms, rate, None, frozen=name not in moving)
            for name, leaf in self._named.items()
            for rms in [root_mean_square(np.asarray(leaf))]
        }

    def _scope(self) -> AbstractContextManager[None]:
        """Float64 where the user's arrays are, for what runs inside."""
        scope: AbstractContextManager[None] = jax.enable_x64(self._double)
        return scope

    def move(self, weights: Mapping[str, NumPyArray]) -> dict[str, NumPyArray]:
        """The update at these parameters and zero gradients."""
        with self._scope():
            return self._step(self._filled(weights), self._filled({}, 0.0))[0]

    def _filled(self, values: Mapping[str, NumPyArray], rest: float | None = None) -> Any:
        """The tree with other values, and another number or its own for what is not among them."""

        def leaf(name: str, own: Any) -> Any:
            if name in values:
                return jnp.asarray(values[name], own.dtype)
            return own if rest is None else jnp.full_like(own, rest)

        leaves = [leaf(name, own) for name, own in _named(self._tree).items()]
        return jax.tree_util.tree_unflatten(jax.tree_util.tree_structure(self._tree), leaves)

    def _step(self, weights: Any, gradients: Any) -> tuple[dict[str, NumPyArray], Any]:
        arguments = gradients, self._state, weights
        try:
            try:
                updates, state = self._compiled(*arguments)
            except jax.errors.JAXTypeError:  # Python's own ifs, on numbers not known yet
                updates, state = self._update(*arguments)
        except Exception as error:
            raise _refusal(error) from error
        moved = _named(updates)
        return {name: np.asarray(moved[name], np.float64) for name in self._named}, state

    def _get_moving(self) -> tuple[set[str], int]:
        """Names that react to their gradient, and how many steps it took until any did."""
        zeros, up, down = (self._filled({}, push) for push in (0.0, PUSH, -PUSH))
        for later in range(LATER):
            still, state = self._step(self._tree, zeros)
            # Both ways: only the size of a step, or its sign, may count, as decay has it already.
            pushed = [self._step(self._tree, gradients)[0] for gradients in (up, down)]
            moving = {n for n in self._named if any((still[n] != move[n]).any() for move in pushed)}
            if moving:
                return moving, later
            self._state = state
        raise InputError(
            "no parameter moves whatever its gradient: the learning rate seems to be 0 at this "
            "step; give the state of another."
        )

    def _rate(self) -> float | None:
        """The one learning rate that `optax.inject_hyperparams` tells."""
        with self._scope():
            state = self._step(self._tree, self._filled({}, 0.0))[1]
        rates = {float(rate) for rate in _told_rates(state)}
        return rates.pop() or None if len(rates) == 1 else None


def _told_rates(state: Any) -> Iterator[Any]:
    told = getattr(state, "hyperparams", None)
    if isinstance(told, Mapping) and "learning_rate" in told:
        yield told["learning_rate"]
    elif isinstance(state, tuple | list):
        for part in state:
            yield from _told_rates(part)


def _states(state: Any) -> Iterator[str]:
    """The class of every state in a state."""
    if isinstance(state, tuple | list):
        yield type(state).__name__
        for part in state:
            yield from _states(part)


def _refusal(error: Exception) -> InputError:
    first = (str(error).strip() or type(error).__name__).splitlines()[0]
    return InputError(
        f"the optimizer does not step with zero gradients of these parameters ({first}): give the "
        "tree that it was made for and, with `state`, its own state."
    )


def _is_float(leaf: Any) -> bool:
    return bool(jnp.issubdtype(leaf.dtype, jnp.floating))


def _jax_leaves(tree: Any) -> list[Any]:
    return [leaf for leaf in jax.tree_util.tree_leaves(tree) if isinstance(leaf, jax.Array)]


def _wide(tree: Any) -> Any:
    """JAX arrays, the floats among them of at least 32 bits."""

    def leaf(x: Any) -> Any:
        x = jnp.asarray(x)
        narrow = _is_float(x) and jnp.finfo(x.dtype).bits < 32
        return x.astype(jnp.float32) if narrow else x

    return jax.tree_util.tree_map(leaf, tree)


@dataclass(frozen=True, eq=False)
class OptaxDecay:
    """Masks for a tree of parameters, one a strength.

    Attributes
    ----------
    masks : dict of float to tree of bool
        λ > 0, and what decays with it.
    nothing : tree of bool
        False everywhere, the mask where nothing decays.
    """

    masks: dict[float, Any]
    nothing: Any

    @property
    def weight_decay(self) -> float:
        """The one λ, as an optimizer's `weight_decay`; raises NoEquivalentError for several."""
        return self._one()[0]

    @property
    def mask(self) -> Any:
        """What decays with it, as the optimizer's `mask`; raises NoEquivalentError for several."""
        return self._one()[1]

    def _one(self) -> tuple[float, Any]:
        if len(self.masks) > 1:
            wanted = " and ".join(f"{strength:g}" for strength in self.masks)
            raise NoEquivalentError(
                f"an optax optimizer has one weight_decay and mask, not {wanted}: put "
                "transformation() into a chain, as in optax.chain(optax.scale_by_adam(), "
                "decay.transformation(), optax.scale_by_learning_rate(lr))."
            )
        return next(iter(self.masks.items()), (0.0, self.nothing))

    def transformation(self) -> optax.GradientTransformation:
        """λw added to the updates, strength by strength.

        Before momentum or Adam's scaling it is coupled decay, after them decoupled; always before
        the learning rate.
        """
        links = [optax.add_decayed_weights(strength, mask) for strength, mask in self.masks.items()]
        return optax.chain(*links) if links else optax.identity()


def groups(model: Any, strengths: Mapping[str, float]) -> OptaxDecay:
    """Masks of the tree's own structure."""
    tree = _tree(model)
    names, structure = list(_named(tree)), jax.tree_util.tree_structure(tree)

    def mask(strength: float | None) -> Any:
        chosen = [strengths[name] == strength for name in names]
        return jax.tree_util.tree_unflatten(structure, chosen)

    positive = dict.fromkeys(strength for strength in strengths.values() if strength)
    return OptaxDecay({strength: mask(strength) for strength in positive}, mask(None))
