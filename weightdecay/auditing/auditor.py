"""`weightdecay.audit`: what an optimizer's weight decay really does, from its steps alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from weightdecay import bounds
from weightdecay.auditing import clipping, facts
from weightdecay.auditing.absent import beside, changes_nothing, without_decay
from weightdecay.auditing.accumulating import by_its_steps, rhythm
from weightdecay.auditing.choosing import Bench, choose, headlines, too_faint, verdict_of
from weightdecay.auditing.composing import Found, Frame
from weightdecay.auditing.driving import drivable, options_of, probe_lr, refusal, require
from weightdecay.auditing.equation import equation
from weightdecay.auditing.factories import find_factory
from weightdecay.auditing.hypotheses import Decayed
from weightdecay.auditing.knobs import find_knobs
from weightdecay.auditing.looking import hold
from weightdecay.auditing.result import AuditReport
from weightdecay.auditing.stationary import stationary
from weightdecay.auditing.subject import Subject
from weightdecay.auditing.trials import MATRICES, SHAPES, Trial, draw
from weightdecay.auditing.trying import Given, Tried, in_trials
from weightdecay.auditing.unexplained import describe
from weightdecay.auditing.verdict import judge, judge_further, narrowed, which_decay
from weightdecay.errors import ForeignError, InputError
from weightdecay.registry import load_probe
from weightdecay.streams import kept
from weightdecay.validate import integer, number


def audit(
    factory: str | Callable[..., Any],
    *,
    backend: str | None = None,
    knob: str | None = None,
    seed: int = 0,
    **settings: Any,
) -> AuditReport:
    """Measure what an optimizer's weight decay does.

    The optimizer is stepped with random gradients beside its twin, the same without decay. A
    verdict needs a hypothesis about where the decay enters (`weightdecay.auditing.hypotheses`)
    that reproduces a trial it was not fitted on, to rounding; otherwise it is 'other'.

    Parameters
    ----------
    factory : str or callable
        A dotted name ('torch.optim.AdamW', 'keras.regularizers.L2', 'optax.contrib.muon',
        'mxnet.optimizer.SGD'), ``package.module:factory``, or the callable itself: for PyTorch it
        takes the parameters first; for optax it gives a transformation; with NumPy it takes a list
        of arrays, updated in place by ``step(gradients)``.
    backend : str, optional
        'torch', 'tensorflow', 'jax', 'mxnet' or 'numpy', where a callable's module does not tell.
    knob : str, optional
        The setting to audit; by default the weight decay among those that are set, else
        ``weight_decay`` or ``wd``.
    seed : int
        Of weights and gradients.
    **settings
        Keyword arguments of the factory. A learning rate and a decay given here are tried in
        addition to those of the probe (η = 1/8, λ = 1/2).

    Returns
    -------
    AuditReport
        Its `verdict` and the measurements behind it; ``print`` shows it as a table.

    Raises
    ------
    InputError
        Something unknown, a required setting left out, or an optimizer that cannot be built.
    BackendError
        The framework cannot be had in this interpreter.
    """
    seed = integer("seed", seed, 0, bounds.SEED32)
    with kept():
        return _audited(factory, backend, knob, seed, settings)


def _audited(
    factory: str | Callable[..., Any],
    backend: str | None,
    knob: str | None,
    seed: int,
    settings: Mapping[str, Any],
) -> AuditReport:
    name, label, found = find_factory(factory, backend)
    probe = load_probe(name)
    options = options_of(label, probe, found, (*settings, *([knob] if knob else [])))
    knobs = find_knobs(label, options, settings, knob)
    require(label, options, settings, knobs)
    given = Given(
        _number(knobs.lr, settings),
        _number(knobs.decay, settings),
        _usual(knobs.lr, options),
        _usual(knobs.decay, options),
    )
    own = {key: value for key, value in settings.items() if key not in (knobs.decay, knobs.lr)}
    limits = {key: own.pop(key) for key in knobs.clip if key in own}
    subject = Subject(probe, found, own, knobs, SHAPES, "float64")
    try:
        subject = drivable(label, subject, settings, seed)
    except InputError as error:
        if backend is not None or (factory == label and ":" not in label):
            raise
        told = f"It was taken for {name}'s: give backend= (--backend) where that is wrong."
        raise InputError(f"{error} {told}") from error
    frame = Frame(label, name, probe.version, settings, subject, options)

    def report(frame: Frame) -> AuditReport:
        return _report(frame, given, limits, seed)

    try:
        calls = rhythm(subject, seed)
        done = report(frame) if calls is None else by_its_steps(frame, calls, seed, report)
    except ForeignError as error:
        raise InputError(f"{label} fails while it is audited: {error}.") from error
    return replace(done, facts={**done.facts, **subject.heard.facts()})


@dataclass(frozen=True, eq=False)
class _Probed:
    """The trial on which κ is fitted, and what it has to do with clipping."""

    trial: Trial
    decayed: Decayed
    scale: float
    by_itself: bool
    limits: Mapping[str, Any]


def _report(frame: Frame, given: Given, limits: Mapping[str, Any], seed: int) -> AuditReport:
    subject, knobs = frame.subject, frame.subject.knobs
    if knobs.decay is None:
        return without_decay(frame, "no setting has the name of one", seed)
    if given.lambd == 0:
        return without_decay(frame, f"{knobs.decay} is 0", seed)
    refused = refusal(subject, seed)
    if refused is not None:
        return without_decay(frame, f"asked for one it raises {refused}", seed)
    by_itself = clipping.clips_by_itself(subject, seed + 4)
    scale = clipping.UNCLIPPED if by_itself else 1.0
    pace = clipping.SLOW if by_itself and knobs.lr else 1.0
    trial = draw(seed, subject.shapes, lr=pace * probe_lr(subject), scale=scale)
    decayed = which_decay(subject, trial)
    if not any(decayed):
        return changes_nothing(frame, trial, decayed, seed)
    tried = in_trials(subject, given, by_itself, pace, scale, seed)
    probed = _Probed(trial, decayed, scale, by_itself, limits)
    return beside(frame, _measured(frame, probed, tried, seed), tried, seed)


def _measured(frame: Frame, probed: _Probed, tried: Tried, seed: int) -> AuditReport:
    subject, trial, decayed = frame.subject, probed.trial, probed.decayed
    seen = narrowed(subject, trial, decayed)
    bench = Bench(trial, decayed, tried, frame.tolerance, probed.scale, seed + 8)
    judged = judge(subject, seen, tried.on, decayed, frame.tolerance)
    if not any(j.accepted for j in judged):
        judged += judge_further(subject, seen, tried.on, decayed, frame.tolerance)
    judged = bench.few(subject, judged, seen)
    accepted = [j for j in judged if j.accepted]
    choice = choose(subject, accepted, bench)
    chosen, said, few = choice.judged, dict(choice.said), None
    if chosen is not None and (faint := too_faint(chosen, subject, seen)):
        chosen, said["figures"] = None, faint
    if chosen is not None:
        look = hold(subject, chosen, seen, trial, decayed, seed + 8, probed.scale)
        said["holds for"], few = look.said, look.but_for
        if look.fails:
            said["first steps"] = f"{equation(chosen)}: {look.fails}"
            chosen = None
    found = Found(
        judged=chosen,
        residual=chosen.residual if chosen else None,
        decayed=decayed,
        rivals=tuple(judged),
        scheduled=tried.scheduled or bool(chosen and chosen.hypothesis.scheduled),
        settles=stationary(seen.subject, seen.decayed, seed + 6),
    )
    measured, failed = facts.measure(choice.subject, seed + 5)
    not_probed = [*_not_driven(subject), *tried.not_probed, *failed]
    verdict = "other" if chosen is None else verdict_of(chosen, subject)
    if chosen is None or verdict == "other":
        measured |= said | describe(subject, trial, decayed)
        return frame.report("other", found, measured, not_probed, headlines(chosen, said))
    clip = clipping.clipping(
        subject, chosen, decayed, frame.tolerance, seed + 7, probed.by_itself, probed.limits
    )
    measured |= said | clip.facts
    inside = None
    if measured.get("memory", "none").startswith("yes"):
        inside = verdict == "coupled"
    kinds = dict.fromkeys(verdict_of(j, subject) for j in accepted)
    found = replace(
        found,
        inside_clipping=clip.inside,
        inside_momentum=inside,
        coincides=tuple(kind for kind in kinds if kind != verdict),
    )
    first = [few] if few else []
    return frame.report(verdict, found, measured, not_probed, [*first, *headlines(chosen, {})])


def _not_driven(subject: Subject) -> list[str]:
    """Parameters and dtypes that it would not take."""
    said = []
    if subject.shapes is MATRICES:
        said.append("biases and gains: it takes matrices only")
    if subject.dtype == "float32":
        said.append("float64: it takes or computes in float32 only")
    return said


def _usual(name: str | None, options: Mapping[str, Any]) -> float | None:
    """A default that is a number above 0."""
    default = options.get(name) if name is not None else None
    if isinstance(default, bool) or not isinstance(default, int | float):
        return None
    return float(default) if 0 < default < math.inf else None


def _number(name: str | None, settings: Mapping[str, Any]) -> float | None:
    """A learning rate or decay of the user's; schedules are tried by the audit itself."""
    value = settings.get(name) if name is not None else None
    return None if name is None or value is None else number(name, value, least=0)
