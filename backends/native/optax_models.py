"""Reading trees of JAX arrays, and the optax transformation that trains them.

The functions are pure, so that there is nothing to copy: `update` is called with zero gradients and
other parameters, and what it returns is read without adding it to them, in the user's own dtype
(float32 where that is narrower); added, as training adds it, it shows what rounding leaves of it.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from functools import partial
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from weightdecay import validate
from weightdecay.errors import InputError
from weightdecay.models.patterns import listed
from weightdecay.models.reading import (
    Gradients,
    Held,
    ModelParameter,
    NamedArrays,
    Owner,
    OwnStep,
    Schedule,
    refuse_own_weights,
    root_mean_square,
)
from weightdecay.ops import NumPyArray

counting = importlib.import_module("weightdecay.backends.native.optax_counts")
trees = importlib.import_module("weightdecay.backends.native.optax_trees")
groups = importlib.import_module("weightdecay.backends.native.optax_masks").groups

LATER = 256
"""So many steps are taken to get past accumulated gradients or a learning rate of 0."""
SAME = 1e-4
"""Relative difference of two movements of one learning rate, in float32."""
PUSH = 1024.0
"""A gradient that an optimizer that moves a parameter at all would follow."""


def owns(model: object) -> bool:
    """Whether it is a tree with arrays among its leaves and not one array itself."""
    return bool(trees.has_arrays(model))


def parameters(model: Any) -> list[ModelParameter]:
    """Every array; a tree names no layers. Whole numbers are taken for frozen."""
    return [
        ModelParameter((Owner(name, ""),), tuple(leaf.shape), not trees.is_number(leaf))
        for name, leaf in trees.named(trees.of(model)).items()
    ]


def stand(model: Any, optimizer: Any, options: Mapping[str, Any]) -> OptaxStand:
    """The transformation, and the state from which every step starts."""
    tree, state, lr = trees.of(model), options.get("state"), options.get("learning_rate")
    for holder in (optimizer, model):  # nnx.Optimizer, Flax's TrainState
        if trees.holds_state(holder) and optimizer in (holder, holder.tx):
            optimizer, state = holder.tx, holder.opt_state if state is None else state
    state = trees.pure(state)
    if not all(callable(getattr(optimizer, name, None)) for name in ("init", "update")):
        raise InputError(
            f"the optimizer is a {type(optimizer).__name__}: give the "
            "optax.GradientTransformation that trains the tree, such as optax.adamw(1e-3)."
        )
    if any(isinstance(leaf, jax.ShapeDtypeStruct) for leaf in jax.tree_util.tree_leaves(tree)):
        raise InputError("the tree holds shapes without values: give the parameters themselves.")
    if lr is not None:
        lr = validate.number("learning_rate", lr, above=0)
    stand = OptaxStand(tree, optimizer, state, lr)
    if others := trees.left_out(model):
        found = f"no arrays of numbers, and left out: {listed(others)}."
        stand.remarks = (*stand.remarks, found)
    return stand


class OptaxStand:
    """A tree of parameters, in at least float32, and a state from which every step starts."""

    rounding_of_weights = 0.0  # movements are read as they are, not as differences of weights

    def __init__(self, tree: Any, optimizer: Any, state: Any, lr: float | None) -> None:
        self._update = _Step(optimizer.update)
        leaves = jax.tree_util.tree_leaves(tree)
        self._double = any(leaf.dtype in (np.float64, np.complex128) for leaf in leaves)
        with self._scope():
            self._tree, self._own_tree = trees.wide(tree), tree
            self._named = {n: x for n, x in trees.named(self._tree).items() if trees.is_number(x)}
            try:
                first = optimizer.init(tree)
                self._own_state = first if state is None else state
            except Exception as error:
                raise _refusal(error) from error
            for name in _states(self._own_state):
                refuse_own_weights(name)
            self._state, self._first = trees.wide(self._own_state), trees.wide(first)
            self.rounding = max(
                (float(jnp.finfo(leaf.dtype).eps) for leaf in self._named.values()), default=1.0
            )
            moving, later = self._get_moving()
            self.remarks = _said(later, self._period())
            self._settled = self._state
            self.schedules = [
                Schedule(count, partial(self._look_at, place), partial(self._set_to, place))
                for place, count in counting.counts(self._state).items()
            ]
        rate = lr if lr is not None else self._rate()
        own = trees.named(tree)
        self.held = {
            name: Held(
                value.shape,
                root_mean_square(value),
                rate,
                None,
                str(own[name].dtype),
                frozen=name not in moving,
                complex=bool(jnp.iscomplexobj(leaf)),
            )
            for name, leaf in self._named.items()
            for value in [trees.numpy(leaf)]
        }

    def _scope(self) -> AbstractContextManager[None]:
        """Float64 where the user's arrays are, for what runs inside."""
        scope: AbstractContextManager[None] = jax.enable_x64(self._double)
        return scope

    def values(self) -> dict[str, NumPyArray]:
        """The leaves' own."""
        return {name: trees.numpy(leaf) for name, leaf in self._named.items()}

    def move(
        self, weights: NamedArrays, *, fresh: bool = False, gradients: Gradients = ()
    ) -> dict[str, NumPyArray]:
        """The updates at these parameters."""
        with self._scope():
            state = self._forgetful() if fresh else self._state
            at = trees.filled(self._tree, weights)
            if not gradients:
                return self._step(at, trees.filled(self._tree, {}, 0.0), state)[0]
            return self._added(self._tree, weights, state, gradients)

    def own(
        self, weights: NamedArrays, *, fresh: bool, gradients: Gradients = ()
    ) -> dict[str, OwnStep]:
        """The same with parameters and state in their own dtypes, and added to them."""
        with self._scope():
            state = trees.like(self._forgetful() if fresh else self._state, self._own_state)
            moved = self._added(self._own_tree, weights, state, gradients)
            return {name: OwnStep(self.held[name].dtype, move) for name, move in moved.items()}

    def _added(
        self, tree: Any, weights: NamedArrays, state: Any, gradients: Gradients
    ) -> dict[str, NumPyArray]:
        """What is added to a tree of these weights by a step, or one with each of the gradients."""
        first = at = trees.filled(tree, weights)
        for gradient in gradients or [{}]:
            pushed = trees.filled(trees.filled(tree, {}, 0.0), gradient)
            updates, state = self._update(pushed, state, at)
            at = optax.apply_updates(at, updates)
        before, after = trees.named(first), trees.named(at)
        return {n: trees.numpy(after[n]) - trees.numpy(before[n]) for n in self._named}

    def _forgetful(self) -> Any:
        """The present state with the arrays of a first one: counts and rates are numbers."""
        return jax.tree_util.tree_map(
            lambda now, first: first if jnp.ndim(now) and trees.is_number(now) else now,
            self._state,
            self._first,
        )

    def _step(self, weights: Any, gradients: Any, state: Any) -> tuple[dict[str, NumPyArray], Any]:
        updates, state = self._update(gradients, state, weights)
        moved = trees.named(updates)
        return {name: trees.numpy(moved[name]) for name in self._named}, state

    def _get_moving(self) -> tuple[set[str], int]:
        """Names that react to their gradient, and how many steps it took until any did."""
        for later in range(LATER):
            moving, state = self._moving(self._state)
            if moving:
                return moving, later
            self._state = state
        raise InputError(
            "no parameter moves whatever its gradient: the learning rate seems to be 0 at this "
            "step; give the state of another."
        )

    def _moving(self, state: Any) -> tuple[set[str], Any]:
        """What reacts to its gradient in this step, and the state after one of zeros."""
        zeros, up, down = (trees.filled(self._tree, {}, push) for push in (0.0, PUSH, -PUSH))
        still, after = self._step(self._tree, zeros, state)
        # Both ways: only the size of a step, or its sign, may count, as decay has it already.
        pushed = [self._step(self._tree, push, state)[0] for push in (up, down)]
        return {
            n for n in self._named if any((still[n] != move[n]).any() for move in pushed)
        }, after

    def _period(self) -> int:
        """In how many calls anything is moved once; 1 where that does not come back twice."""
        state, moved_at = self._moving(self._state)[1], [0]
        for call in range(1, 2 * LATER):
            moving, state = self._moving(state)
            if moving:
                moved_at.append(call)
            if moving and (call == 1 or len(moved_at) == 3):
                break
            if call - moved_at[-1] == LATER:
                break
        gaps = {after - before for before, after in pairwise(moved_at)}
        return gaps.pop() if len(moved_at) == 3 and len(gaps) == 1 else 1

    def _look_at(self, place: int, count: int) -> None:
        self._state = counting.set_to(self._settled, place, count)

    def _set_to(self, place: int, count: int) -> None:
        """For good; a rate that hangs on the same count is told anew or not known."""
        before = self._push(self._settled)
        self._look_at(place, count)
        self._settled = self._state
        after, told = self._push(self._settled), self._rate()
        if any(not np.allclose(before[n], after[n], rtol=SAME, atol=0.0) for n in self._named):
            self.held = {name: held._replace(lr=told) for name, held in self.held.items()}

    def _push(self, state: Any) -> dict[str, NumPyArray]:
        """What a gradient moves, beside what a step without one does."""
        with self._scope():
            zeros, up = (trees.filled(self._tree, {}, push) for push in (0.0, PUSH))
            still = self._step(self._tree, zeros, state)[0]
            return {n: x - still[n] for n, x in self._step(self._tree, up, state)[0].items()}

    def _rate(self) -> float | None:
        """The one learning rate that `optax.inject_hyperparams` tells."""
        with self._scope():
            zeros = trees.filled(self._tree, {}, 0.0)
            state = self._step(self._tree, zeros, self._state)[1]
        rates = {float(rate) for rate in _told_rates(state)}
        return rates.pop() or None if len(rates) == 1 else None


def _said(later: int, period: int) -> tuple[str, ...]:
    if period > 1:
        return (
            f"the optimizer moves the parameters once in {period} calls, as where gradients are "
            f"accumulated: measured at the next call that does, {later + 1} from now.",
        )
    if later:
        return (f"the optimizer moves nothing in its next {later} step(s): measured after them.",)
    return ()


class _Step:
    """A step compiled, as training compiles it, or as it is where it cannot be."""

    def __init__(self, step: Any) -> None:
        self._step, self._compiled = step, jax.jit(step)

    def __call__(self, *arguments: Any) -> Any:
        try:
            try:
                return self._compiled(*arguments)
            except jax.errors.JAXTypeError:  # Python's own ifs, on numbers not known yet
                return self._step(*arguments)
        except Exception as error:
            raise _refusal(error) from error


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
