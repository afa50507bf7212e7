"""The decay of every parameter, from what steps with a zero data gradient do at mirrored weights.

With no gradient from the data, a step moves the weights p by

    D(p) = −κp + m

where κ is the decay and m what the optimizer remembers, which does not depend on p, or only on the
size of p (trust ratios, relative step sizes). So the odd part

    ½ (D(p) − D(−p)) = −κp

is the decay alone, whatever the optimizer has been through. κ is 1 − w′/w of a step, without the
memory's share; κ/η is a λ. The probes p are not the model's weights, which may be 0, but of their
size; their magnitudes differ from element to element, and another pair is a million times as large,
so that a decay that goes through an optimizer's own scaling (coupled Adam moves every weight by
about η) is not taken for one in proportion to the weights.

Two things have an odd part and are no decay. What turns the weights (an orthogonal regularizer)
pushes some elements towards 0 and others away from it. What projects them (clipping, non-negative
weights) puts even the largest back into a set: inside of it, there is the decay alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from weightdecay.errors import InputError
from weightdecay.models.reading import Stand
from weightdecay.models.rounding import Kept, kept
from weightdecay.ops import NumPyArray

LARGE = 2.0**20
INSIDE = 2.0**-10
STUCK = 1e-3
"""Of weights that large, a projection leaves less than this share."""

ALIGNED = 0.5
"""A movement that pushes some elements out and has a smaller cosine with −p only turns them."""

PROPORTIONAL = 1e-5
"""Largest relative difference between the elements of a decay that is called one number."""

ROUNDINGS = 32
"""A movement within so many roundings is none."""

SINGLE = float(np.finfo(np.float32).eps)
"""What float32 adds to that, once: a small decay is not much larger."""


class Decay(NamedTuple):
    """What a step with a zero gradient does to one parameter.

    `shrink` is κ by least squares over the elements, at weights of the parameter's size; `decaying`
    how many elements decay; `uniform` whether one κ is that of every element at every size. `dtype`
    is that in which training moves them, `kept` the share of the decay that rounding leaves there,
    `carried` the share beside gradients; None where nothing decays, or nobody can say. `turned` is
    what is moved across the weights as well, `projected` what is put back into a set.
    """

    shrink: float
    decaying: int
    uniform: bool
    dtype: str = ""
    kept: float | None = None
    carried: float | None = None
    turned: bool = False
    projected: bool = False


def measure(stand: Stand) -> dict[str, Decay]:
    """The decay of every parameter that the optimizer holds.

    Raises
    ------
    InputError
        A step gives numbers that are not finite, or forgets the weights altogether.
    """
    large = {name: _far(odd) for name, odd in _odd_parts(stand, LARGE)}
    found = {name: _decay(odd, large[name]) for name, odd in _odd_parts(stand, 1.0)}
    forgotten = [n for n, d in found.items() if d.uniform and abs(d.shrink - 1.0) < PROPORTIONAL]
    if forgotten:
        raise InputError(
            f"a step with a zero gradient leaves nothing of {forgotten[0]}: this optimizer keeps "
            "the weights in its own memory, and its decay cannot be told from a step."
        )
    found |= _inside(stand, {name: large[name] for name in found if large[name].is_stuck})
    known = {n: d for n, d in found.items() if d.decaying and d.shrink and not d.projected}
    left = kept(stand, known)
    return {name: _rounded(found[name], left.get(name)) for name in stand.held}


def decays_at(stand: Stand, names: Sequence[str]) -> dict[str, float]:
    """The shrinkage of those of the names that decay, at weights so large that nothing hides it."""
    odds = _odd_parts(stand, LARGE)
    return {n: odd.mean() for n, odd in odds if n in names and odd.decaying().any()}


def _rounded(decay: Decay, left: Kept | None) -> Decay:
    return (
        decay
        if left is None
        else decay._replace(dtype=left.dtype, kept=left.share, carried=left.carried)
    )


def _probes(stand: Stand, size: float) -> dict[str, NumPyArray]:
    """Weights of alternating sign, within a factor of two of `size` times the model's."""
    scales = {name: _power_of_two(held.rms) for name, held in stand.held.items()}
    known = sorted(scale for scale in scales.values() if scale)
    usual = known[len(known) // 2] if known else 1.0
    return {
        name: size * (scales[name] or usual) * np.resize(_PATTERN, held.shape)
        for name, held in stand.held.items()
    }


_PATTERN = np.array([(-1.0) ** i * (1 + i % 7 / 8) for i in range(14)])
"""1, −9/8, 10/8, … 14/8, −1, …: few bits, so that no dtype rounds them."""


def _power_of_two(rms: float) -> float:
    """The nearest; 0 where there is none."""
    return 2.0 ** round(math.log2(rms)) if 0 < rms < math.inf else 0.0


class _Odd(NamedTuple):
    """The odd part of a movement divided by −p, its uncertainty, and where p and −p come to 0."""

    p: NumPyArray
    kappa: NumPyArray
    doubt: NumPyArray
    stuck: tuple[NumPyArray, ...]
    complex: bool

    def mean(self) -> float:
        """κ by least squares."""
        square = np.square(self.p)
        return float(np.sum(self.kappa * square) / np.sum(square)) if square.size else 0.0

    def decaying(self) -> NumPyArray:
        """Which elements are moved, by either part where they are complex."""
        moved: NumPyArray = np.abs(self.kappa) > self.doubt
        return np.asarray(moved.any(axis=-1)) if self.complex else moved

    def is_mixed(self) -> bool:
        """Whether some elements are pulled to 0 and others pushed from it."""
        return bool((self.kappa > self.doubt).any() and (self.kappa < -self.doubt).any())

    def cosine(self) -> float:
        """Between the movement and −p."""
        length = float(np.linalg.norm(self.kappa * self.p))
        return self.mean() * float(np.linalg.norm(self.p)) / length if length else 0.0

    def is_all(self, kappa: float) -> bool:
        """Whether every element has this κ."""
        allowed = PROPORTIONAL * abs(kappa) + self.doubt
        return bool((np.abs(self.kappa - kappa) <= allowed).all())


def _odd_parts(stand: Stand, size: float) -> Iterator[tuple[str, _Odd]]:
    """Parameter by parameter, for the arrays of a large model are not all needed at once."""
    weights = _probes(stand, size)
    plus = stand.move(weights)
    minus = stand.move({name: -p for name, p in weights.items()})
    for name in list(weights):
        p, up, down = weights.pop(name), plus.pop(name), minus.pop(name)
        kappa = (down - up) / (2 * p)
        if not np.isfinite(kappa).all():
            raise InputError(
                f"a step with a zero gradient makes {name} other than finite: train a step first, "
                "or look for what is not finite in the optimizer's memory."
            )
        moved = (np.abs(up) + np.abs(down)) / np.abs(p)
        doubt = ROUNDINGS * (stand.rounding * moved + stand.rounding_of_weights)
        if stand.rounding_of_weights and _is_single(p + up) and _is_single(down - p):
            doubt = doubt + SINGLE  # an optimizer that computes in float32 whatever its weights
        stuck = tuple(np.abs(after) <= STUCK * np.abs(p) for after in (p + up, down - p))
        yield name, _Odd(p, kappa, doubt, stuck, stand.held[name].complex)


def _is_single(value: NumPyArray) -> bool:
    with np.errstate(over="ignore"):
        return bool((value.astype(np.float32) == value).all())


class _Far(NamedTuple):
    """What is left to know of large weights."""

    kappa: float
    uniform: bool
    decaying: NumPyArray
    cosine: float
    stuck: tuple[NumPyArray, ...]

    @property
    def is_stuck(self) -> bool:
        """Whether a step leaves nothing of some."""
        return any(bool(side.any()) for side in self.stuck)


def _far(odd: _Odd) -> _Far:
    kappa = odd.mean()
    return _Far(kappa, odd.is_all(kappa), odd.decaying(), odd.cosine(), odd.stuck)


def _decay(odd: _Odd, far: _Far) -> Decay:
    across = odd.is_mixed() and min(abs(odd.cosine()), abs(far.cosine)) < ALIGNED
    to_a_size = odd.decaying().any() and far.decaying.any() and odd.mean() * far.kappa < 0
    if across:
        return _turned(far)
    if to_a_size:
        return Decay(0.0, 0, True, turned=True)
    decaying = odd.decaying() | far.decaying
    if not decaying.any():
        return Decay(0.0, 0, True)
    count = int(decaying.sum())
    if far.uniform and odd.is_all(far.kappa):
        return Decay(far.kappa, count, True)  # told best where the memory's share is smallest
    kappa = odd.mean()
    return Decay(kappa if abs(kappa) > odd.doubt.max() else 0.0, count, False)


def _turned(far: _Far) -> Decay:
    """The decay of weights so large that what turns them does not show beside them."""
    if far.uniform and far.decaying.any():
        return Decay(far.kappa, int(far.decaying.sum()), False, turned=True)
    return Decay(0.0, 0, True, turned=True)


def _inside(stand: Stand, outside: Mapping[str, _Far]) -> dict[str, Decay]:
    """The decay of what is projected, from steps of a fresh optimizer where nothing is stuck.

    That is the other side of 0 where one side is, and near 0 where both are.
    """
    if not outside:
        return {}
    at = _probes(stand, 1.0)
    for name, far in outside.items():
        up, down = far.stuck
        sides = np.where(up & ~down, -np.sign(at[name]), np.sign(at[name]))
        at[name] = sides * np.abs(at[name]) * np.where(up & down, INSIDE, 1.0)
    half = {name: at[name] / 2 if name in outside else at[name] for name in at}
    moves = stand.move(at, fresh=True), stand.move(half, fresh=True)
    return {name: _between(stand, name, (at[name], half[name]), moves) for name in outside}


def _between(
    stand: Stand,
    name: str,
    weights: tuple[NumPyArray, NumPyArray],
    moves: tuple[Mapping[str, NumPyArray], ...],
) -> Decay:
    p, half = weights
    first, second = moves[0][name], moves[1][name]
    if (np.abs((p + first) - (half + second)) <= STUCK * np.abs(p)).any():
        raise InputError(
            f"a step puts {name} where it does not depend on its size, normalized or kept in the "
            "optimizer's own memory: its decay cannot be told from that."
        )
    doubt = ROUNDINGS * (stand.rounding + stand.rounding_of_weights) * np.ones_like(p)
    odds = [
        _Odd(q, -move / q, doubt, (), stand.held[name].complex)
        for q, move in ((p, first), (half, second))
    ]
    count = int(odds[0].decaying().sum())
    kappa = odds[0].mean() if count else 0.0
    if uniform := all(odd.is_all(kappa) for odd in odds):
        return Decay(kappa, count, uniform, projected=True)
    scale = float(np.abs(p).max()) / (_power_of_two(stand.held[name].rms) or 1.0)
    return Decay(kappa * min(scale, 1.0), count, uniform, projected=True)  # steps of one length
