"""Layer-specific decay in the framework's own structure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weightdecay.models.finding import reader_of
from weightdecay.models.patterns import assign


def decay_groups(model: Any, patterns: Mapping[str, float]) -> Any:
    """What makes every parameter of a model decay with a strength of its own.

    Parameters
    ----------
    model : torch.nn.Module, Keras model or layer, Gluon block, or tree of JAX arrays
        Its parameters have dotted names everywhere: ``encoder.0.weight``.
    patterns : mapping of str to float
        Shell-style, case-sensitive patterns and their λ, as in ``{"*.bias": 0, "norm*": 0, "*":
        1e-2}``; the first that matches a name wins. ``*.`` at the front matches at any depth, the
        root included.

    Returns
    -------
    list of dict
        torch: parameter groups, for ``torch.optim.AdamW(groups, lr=...)``.
    KerasDecay
        Keras: ``decay.apply(optimizer)`` sets its `weight_decay` and what is excluded from it.
    OptaxDecay
        optax: ``optax.adamw(lr, weight_decay=decay.weight_decay, mask=decay.mask)``, or
        ``decay.transformation()`` as a link of a chain, for several strengths.
    GluonDecay
        Gluon: ``decay.apply(net)`` sets each `wd_mult`, and ``{"wd": decay.wd}`` goes to the
        Trainer.

    Raises
    ------
    InputError
        A pattern matches nothing or comes too late, a parameter is matched by none, or a strength
        is negative or not finite.
    NoEquivalentError
        The framework has no such structure (Keras, with several strengths above 0).
    """
    reader = reader_of(model)
    parameters = reader.parameters(model)
    aliases = {owner.name: p.name for p in parameters for owner in p.owners[1:]}
    return reader.groups(model, assign([p.name for p in parameters], patterns, aliases))
