"""Optimizers that gather the gradients of several calls and step once.

Such a one is audited by its steps: every call of a step is given the same gradient, or, where the
optimizer adds them up, its share of it, so that the step is that of the gradient itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from weightdecay.auditing.composing import Frame
from weightdecay.auditing.driving import probe_lr
from weightdecay.auditing.result import AuditReport
from weightdecay.auditing.subject import Subject, read
from weightdecay.auditing.trials import draw
from weightdecay.errors import NoEquivalentError
from weightdecay.ops import NumPyArray
from weightdecay.probe import Setup, Stepper

MOST = 129
"""Calls in which a second and a third step have to come."""
PLAIN = 1e-3
"""Relative: by how much a step may miss the length that tells a sum from a mean."""


@dataclass(frozen=True)
class Rhythm:
    """The calls before the first step, and from one step to the next."""

    first: int
    every: int


def rhythm(subject: Subject, seed: int) -> Rhythm | None:
    """How many calls the twin takes to a step; None where each call is one."""
    trial = draw(seed, subject.shapes, lr=probe_lr(subject), steps=1)
    twin, moves = subject.twin(trial), []
    w = read(twin)
    for call in range(1, MOST):
        twin.step(trial.gradients[0])
        new = read(twin)
        if not all(np.array_equal(x, y) for x, y in zip(w, new, strict=True)):
            moves.append(call)
        w = new
        if len(moves) == 2 and moves[1] == moves[0] + 1:
            return None
        if len(moves) == 3:
            first, every = moves[0], moves[1] - moves[0]
            regular = moves[2] - moves[1] == every and first <= every
            return Rhythm(first, every) if regular else None
    return None


def by_steps(subject: Subject, found: Rhythm, summed: bool) -> Subject:
    """The same, a step of which takes as many calls as it has to."""
    return replace(subject, probe=_Calls(subject.probe, found, summed))


def adds_up(subject: Subject, found: Rhythm, seed: int) -> bool:
    """Whether a step is as long as that of plain descent with the sum of the gradients."""
    trial = draw(seed, subject.shapes, lr=probe_lr(subject), steps=1)
    twin = by_steps(subject, found, summed=False).twin(trial)
    ones = [np.ones_like(g) for g in trial.gradients[0]]
    before = read(twin)[0]
    twin.step(ones)
    length = float(np.median(np.abs(read(twin)[0] - before)))
    plain = trial.lr * found.first
    return found.first > 1 and abs(length - plain) <= PLAIN * plain


def by_its_steps(
    frame: Frame, found: Rhythm, seed: int, report: Callable[[Frame], AuditReport]
) -> AuditReport:
    """The report of its steps, whether of a mean or of a sum of gradients."""

    def reported(summed: bool) -> AuditReport:
        how = "sum" if summed else "mean"
        once = f"it steps once in {found.every} calls, with the {how} of their gradients"
        said = {"accumulation": f"{once}: all of this is said of such a step"}
        return report(replace(frame, subject=by_steps(frame.subject, found, summed), said=said))

    if adds_up(frame.subject, found, seed):
        summed = reported(True)
        if summed.verdict != "coupled" or summed.factor == 1:
            return summed
        mean = reported(False)  # a decay that joins every gradient before they are added up
        return mean if mean.factor == 1 else summed
    mean = reported(False)
    if mean.verdict == "coupled" and mean.factor != 1:
        summed = reported(True)  # a rule whose steps are as long, whatever the gradients' sum
        return summed if summed.factor == 1 else mean
    return mean


@dataclass(eq=False)
class _Calls:
    """A probe whose steppers call the optimizer several times a step."""

    probe: Any
    rhythm: Rhythm
    summed: bool
    scalars: str = "float32"
    """In which a framework may take the mean."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.probe, name)

    def build(self, setup: Setup) -> Stepper:
        """With rates for every call, which have to be the same."""
        if setup.lrs is not None:
            if len(set(setup.lrs)) > 1:
                raise NoEquivalentError("a step takes several calls: a schedule could count either")
            lrs = setup.lrs[:1] * (self.rhythm.every * len(setup.lrs))
            setup = replace(setup, lrs=lrs)
        return _Stepper(self.probe.build(setup), self.rhythm, self.summed)


class _Stepper:
    def __init__(self, calls: Stepper, found: Rhythm, summed: bool) -> None:
        self._calls, self._rhythm, self._summed = calls, found, summed
        self._stepped = False
        self.read, self.write = calls.read, calls.write

    def restart(self) -> None:
        """From the first call."""
        self._calls.restart()
        self._stepped = False

    def step(self, gradients: Sequence[NumPyArray | None]) -> None:
        """All calls of one step."""
        calls = self._rhythm.every if self._stepped else self._rhythm.first
        share = 1 / calls if self._summed else 1.0
        for _ in range(calls):
            self._calls.step([None if g is None else share * g for g in gradients])
        self._stepped = True
