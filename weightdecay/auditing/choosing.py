"""Which of the accepted hypotheses is the verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from weightdecay.auditing.equation import equation
from weightdecay.auditing.hypotheses import HYPOTHESES, TWICE, Decayed
from weightdecay.auditing.looking import NOTICED, mostly
from weightdecay.auditing.subject import Subject
from weightdecay.auditing.trials import Trial
from weightdecay.auditing.trying import Tried
from weightdecay.auditing.verdict import FACTORS, Fitted, Judged, judge, narrowed, observe
from weightdecay.errors import ForeignError

MOMENTUM = 7 / 8
"""Switched on where coupled and decoupled decay would otherwise be the same mathematics."""
NEAR = 1e-6
"""Relative: between a factor and a power of 1 − β."""
FAINT = 1e-4
"""Share of the weights: in six steps of η = 1/8 and λ = 1/2 a decay takes more, or it is none."""


@dataclass(frozen=True)
class Choice:
    """The hypothesis, None where none is left; where its facts are measured; what to say."""

    judged: Judged | None
    subject: Subject
    said: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Bench:
    """What hypotheses are judged by, in one subject."""

    trial: Trial
    decayed: Decayed
    tried: Tried
    tolerance: float
    scale: float
    seed: int

    def few(self, subject: Subject, judged: list[Judged], seen: Fitted) -> list[Judged]:
        """The same, with those accepted that reproduce all but few steps, if none does all."""
        if any(j.accepted for j in judged):
            return judged
        other = self.tried.on[0].trial
        few = mostly(subject, judged, seen, other, self.trial, self.decayed, self.seed, self.scale)
        by_name = {j.hypothesis.name: j for j in few}
        return [by_name.get(j.hypothesis.name, j) for j in judged]


def choose(subject: Subject, accepted: list[Judged], bench: Bench) -> Choice:
    """The first of those accepted, unless a momentum has to tell them apart."""
    kinds = {j.hypothesis.verdict for j in accepted}
    if not {"coupled", "decoupled"} <= kinds or not subject.knobs.has_momentum:
        return Choice(next(iter(accepted), None), subject)
    # Plain gradient descent: the same mathematics, until there is a momentum to tell.
    moving = subject.having(momentum=MOMENTUM)
    try:
        seen = narrowed(moving, bench.trial, bench.decayed)
        on = [observe(moving, observed.trial) for observed in bench.tried.on]
    except ForeignError as error:  # then there is no momentum that could tell
        return Choice(accepted[0], subject, {_WITH: f"it fails: {error.said}"})
    names = [j.hypothesis.name for j in accepted]
    same = [h for h in HYPOTHESES if h.name in names]
    rest = [h for h in HYPOTHESES if h.name not in names]
    for among in (same, rest):
        judged = judge(moving, seen, on, bench.decayed, bench.tolerance, among)
        survivors = [j for j in bench.few(moving, judged, seen) if j.accepted]
        if survivors:
            break
    else:
        words = f"no hypothesis reproduces it; without, {' and '.join(sorted(kinds))} are the same"
        return Choice(None, moving, {_WITH: words})
    there = survivors[0]
    here = next((j for j in accepted if j.hypothesis.name == there.hypothesis.name), None)
    if here is None:
        return Choice(None, moving, {_WITH: f"{equation(there)}; without, it is another"})
    if here.factor == there.factor:
        return Choice(here, moving)
    power = next((p for p in (-1, 1) if _near(there.factor / here.factor, (1 - MOMENTUM) ** p)), 0)
    if not power:
        return Choice(None, moving, {_WITH: f"{equation(there)}; without, {equation(here)}"})
    damped = replace(here, damping=power)
    return Choice(damped, moving, {_WITH: f"{equation(there)}: c = {there.factor:.6g}"})


_WITH = f"with momentum β = {MOMENTUM:g}"


def _near(a: float, b: float) -> bool:
    return abs(a - b) <= NEAR * abs(b)


def verdict_of(judged: Judged, subject: Subject) -> str:
    """What the hypothesis is called, with the law of its factor."""
    kind = judged.hypothesis.verdict
    free = kind == "decoupled" and judged.law in ("λ", "ηλ/η₀") and subject.knobs.lr is not None
    return "decoupled-lr-free" if free else kind


def too_faint(chosen: Judged, subject: Subject, seen: Fitted) -> str | None:
    """Why no figure can be read off the decay, where it does next to nothing.

    A plain factor is not read off but tried, and may be found in whatever rounding leaves.
    """
    largest = max(float(abs(p.value).max()) for p in seen.observed.trial.start)
    share = seen.observed.effect / largest
    lost = seen.observed.rounding > NOTICED
    read_off = chosen.factor not in FACTORS and subject.knobs.lr is not None
    if not lost and (share >= FAINT or not read_off):
        return None
    return (
        f"nothing can be read off so small an effect: {len(seen.observed.path)} steps of "
        f"η = {seen.observed.trial.lr:g} and λ = {seen.observed.trial.lambd:g} change the weights "
        f"by {share:.1g} of their size"
    )


def headlines(chosen: Judged | None, said: dict[str, str]) -> tuple[str, ...]:
    """What comes before the verdict."""
    if chosen is not None and chosen.factor < 0:
        return ("the weights grow: the decay has the wrong sign",)
    if chosen is not None and chosen.hypothesis.name == "L1":
        return ("an L1 penalty, whose pull does not grow with the weights",)
    if chosen is not None and chosen.hypothesis in TWICE:
        return ("two decays at once, by one setting: one coupled, one decoupled",)
    told: dict[str, Callable[[str], str]] = {
        "figures": lambda words: f"no figure for the decay: {words}",
        "first steps": lambda words: f"in the first steps {words}",
        _WITH: lambda words: f"{_WITH}: {words}",
    }
    return tuple(say(said[name]) for name, say in told.items() if name in said)
