"""The λ whose optimum the optimizer settles on: a quadratic, run until nothing moves.

On ½ (w − w*)ᵀ A (w − w*) with a diagonal A, the optimum of the penalised objective with λ/2 ‖w‖²
has A(w − w*) + λw = 0 in every coordinate. Where an optimizer stands still, the λ of each
coordinate follows; if it is the same in all, the optimizer minimises the objective of that λ.
Heavy-ball momentum β with decoupled decay, for one, settles at λ(1 − β): its steps are 1/(1 − β)
times as long, and the decay is not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from weightdecay.auditing.hypotheses import Decayed
from weightdecay.auditing.subject import Subject, read
from weightdecay.auditing.trials import LAMBDA, LR, draw, quadratic

MAX_STEPS = 300
SETTLED = 1e-9
"""Largest move of a step that is no move any more, relative to the weights."""
HOPELESS = 1e-3
"""Largest move, half-way, of an optimizer that may still settle."""
NOWHERE = 1e-6
"""Effective λ / λ that is 0: what is left of the gradient where nothing moves any more."""
UNIFORM = 1e-4
"""By how much λ may differ from coordinate to coordinate, relative."""


@dataclass(frozen=True)
class Stationary:
    """`ratio` is effective λ / λ, None where it does not settle on the optimum of any λ."""

    ratio: float | None
    reason: str


def stationary(subject: Subject, decayed: Decayed, seed: int) -> Stationary:
    """Run down a quadratic and see where it ends."""
    trial = draw(seed, subject.shapes, lr=LR if subject.knobs.lr else 1.0, steps=1)
    valley = quadratic(seed, subject.shapes)
    stepper = subject.optimizer(trial)
    w, moved = read(stepper), np.inf
    for step in range(MAX_STEPS):
        stepper.step(valley.gradient(w))
        new = read(stepper)
        moved = max(float(np.max(np.abs(x - y))) for x, y in zip(new, w, strict=True))
        w = new
        if not np.isfinite(moved):
            return Stationary(None, "it diverges on a quadratic")
        size = max(float(np.max(np.abs(x))) for x in w)
        if moved <= SETTLED * size:
            break
        if moved > (HOPELESS if step == MAX_STEPS // 2 else np.inf) * size:
            return Stationary(None, f"it does not settle: {step + 1} steps on, it still moves")
    if moved > UNIFORM * size:
        return Stationary(None, f"it does not settle in {MAX_STEPS} steps")
    found = np.concatenate(
        [(-g / x).ravel() for g, x, d in zip(valley.gradient(w), w, decayed, strict=True) if d]
    )
    if np.max(np.abs(found)) <= NOWHERE * LAMBDA:
        return Stationary(0.0, "it settles on the optimum without decay, of a quadratic")
    lambd = float(np.median(found))
    if np.max(np.abs(found - lambd)) > UNIFORM * abs(lambd) + UNIFORM * LAMBDA:
        return Stationary(None, "where it settles is the optimum of no λ")
    return Stationary(lambd / LAMBDA, "measured on a quadratic")
