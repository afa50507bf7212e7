"""What is reported where the setting under audit seems to do nothing, and what decays beside it."""

from __future__ import annotations

from dataclasses import replace

from weightdecay.auditing.composing import NOT_SEEN, Found, Frame
from weightdecay.auditing.driving import stands_still
from weightdecay.auditing.equation import STEP
from weightdecay.auditing.hypotheses import Decayed
from weightdecay.auditing.looking import first_difference, how_far, longest
from weightdecay.auditing.result import AuditReport
from weightdecay.auditing.trials import Trial
from weightdecay.auditing.trying import Tried
from weightdecay.auditing.unrecognised import unrecognised


def without_decay(frame: Frame, reason: str, seed: int) -> AuditReport:
    """The report of an optimizer that has no such setting, or is not asked for it."""
    far = f"{longest(frame.subject):,} steps of zero gradients, weights of two sizes"
    return _nothing(frame, reason, far, (), seed)


def changes_nothing(frame: Frame, trial: Trial, decayed: Decayed, seed: int) -> AuditReport:
    """The report of a setting that makes no difference in a few steps."""
    subject = frame.subject
    later = first_difference(subject, trial, seed + 9)
    if later is None:
        reason = f"{subject.knobs.decay} changes nothing"
        return _nothing(frame, reason, how_far(subject, trial), decayed, seed)
    late = f"{subject.knobs.decay} changes nothing in the first steps, and does {later}"
    found = Found(decayed=decayed, settles=NOT_SEEN)
    return frame.report("other", found, {"decay": late}, headlines=(late,))


def _nothing(frame: Frame, reason: str, far: str, decayed: Decayed, seed: int) -> AuditReport:
    rest = "stay" if stands_still(frame.subject, seed) else "move all the same"
    facts = {"decay": reason, "zero gradient": f"the weights {rest}", "looked at": far}
    hidden = unrecognised(frame.subject, frame.options, seed, thorough=True)
    if hidden is None:
        return frame.report("none", Found(decayed=decayed), facts)
    found = Found(decayed=decayed, settles=NOT_SEEN)
    return frame.report("unrecognised", found, facts, headlines=(hidden.sentence(None),))


def beside(frame: Frame, report: AuditReport, tried: Tried, seed: int) -> AuditReport:
    """The same report, with other decays, and with what the user's own settings make of it."""
    said = list(tried.warnings)
    knobs = frame.subject.knobs
    hidden = unrecognised(frame.subject, frame.options, seed, thorough=False)
    if hidden is not None:
        said.append(hidden.sentence(knobs.decay))
    for name in knobs.others:
        if frame.options[name] and isinstance(frame.options[name], int | float):
            said.append(
                f"two decays at once: beside {knobs.decay} there is {name} = "
                f"{frame.options[name]:g} by default, held at nothing here: audit it with "
                f"knob={name!r} (--knob {name})"
            )
    report = replace(report, headlines=(*said, *report.headlines))
    return report if tried.lost is None else _lost(report, tried.lost)


def _lost(report: AuditReport, words: str) -> AuditReport:
    """Nothing decays at the user's settings; what would elsewhere becomes a fact."""
    elsewhere = f"{report.verdict}: {report.equation}"
    return replace(
        report,
        verdict="none",
        factor=None,
        times_learning_rate=None,
        follows_schedule=None,
        order=None,
        inside_momentum=None,
        inside_clipping=None,
        coincides_with=(),
        residual=None,
        equation=f"w ← {STEP}",
        effective_lambda=None,
        effective_lambda_reason="there is no decay",
        headlines=(words, *report.headlines),
        facts={"at larger settings": elsewhere, **report.facts},
    )
