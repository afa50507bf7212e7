"""`weightdecay.audit`: what an optimizer's weight decay really does, from its steps alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from inspect import Parameter
from typing import Any

import numpy as np

from weightdecay.auditing import clipping, facts
from weightdecay.auditing.equation import equation
from weightdecay.auditing.factories import find_factory
from weightdecay.auditing.hypotheses import Decayed
from weightdecay.auditing.knobs import Knobs, find_knobs
from weightdecay.auditing.result import AuditReport, Rival
from weightdecay.auditing.stationary import Stationary, stationary
from weightdecay.auditing.subject import Subject, read
from weightdecay.auditing.trials import BIAS, LAMBDA, LR, MATRICES, SHAPES, draw, quadratic
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
from weightdecay.errors import InputError
from weightdecay.registry import load_adapter, load_probe
from weightdecay.tolerances import AUDIT
from weightdecay.validate import number

OTHER_LR, OTHER_LAMBDA = 3 / 32, 3 / 8
"""Of the trial that nothing was fitted on."""
MOMENTUM = 7 / 8
"""Switched on where coupled and decoupled decay would otherwise be the same mathematics."""
NEVER = ("sparse gradients", "closures", "mixed precision", "several devices")
"""What no audit looks at."""


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
    name, label, found = find_factory(factory, backend)
    probe = load_probe(name)
    options = probe.options(found)
    knobs = find_knobs(options, settings, knob)
    _require(label, options, settings, knobs)
    given = _Given(_number(knobs.lr, settings), _number(knobs.decay, settings))
    own = {key: value for key, value in settings.items() if key not in (knobs.decay, knobs.lr)}
    asked_clip = {key: own.pop(key) for key in knobs.clip if key in own}
    subject = _drivable(label, Subject(probe, found, own, knobs, SHAPES, "float64"), settings, seed)
    base = _Base(label, name, load_adapter(name).version, settings, subject)
    if knobs.decay is None:
        return base.report(
            "none",
            _NOTHING,
            equation_text="w ← step(w, g)",
            facts_found={
                "decay": "it has no setting for one, and with zero gradients the weights stay"
                if _still(subject, seed)
                else "it has no setting for one; with zero gradients the weights move"
            },
        )
    refused = _refuses(subject, seed)
    if refused is not None:
        return base.report(
            "none",
            _NOTHING,
            equation_text="w ← step(w, g)",
            facts_found={"decay": f"asked for one it raises {refused}"},
        )
    return _measured(base, given, asked_clip, seed)


STANDS_STILL = Stationary(None, "there is no decay")


@dataclass(frozen=True)
class _Given:
    """The user's own learning rate and decay."""

    lr: float | None
    lambd: float | None


@dataclass(frozen=True)
class _Found:
    """What `report` needs to know of the accepted hypothesis."""

    judged: Judged | None = None
    residual: float | None = None
    decayed: Decayed = ()
    rivals: tuple[Judged, ...] = ()
    coincides: tuple[str, ...] = ()
    inside_momentum: bool | None = None
    inside_clipping: bool | None = None
    scheduled: bool = False
    settles: Stationary = STANDS_STILL


_NOTHING = _Found()


@dataclass(frozen=True, eq=False)
class _Base:
    """What every report says, whatever was found."""

    label: str
    backend: str
    version: str
    settings: Mapping[str, Any]
    subject: Subject

    @property
    def tolerance(self) -> float:
        return AUDIT["float32" if self.subject.dtype == "float32" else self.subject.probe.scalars]

    def report(
        self,
        verdict: str,
        found: _Found,
        *,
        equation_text: str | None = None,
        facts_found: Mapping[str, str],
        not_probed: tuple[str, ...] = (),
    ) -> AuditReport:
        judged, knobs = found.judged, self.subject.knobs
        named = dict(zip(self.subject.shapes, found.decayed, strict=False))
        accepted = verdict not in ("none", "other")
        passes = verdict in ("coupled", "trust-ratio")
        with_rate = bool(judged and ("η" in judged.law or passes))
        return AuditReport(
            factory=self.label,
            backend=self.backend,
            version=self.version,
            settings=dict(self.settings),
            knob=knobs.decay,
            verdict=verdict,
            factor=judged.factor if judged and accepted else None,
            times_learning_rate=with_rate if accepted and knobs.lr else None,
            follows_schedule=(passes or bool(judged and judged.law == "ηλ"))
            if accepted and found.scheduled
            else None,
            order=judged.hypothesis.order if judged and accepted else None,
            inside_momentum=found.inside_momentum,
            inside_clipping=found.inside_clipping,
            bias_decayed=named.get(BIAS),
            decayed=named,
            coincides_with=found.coincides,
            residual=found.residual,
            tolerance=self.tolerance,
            equation=equation_text or equation(judged),
            effective_lambda=found.settles.ratio,
            effective_lambda_reason=found.settles.reason,
            rivals=tuple(
                Rival(j.hypothesis.name, j.factor, j.law, j.residual, j.accepted)
                for j in found.rivals
            ),
            facts=dict(facts_found),
            not_probed=(*not_probed, *NEVER),
            dtype=self.subject.dtype,
        )


def _require(
    label: str, options: Mapping[str, Any], settings: Mapping[str, Any], knobs: Knobs
) -> None:
    turned = (knobs.decay, knobs.lr, *knobs.others)
    for name, default in options.items():
        if default is Parameter.empty and name not in settings and name not in turned:
            raise InputError(
                f"{label} needs the setting {name!r}: give it, as in {name}=… (--set {name}=…)."
            )


def _drivable(label: str, subject: Subject, settings: Mapping[str, Any], seed: int) -> Subject:
    """The widest choice of parameters and dtype with which the twin takes a step."""
    first: Exception | None = None
    for dtype in ("float64", "float32"):
        for shapes in (SHAPES, MATRICES):
            candidate = replace(subject, shapes=shapes, dtype=dtype)
            trial = draw(seed, shapes, lr=_lr(subject), steps=1)
            try:
                twin = candidate.twin(trial)
                twin.step(trial.gradients[0])
                twin.read()
            except Exception as error:  # a framework may refuse in any way it likes
                first = first or error
            else:
                return candidate
    assert first is not None
    if isinstance(first, InputError):
        raise first
    raise InputError(
        f"{label} cannot be driven with {dict(settings) or 'its defaults'} "
        f"({type(first).__name__}: {_line(first)}): change the settings."
    ) from first


def _number(name: str | None, settings: Mapping[str, Any]) -> float | None:
    """A learning rate or decay of the user's; schedules are tried by the audit itself."""
    value = settings.get(name) if name is not None else None
    return None if name is None or value is None else number(name, value, least=0)


def _line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _lr(subject: Subject) -> float:
    """The learning rate of the probe; 1 where there is none to choose."""
    return LR if subject.knobs.lr else 1.0


def _still(subject: Subject, seed: int) -> bool:
    trial = draw(seed, subject.shapes, lr=_lr(subject), steps=1)
    twin = subject.twin(trial)
    before = read(twin)
    twin.step([np.zeros_like(g) for g in trial.gradients[0]])
    return all(np.array_equal(x, y) for x, y in zip(read(twin), before, strict=True))


def _refuses(subject: Subject, seed: int) -> str | None:
    trial = draw(seed, subject.shapes, lr=_lr(subject), steps=1)
    try:
        stepper = subject.optimizer(trial)
        stepper.step(trial.gradients[0])
        stepper.read()
    except Exception as error:  # a framework may refuse in any way it likes
        return f"{type(error).__name__}: {_line(error)}"
    return None


def _measured(base: _Base, given: _Given, asked_clip: Mapping[str, Any], seed: int) -> AuditReport:
    subject, not_probed = base.subject, []
    if subject.shapes is MATRICES:
        not_probed.append("biases and gains: it takes matrices only")
    if subject.dtype == "float32":
        not_probed.append("float64: it takes float32 only")
    if given.lambd is not None and not given.lambd:
        return base.report(
            "none",
            _NOTHING,
            equation_text="w ← step(w, g)",
            facts_found={"decay": f"{subject.knobs.decay} is {given.lambd}"},
        )
    lr = _lr(subject)
    by_itself = clipping.clips_by_itself(subject, seed + 4)
    scale = clipping.UNCLIPPED if by_itself else 1.0
    pace = clipping.SLOW if by_itself and subject.knobs.lr else 1.0
    trial = draw(seed, subject.shapes, lr=pace * lr, scale=scale)
    decayed = which_decay(subject, trial)
    if not any(decayed):
        return base.report(
            "none",
            replace(_NOTHING, decayed=decayed),
            equation_text="w ← step(w, g)",
            facts_found={"decay": f"{subject.knobs.decay} changes nothing"},
        )
    tried, scheduled = _tried(subject, seed, pace, scale)
    if by_itself and given.lr is not None:
        not_probed.append("the given learning rate: the gradients it meets would be clipped")
    elif given != _Given(None, None):
        tried += _at_given(subject, given, seed)
    if not scheduled:
        not_probed.append("learning-rate schedules")
    seen = narrowed(subject, trial, decayed)
    judged = judge(subject, seen, tried, decayed, base.tolerance)
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
            base.tolerance,
            wanted=[j.hypothesis.name for j in accepted],
        )
        chosen = next(
            (j for j, there in zip(accepted, again, strict=True) if there.accepted), chosen
        )
    measured, failed = facts.measure(inside_of, seed + 5)
    not_probed += failed
    found = _Found(
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
            subject, chosen, decayed, base.tolerance, seed + 7, by_itself, asked_clip
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
    return base.report(verdict, found, facts_found=measured, not_probed=tuple(not_probed))


def _tried(subject: Subject, seed: int, pace: float, scale: float) -> tuple[list[Observed], bool]:
    """Trials to pass, another draw and a descent, and whether a schedule was followed."""
    shapes, known = subject.shapes, subject.knobs.lr
    lr = pace * OTHER_LR if known else 1.0
    other = draw(seed + 1, shapes, lr=lr, lambd=OTHER_LAMBDA, scale=scale, schedule=bool(known))
    try:
        tried, scheduled = [observe(subject, other)], bool(known)
    except NotImplementedError:
        tried, scheduled = [observe(subject, replace(other, lrs=None))], False
    descent = draw(seed + 3, shapes, lr=pace * _lr(subject), scale=scale)
    tried.append(observe_descent(subject, descent, quadratic(seed + 3, shapes, scale)))
    return tried, scheduled


def _at_given(subject: Subject, given: _Given, seed: int) -> list[Observed]:
    """A trial at the user's settings, unless the decay is too weak to change a thing there."""
    lr = _lr(subject) if given.lr is None else given.lr
    lambd = LAMBDA if given.lambd is None else given.lambd
    seen = observe(subject, draw(seed + 2, subject.shapes, lr=lr, lambd=lambd))
    return [seen] if seen.effect else []


def _verdict(judged: Judged, subject: Subject) -> str:
    kind = judged.hypothesis.verdict
    return "decoupled-lr-free" if kind == "decoupled" and judged.law == "λ" else kind
