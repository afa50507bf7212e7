"""The learning rates of a schedule that a factory has fixed, read off the twin's own steps.

Under a constant gradient Adam's step is as long as the rate of that step, and so is plain descent's
over the length of the gradient; the first step that meets a gradient is one of heavy ball, too.
Each is known but for a factor that is the same in every step, which a hypothesis has anyway.
"""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np

from weightdecay.auditing.subject import Subject, read
from weightdecay.auditing.trials import Trial

STRONG = 2.0**20
"""A gradient beside which the ε of an adaptive rule is nothing."""
FIRST = 24
"""First steps that are looked for: each takes all those before it."""
DESCENT = 2.0**8
"""No rate: a step as long as this is a multiple of the gradient."""


@functools.lru_cache(maxsize=32)
def steady_rates(subject: Subject, trial: Trial) -> tuple[float, ...]:
    """By the steps under a constant gradient."""
    return _as_rates(_moves(subject, trial, len(trial.gradients), first=0))


@functools.lru_cache(maxsize=32)
def first_rates(subject: Subject, trial: Trial) -> tuple[float, ...]:
    """By the first step that meets a gradient, after so many that met none."""
    steps = min(len(trial.gradients), FIRST)
    moves = [_moves(subject, trial, step + 1, first=step)[-1] for step in range(steps)]
    return _as_rates(moves + [np.nan] * (len(trial.gradients) - steps))


def _moves(subject: Subject, trial: Trial, steps: int, first: int) -> list[float]:
    """How far the first parameter moves in each step, with no gradient before the `first`."""
    twin = subject.twin(replace(trial))  # another one than that which is being driven
    nothing = [np.zeros_like(p.value) for p in trial.start]
    strong = [np.full_like(p.value, STRONG) for p in trial.start]
    moves, w = [], read(twin)[0]
    for step in range(steps):
        try:
            twin.step(strong if step >= first else nothing)
        except Exception:  # a framework may refuse in any way it likes
            return [np.nan] * steps
        new = read(twin)[0]
        moves.append(float(np.median(np.abs(new - w))))
        w = new
    return moves


def _as_rates(moves: list[float]) -> tuple[float, ...]:
    scale = STRONG if max(moves) > DESCENT else 1.0
    return tuple(move / scale for move in moves)
