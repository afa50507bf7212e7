"""A decay that is there though no setting of that name is: weights that shrink without a gradient.

Nothing but a decay pulls every weight towards 0, large and small, when all gradients are zero. The
settings that could be it are those that stop the pull, or bring it about, and leave the optimizer
able to step; where there is none it is fixed inside.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from inspect import Parameter
from typing import Any

import numpy as np

from weightdecay.auditing.driving import probe_lr
from weightdecay.auditing.looking import longest
from weightdecay.auditing.subject import Subject, read
from weightdecay.auditing.trials import LAMBDA, Tensors, Trial, draw
from weightdecay.probe import Parameter as Start

FEW = 3
"""Steps of zero gradient; a projection of the weights is done with the first."""
SMALL = 2.0**-6
"""Times the weights: what holds the weights at some size makes these grow."""


@dataclass(frozen=True)
class Unrecognised:
    """A pull on the weights that the setting under audit does not bring about.

    Attributes
    ----------
    names : tuple of str
        The settings that could be it.
    on : bool
        Whether it is there by default, or only once one of these is turned.
    what : str
        What it does, in words.
    """

    names: tuple[str, ...]
    on: bool
    what: str

    def sentence(self, beside: str | None) -> str:
        """For people; `beside` is the setting under audit."""
        say = " or ".join(f"knob={name!r} (--knob {name})" for name in self.names)
        could = f"{' or '.join(self.names)}: audit it with {say}"
        if not self.on:
            return f"no setting is named as a decay is, but one pulls the weights when set: {could}"
        two = f"two decays at once: beside {beside}, " if beside else ""
        first = f"{two}decays by no setting that was recognised: {self.what}"
        if not self.names:
            return f"{first}; no number among its settings turns that off"
        return f"{first}; it could be {could}"


def unrecognised(
    subject: Subject, options: Mapping[str, Any], seed: int, thorough: bool
) -> Unrecognised | None:
    """Look for it in the twin, and, where `thorough`, longer and behind every setting."""
    pull = _pull(subject, seed, FEW)
    if pull is None and thorough:
        pull = _pull(subject, seed, longest(subject))
    if pull is None and not thorough:
        return None
    named = []
    for name, value in _plain({**options, **subject.settings}, subject).items():
        turned = (value or LAMBDA) if pull is None else 0.0
        if turned == value:
            continue
        try:
            other = subject.having(**{name: turned})
            now = _pull(other, seed, FEW)
            if (now is None) != (pull is None) and _moves(other, seed):
                named.append(name)
        except Exception:  # a framework may refuse a value in any way it likes
            continue
    if pull is None and not named:
        return None
    return Unrecognised(tuple(named), pull is not None, pull or "")


def _plain(values: Mapping[str, Any], subject: Subject) -> dict[str, Any]:
    """Settings that may be a strength, though their names do not say so."""
    known = (subject.knobs.decay, subject.knobs.lr, *subject.knobs.others, *subject.knobs.clip)
    return {
        name: value
        for name, value in values.items()
        if name not in known
        and value is not Parameter.empty
        and (value is None or (isinstance(value, int | float) and not isinstance(value, bool)))
    }


def _pull(subject: Subject, seed: int, steps: int) -> str | None:
    """What zero gradients do to weights of two sizes: None unless they pull at all of them."""
    try:
        large, small = (_way(subject, _idle(subject, seed, size), steps) for size in (1.0, SMALL))
    except Exception:  # a framework may refuse in any way it likes
        return None
    return large[1] if large and small and large[0] == small[0] else None


def _way(subject: Subject, trial: Trial, steps: int) -> tuple[float, str] | None:
    """The way of the first step that moves, with words, where later ones move as well."""
    twin = subject.twin(trial)
    w = read(twin)
    for step in range(steps):
        twin.step(trial.gradients[0])
        new = read(twin)
        moved = [(x, y) for x, y in zip(w, new, strict=True) if not np.array_equal(x, y)]
        ways = {_one_way(x, y) for x, y in moved}
        if ways in ({-1.0}, {1.0}):
            twin.step(trial.gradients[0])
            if _same(read(twin), new):
                return None
            return ways.pop(), _words(trial, w, new, step)
        if moved:
            return None
        w = new
    return None


def _one_way(w: np.ndarray, new: np.ndarray) -> float:
    """−1 where every entry has come nearer to 0, 1 where every one has gone, else 0."""
    ways = np.unique(np.sign(new - w) * np.sign(w))
    return float(ways[0]) if ways.size == 1 else 0.0


def _words(trial: Trial, w: Tensors, new: Tensors, step: int) -> str:
    share = np.concatenate([(1 - y / x).ravel() for x, y in zip(w, new, strict=True)])
    share = share[share != 0]
    size = f"by the share {np.median(share):.3g}"
    if np.ptp(share) > SMALL * abs(np.median(share)):
        size = "though not all by the same share"
    when = f" from step {step + 1} on" if step else ""
    grows = "shrink" if np.median(share) > 0 else "grow"
    return f"with zero gradients the weights {grows}{when}, {size} (η = {trial.lr:g})"


def _idle(subject: Subject, seed: int, size: float = 1.0) -> Trial:
    """Weights of some size, and zero gradients."""
    trial = draw(seed, subject.shapes, lr=probe_lr(subject), steps=1)
    start = tuple(Start(p.name, size * p.value) for p in trial.start)
    zero = [np.zeros_like(g) for g in trial.gradients[0]]
    return replace(trial, start=start, gradients=(zero,))


def _moves(subject: Subject, seed: int) -> bool:
    """Whether a gradient still moves the twin, to where it may be."""
    trial = draw(seed, subject.shapes, lr=probe_lr(subject), steps=1)
    idle = subject.twin(_idle(subject, seed))
    twin = subject.twin(trial)
    for stepper, gradients in (
        (twin, trial.gradients[0]),
        (idle, [np.zeros_like(g) for g in trial.gradients[0]]),
    ):
        stepper.step(gradients)
    there = read(twin)
    return all(np.isfinite(x).all() for x in there) and not _same(there, read(idle))


def _same(a: Tensors, b: Tensors) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))
