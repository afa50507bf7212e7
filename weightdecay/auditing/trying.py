"""The trials that a hypothesis has to pass, those at the user's own settings among them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from weightdecay.auditing.driving import probe_lr
from weightdecay.auditing.looking import NOTICED, first_difference
from weightdecay.auditing.subject import Subject
from weightdecay.auditing.trials import LAMBDA, Trial, draw, quadratic
from weightdecay.auditing.verdict import Observed, observe, observe_descent
from weightdecay.errors import NoEquivalentError

OTHER_LR, OTHER_LAMBDA = 3 / 32, 3 / 8
"""Of the trial that nothing was fitted on."""


@dataclass(frozen=True)
class Given:
    """The user's own learning rate and decay, and those that the factory has by default."""

    lr: float | None
    lambd: float | None
    usual_lr: float | None = None
    usual_lambd: float | None = None

    @property
    def asked(self) -> bool:
        """Whether the user gave either."""
        return self.lr is not None or self.lambd is not None


@dataclass(frozen=True)
class Tried:
    """What a hypothesis is judged on.

    Attributes
    ----------
    on : list of Observed
        The trials.
    scheduled : bool
        Whether one of them followed a schedule of learning rates.
    lost : str or None
        That the decay does nothing at the user's own settings, and why.
    warnings : tuple of str
        What else is to be known of it there.
    not_probed : tuple of str
        What none of them tells.
    """

    on: list[Observed]
    scheduled: bool
    lost: str | None = None
    warnings: tuple[str, ...] = ()
    not_probed: tuple[str, ...] = ()


def in_trials(
    subject: Subject,
    given: Given,
    by_itself: bool,
    pace: float,
    scale: float,
    seed: int,
) -> Tried:
    """Another draw, a descent, and the user's own settings."""
    tried = _tried(subject, pace, scale, seed)
    if not given.asked:
        return tried
    if by_itself and given.lr is not None:
        unclipped = "the given learning rate: the gradients it meets would be clipped"
        return replace(tried, not_probed=(unclipped, *tried.not_probed))
    return _at_given(subject, given, tried, seed)


def _tried(subject: Subject, pace: float, scale: float, seed: int) -> Tried:
    shapes, known = subject.shapes, subject.knobs.lr
    lr = pace * OTHER_LR if known else 1.0
    other = draw(seed + 1, shapes, lr=lr, lambd=OTHER_LAMBDA, scale=scale, schedule=bool(known))
    try:
        on, scheduled = [observe(subject, other)], bool(known)
    except NoEquivalentError:
        on, scheduled = [observe(subject, replace(other, lrs=None))], False
    descent = draw(seed + 3, shapes, lr=pace * probe_lr(subject), scale=scale)
    on.append(observe_descent(subject, descent, quadratic(seed + 3, shapes, scale)))
    return Tried(on, scheduled, not_probed=() if scheduled else ("learning-rate schedules",))


def _at_given(subject: Subject, given: Given, tried: Tried, seed: int) -> Tried:
    lr = next(x for x in (given.lr, given.usual_lr, probe_lr(subject)) if x is not None)
    lambd = next(x for x in (given.lambd, given.usual_lambd, LAMBDA) if x is not None)
    trial = draw(seed + 2, subject.shapes, lr=lr, lambd=lambd)
    seen = observe(subject, trial)
    if not seen.effect:
        later = first_difference(subject, trial, seed + 2)
        if later is None:
            return replace(tried, lost=_lost(subject, lr, lambd, subject.dtype))
        late = f"at your settings the decay does nothing in the first steps, and does {later}"
        return replace(tried, warnings=(late,))
    if seen.rounding > NOTICED:
        drowned = f"at your settings the decay is lost in rounding: {_product(subject, lr, lambd)}"
        return replace(tried, warnings=(drowned,))
    warnings = () if _seen_in_single(subject, trial) else (_lost(subject, lr, lambd, "float32"),)
    return replace(tried, on=[*tried.on, seen], warnings=warnings)


def _seen_in_single(subject: Subject, trial: Trial) -> bool:
    """Whether the decay moves weights in float32, which most are trained in."""
    if subject.dtype == "float32":
        return True
    try:
        return observe(replace(subject, dtype="float32"), trial).effect > 0
    except Exception:  # a framework may refuse in any way it likes
        return True


def _lost(subject: Subject, lr: float, lambd: float, dtype: str) -> str:
    product = _product(subject, lr, lambd)
    size = lr * lambd if subject.knobs.lr else lambd
    told = "" if dtype == subject.dtype else f" in {dtype}"
    why = (
        f"below rounding of {dtype}"
        if size < np.finfo(dtype).eps
        else ("lost where the optimizer rounds its numbers")
    )
    return f"at your settings the decay does nothing{told}: {product} is {why}"


def _product(subject: Subject, lr: float, lambd: float) -> str:
    return f"ηλ = {lr * lambd:.3g}" if subject.knobs.lr else f"λ = {lambd:.3g}"
