"""Which settings of a factory are the decay, the learning rate and so on, told by their names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from inspect import Parameter
from typing import Any

from weightdecay.errors import InputError, UnknownNameError

LEARNING_RATE = ("lr", "learning_rate")
DECAY = re.compile(
    r"(?:\w+_)?weight_decay(?:_rate)?|wd|wd_lh|l[12]|l[12]_\w*strength|lambd|lambda_?|lamb?da_?[12]"
)
REGULARIZER = re.compile(r"factor")
CLIP = {
    "clipvalue": "value",
    "clip_gradient": "value",
    "clipnorm": "norm",
    "global_clipnorm": "all",
}
"""Settings that clip the gradient: each entry, each tensor's norm, the norm of all tensors."""


@dataclass(frozen=True)
class Knobs:
    """The settings that an audit turns.

    Attributes
    ----------
    decay : str or None
        The setting under audit; None where the factory has none.
    without : any
        Its value for the twin: None where that is the default, else 0.
    others : tuple of str
        Further decay settings, which are held at nothing.
    lr : str or None
        The learning rate.
    clip : tuple of str
        Those of `CLIP` that there are.
    has_momentum : bool
        Whether there is a momentum that can be switched on.
    has_maximize : bool
        Whether the sign of the gradient can be turned.
    """

    decay: str | None
    without: float | None
    others: dict[str, float | None]
    lr: str | None
    clip: tuple[str, ...]
    has_momentum: bool
    has_maximize: bool


def decay_settings(factory: str, options: Mapping[str, Any]) -> list[str]:
    """Settings whose name and default are those of a weight decay or a regularisation strength."""
    named = [name for name in options if DECAY.fullmatch(name) and _is_strength(options[name])]
    if not named and "regularizer" in factory.lower():  # whose only number has a plain name
        named = [name for name in options if REGULARIZER.fullmatch(name)]
    return named


def _is_strength(default: object) -> bool:
    if default is None or default is Parameter.empty:
        return True
    return isinstance(default, int | float) and not isinstance(default, bool)


def find_knobs(
    factory: str, options: Mapping[str, Any], given: Mapping[str, Any], wanted: str | None
) -> Knobs:
    """The settings of a factory with these options, of which the user has set some.

    Raises
    ------
    UnknownNameError
        A setting that the factory has not.
    InputError
        Several decay settings are set and none is named.
    """
    for name in (*given, *([wanted] if wanted else [])):
        if name not in options:
            raise UnknownNameError("setting", name, options)
    candidates = decay_settings(factory, options)
    decay = wanted or _choose(candidates, given)
    return Knobs(
        decay=decay,
        without=_nothing(options, decay),
        others={
            name: _nothing(options, name)
            for name in candidates
            if name != decay and name not in given
        },
        lr=next((name for name in LEARNING_RATE if name in options), None),
        clip=tuple(name for name in CLIP if name in options),
        has_momentum=options.get("momentum", None) == 0 and "momentum" not in given,
        has_maximize=options.get("maximize", None) is False,
    )


def _choose(candidates: list[str], given: Mapping[str, Any]) -> str | None:
    chosen = [name for name in candidates if name in given]
    if len(chosen) > 1:
        raise InputError(
            f"{' and '.join(chosen)} are both set: say which one to audit with knob="
            f"{chosen[0]!r} (--knob {chosen[0]})."
        )
    if chosen:
        return chosen[0]
    preferred = [name for name in ("weight_decay", "wd") if name in candidates]
    return next(iter(preferred + candidates), None)


def _nothing(options: Mapping[str, Any], name: str | None) -> float | None:
    return None if name is not None and options[name] is None else 0.0
