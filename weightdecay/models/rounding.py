"""What rounding leaves of a decay in the dtype that is trained.

A weight of 8 bits (bfloat16) that should lose a thousandth of itself rounds to what it was. So a
real step is taken from the present values, in their own dtypes, and its odd part (see `measuring`)
held against that of the same step in float64:

    kept = Σ p (D(−p) − D(p)) in the own dtype / the same in float64

It is 0 where no element moves, and may be more than 1 where each that moves does so by a whole
spacing. The steps are those of a fresh optimizer where the decay is in proportion to the weights
and needs no memory, for rounding what memory adds would hide it.

An optimizer that adds the decay to the gradient's share before it rounds (optax, MXNet) rounds both
up or down together, and the decay comes through on average; one that applies it apart (torch's
AdamW, Keras) loses it whatever the gradient. Steps with random gradients part the two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol

import numpy as np

from weightdecay.errors import InputError
from weightdecay.models.reading import Gradients, NamedArrays, OwnStep, Stand
from weightdecay.ops import NumPyArray

SPACING = {"bfloat16": 2.0**-7, "float16": 2.0**-10, "float32": 2.0**-23, "float64": 2.0**-52}
"""Of the numbers of a dtype, relative to the largest of them that are smaller."""

DOUBT = 0.25
"""A share that is less certain than this is none."""

NOTICED = 0.05
"""Rounding that changes a decay by less than this share of it is not worth a word."""

STEPS, MANY = 16, 4096
"""So many steps with gradients, and four times as many below so many elements."""


SAME = 0.01
"""A decay that is less than this share of what it is elsewhere says nothing of rounding."""


class Meant(Protocol):
    """A decay as measured in float64; see `weightdecay.models.measuring.Decay`."""

    @property
    def shrink(self) -> float:
        """κ."""

    @property
    def uniform(self) -> bool:
        """Whether it is in proportion to the weights."""


Decays = Mapping[str, Meant]


class Kept(NamedTuple):
    """The dtype that is trained, the share of a decay that it keeps, and with gradients beside it.

    None is unknown; `carried` is asked only where the other share is not about 1.
    """

    dtype: str
    share: float | None
    carried: float | None = None

    @property
    def noticed(self) -> bool:
        """Whether rounding makes another decay of what is meant."""
        return self.share is not None and abs(self.share - 1.0) > NOTICED

    def beside(self, carried: float | None) -> Kept:
        """With what is left beside gradients; that alone where a step without makes no numbers.

        Adam's ε of 1e-8 is 0 in float16, and 0/0 what it divides.
        """
        if self.share is not None or carried is None:
            return self._replace(carried=carried)
        return Kept(self.dtype, 0.0 if abs(carried) < NOTICED else carried, carried)


class _Odd(NamedTuple):
    """Of one parameter, Σ p·odd in the own dtype and in float64, and what rounding blurs.

    `square` is what they are if a weight moves by all of itself.
    """

    dtype: str
    own: float
    wide: float
    blur: float
    still: bool
    square: float

    @property
    def share(self) -> float | None:
        """None where it drowns in the rounding of what else is added."""
        finite = np.isfinite([self.own, self.wide]).all() and self.wide != 0
        if not finite or (not self.still and self.blur > DOUBT * abs(self.wide)):
            return None
        return self.own / self.wide


def kept(stand: Stand, decays: Decays) -> dict[str, Kept]:
    """What is left of these decays."""
    proportional = {name: decay for name, decay in decays.items() if decay.uniform}
    try:
        found = dict(_shares(stand, proportional, fresh=True))
    except InputError:  # an optimizer that has memory outside of what is made anew
        found = {}
    rest = {n: d for n, d in decays.items() if n not in found or found[n].share is None}
    found |= dict(_shares(stand, rest, fresh=False))
    for dtype in {left.dtype for left in found.values()}:
        alike = [n for n in proportional if n in found and found[n].dtype == dtype]
        asked = [name for name in alike if found[name].noticed or found[name].share is None]
        carried = _carried(stand, asked)
        found |= {name: found[name].beside(carried) for name in asked}
    return found


def _shares(stand: Stand, decays: Decays, fresh: bool) -> Iterator[tuple[str, Kept]]:
    # Without memory and gradient there is nothing but the decay to be rounded.
    for name, odd in _odd_parts(stand, [*decays], fresh, ()):
        odd = odd._replace(blur=0.0) if fresh else odd
        here = abs(odd.wide) > SAME * abs(decays[name].shrink) * odd.square
        yield name, Kept(odd.dtype, odd.share if here else None)


def _carried(stand: Stand, names: list[str]) -> float | None:
    """The share that is left beside random gradients, of the size of the weights."""
    if not names:
        return None
    rng = np.random.default_rng(0)
    few = sum(int(np.prod(stand.held[name].shape)) for name in names) < MANY
    sizes = {name: held.rms or 1.0 for name, held in stand.held.items()}
    gradients = [
        {name: sizes[name] * rng.normal(size=held.shape) for name, held in stand.held.items()}
        for _ in range(4 * STEPS if few else STEPS)
    ]
    try:
        odds = [odd for _, odd in _odd_parts(stand, names, True, gradients) if odd.wide]
    except InputError:
        return None
    blurs = [len(gradients) ** 0.5 * odd.blur or 1.0 for odd in odds]  # as a random walk
    own = sum(odd.own * odd.wide / blur**2 for odd, blur in zip(odds, blurs, strict=True))
    wide = sum((odd.wide / blur) ** 2 for odd, blur in zip(odds, blurs, strict=True))
    return _Odd("", own, wide, wide**0.5, all(odd.still for odd in odds), 0.0).share


def _odd_parts(
    stand: Stand, names: list[str], fresh: bool, gradients: Gradients
) -> Iterator[tuple[str, _Odd]]:
    if not names:
        return
    values = _values(stand)
    mirrored = {name: -p for name, p in values.items()}
    up = stand.own(values, fresh=fresh, gradients=gradients)
    down = stand.own(mirrored, fresh=fresh, gradients=gradients)
    if up is None or down is None:
        return
    wide_up = stand.move(values, fresh=fresh, gradients=gradients)
    wide_down = stand.move(mirrored, fresh=fresh, gradients=gradients)
    for name in names:
        yield name, _odd(values[name], up[name], down[name], wide_down[name] - wide_up[name])


def _odd(p: NumPyArray, up: OwnStep, down: OwnStep, wide: NumPyArray) -> _Odd:
    with np.errstate(invalid="ignore"):  # some steps end in infinities
        moved = down.moved - up.moved
    told = np.isfinite(moved)
    moved, wide, p = moved[told], wide[told], p[told]
    own, meant = (float(np.sum(p * change)) for change in (moved, wide))
    blur = SPACING.get(up.dtype, 0.0) * float(np.sum(p**4)) ** 0.5
    square = 2 * float(np.sum(np.square(p)))
    return _Odd(up.dtype, own, meant, 2 * blur, not moved.any(), square)


def _values(stand: Stand) -> NamedArrays:
    """The present ones; what is 0 altogether, as biases are at first, is drawn."""
    rng = np.random.default_rng(0)
    values = stand.values()
    sizes = sorted(held.rms for held in stand.held.values() if held.rms)
    usual = sizes[len(sizes) // 2] if sizes else 1.0
    return {
        name: value if value.any() else usual * rng.normal(size=value.shape)
        for name, value in values.items()
    }
