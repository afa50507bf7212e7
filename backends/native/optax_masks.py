"""Masks for a tree of JAX arrays, as optax takes them, from a strength for every leaf."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import optax

from weightdecay.errors import NoEquivalentError

trees = importlib.import_module("weightdecay.backends.native.optax_trees")


@dataclass(frozen=True, eq=False)
class OptaxDecay:
    """Masks for a tree of parameters, one a strength.

    Attributes
    ----------
    masks : dict of float to tree of bool
        λ > 0, and what decays with it.
    nothing : tree of bool
        False everywhere, the mask where nothing decays.

    A mask of a tree that can be called, as modules can, is a function that returns it.
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
    tree = trees.of(model)
    names, structure = list(trees.named(tree)), jax.tree_util.tree_structure(tree)

    def mask(strength: float | None) -> Any:
        chosen = [strengths[name] == strength for name in names]
        made = jax.tree_util.tree_unflatten(structure, chosen)
        # optax calls a mask that can be called, which a module of weights often can.
        return (lambda _: made) if callable(made) else made

    positive = dict.fromkeys(strength for strength in strengths.values() if strength)
    return OptaxDecay({strength: mask(strength) for strength in positive}, mask(None))
