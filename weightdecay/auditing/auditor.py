"""`weightdecay.audit`: what an optimizer's weight decay really does, from its steps alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from weightdecay import bounds
from weightdecay.auditing import clipping, facts
from weightdecay.auditing.composing import Found, Frame
from weightdecay.auditing.driving import (
    drivable,
    options_of,
    probe_lr,
    refusal,
    require,
    stands_still,
)
from weightdecay.auditing.factories import find_factory
from weightdecay.auditing.knobs import find_knobs
from weightdecay.auditing.result import AuditReport
from weightdecay.auditing.stationary import stationary
from weightdecay.auditing.subject import Subject
from weightdecay.auditing.trials import LAMBDA, MATRICES, SHAPES, draw, quadratic
from weightdecay.auditing.unexplained import describe
from weightdecay.auditing.verdict import (
    Judged,
    Observed,
    judge,
    narrowed,
    observe,
    observe_descent,
    which_decay,
)
from weightdecay.errors import ForeignError, InputError, NoEquivalentError
from weightdecay.registry import load_probe
from weightdecay.streams import kept
from weightdecay.validate import integer, number

OTHER_LR, OTHER_LAMBDA = 3 / 32, 3 / 8
"""Of the trial that nothing was fitted on."""
MOMENTUM = 7 / 8
"""Switched on where coupled and decoupled decay would otherwise be the same mathematics."""


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
    given = _Given(_number(knobs.lr, settings), _number(knobs.decay, settings))
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
    frame = Frame(label, name, probe.version, settings, subject)
    try:
        report = _reported(frame, given, limits, seed)
    except ForeignError as error:
        raise InputError(f"{label} fails while it is audited: {error}.") from error
    return replace(report, facts={**report.facts, **subject.heard.facts()})


def _reported(frame: Frame, given: _Given, limits: Mapping[str, Any], seed: int) -> AuditReport:
    subject, knobs = frame.subject, frame.subject.knobs
    if knobs.decay is None:
        rest = "stay" if stands_still(subject, seed) else "move"
        return frame.none(f"it has no setting for one; with zero gradients the weights {rest}")
    if given.lambd == 0:
        return frame.none(f"{knobs.decay} is 0")
    refused = refusal(subject, seed)
    if refused is not None:
        return frame.none(f"asked for one it raises {refused}")
    return _measured(frame, given, limits, seed)


@dataclass(frozen=True)
class _Given:
    """The user's own learning rate and decay."""

    lr: float | None
    lambd: float | None


def _measured(frame: Frame, given: _Given, limits: Mapping[str, Any], seed: int) -> AuditReport:
    subject, not_probed = frame.subject, []
    if subject.shapes is MATRICES:
        not_probed.append("biases and gains: it takes matrices only")
    if subject.dtype == "float32":
        not_probed.append("float64: it takes or computes in float32 only")
    lr = probe_lr(subject)
    by_itself = clipping.clips_by_itself(subject, seed + 4)
    scale = clipping.UNCLIPPED if by_itself else 1.0
    pace = clipping.SLOW if by_itself and subject.knobs.lr else 1.0
    trial = draw(seed, subject.shapes, lr=pace * lr, scale=scale)
    decayed = which_decay(subject, trial)
    if not any(decayed):
        return frame.none(f"{subject.knobs.decay} changes nothing", decayed)
    tried, scheduled = _tried(subject, seed, pace, scale)
    if by_itself and given.lr is not None:
        not_probed.append("the given learning rate: the gradients it meets would be clipped")
    elif given != _Given(None, None):
        tried += _at_given(subject, given, seed)
    if not scheduled:
        not_probed.append("learning-rate schedules")
    seen = narrowed(subject, trial, decayed)
    judged = judge(subject, seen, tried, decayed, frame.tolerance)
    accepted = [j for j in judged if j.accepted]
    inside_of, chosen = subject, next(iter(accepted), None)
    kinds = [j.hypothesis.verdict for j in accepted]
    if "coupled" in kinds and "decoupled" in kinds and subject.knobs.has_momentum:
        # Plain gradient descent: the same mathematics, until there is a momentum to tell.
        inside_of = subject.having(momentum=MOMENTUM)
        again = judge(
            inside_of,
            narrowed(inside_of, trial, decayed),
            [observe(inside_of, observed.trial) for observed in tried],
            decayed,
            frame.tolerance,
            wanted=[j.hypothesis.name for j in accepted],
        )
        chosen = next(
            (j for j, there in zip(accepted, again, strict=True) if there.accepted), chosen
        )
    measured, failed = facts.measure(inside_of, seed + 5)
    not_probed += failed
    found = Found(
        judged=chosen,
        residual=chosen.residual if chosen else None,
        decayed=decayed,
        rivals=tuple(judged),
        scheduled=scheduled,
        settles=stationary(seen.subject, seen.decayed, seed + 6),
    )
    if chosen is None or chosen.hypothesis.verdict == "other":
        measured |= describe(subject, trial, decayed)
        verdict = "other"
        found = replace(found, residual=chosen.residual if chosen else None)
    else:
        verdict = _verdict(chosen, subject)
        clip = clipping.clipping(
            subject, chosen, decayed, frame.tolerance, seed + 7, by_itself, limits
        )
        measured |= clip.facts
        inside = None
        if measured.get("memory", "none").startswith("yes"):
            inside = verdict == "coupled"
        found = replace(
            found,
            inside_clipping=clip.inside,
            inside_momentum=inside,
            coincides=tuple(
                dict.fromkeys(other for j in accepted if (other := _verdict(j, subject)) != verdict)
            ),
        )
    return frame.report(verdict, found, measured, not_probed)


def _tried(subject: Subject, seed: int, pace: float, scale: float) -> tuple[list[Observed], bool]:
    """Trials to pass, another draw and a descent, and whether a schedule was followed."""
    shapes, known = subject.shapes, subject.knobs.lr
    lr = pace * OTHER_LR if known else 1.0
    other = draw(seed + 1, shapes, lr=lr, lambd=OTHER_LAMBDA, scale=scale, schedule=bool(known))
    try:
        tried, scheduled = [observe(subject, other)], bool(known)
    except NoEquivalentError:
        tried, scheduled = [observe(subject, replace(other, lrs=None))], False
    descent = draw(seed + 3, shapes, lr=pace * probe_lr(subject), scale=scale)
    tried.append(observe_descent(subject, descent, quadratic(seed + 3, shapes, scale)))
    return tried, scheduled


def _at_given(subject: Subject, given: _Given, seed: int) -> list[Observed]:
    """A trial at the user's settings, unless the decay is too weak to change a thing there."""
    lr = probe_lr(subject) if given.lr is None else given.lr
    lambd = LAMBDA if given.lambd is None else given.lambd
    seen = observe(subject, draw(seed + 2, subject.shapes, lr=lr, lambd=lambd))
    return [seen] if seen.effect else []


def _verdict(judged: Judged, subject: Subject) -> str:
    kind = judged.hypothesis.verdict
    return "decoupled-lr-free" if kind == "decoupled" and judged.law == "λ" else kind


def _number(name: str | None, settings: Mapping[str, Any]) -> float | None:
    """A learning rate or decay of the user's; schedules are tried by the audit itself."""
    value = settings.get(name) if name is not None else None
    return None if name is None or value is None else number(name, value, least=0)
