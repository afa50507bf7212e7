"""From what was found to the report of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from weightdecay.auditing.equation import STEP, equation
from weightdecay.auditing.hypotheses import Decayed
from weightdecay.auditing.result import AuditReport, Rival
from weightdecay.auditing.stationary import Stationary
from weightdecay.auditing.subject import Subject
from weightdecay.auditing.trials import BIAS
from weightdecay.auditing.verdict import Judged
from weightdecay.tolerances import AUDIT

NEVER = ("sparse gradients", "closures", "mixed precision", "several devices")
"""What no audit looks at."""
STANDS_STILL = Stationary(None, "there is no decay")
NOT_SEEN = Stationary(None, "not measured")


@dataclass(frozen=True)
class Found:
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


@dataclass(frozen=True, eq=False)
class Frame:
    """What every report says, whatever was found.

    Attributes
    ----------
    label, backend, version : str
        The factory, as people write it, and the framework that drove it.
    settings : mapping
        What the user set.
    subject : Subject
        What was audited.
    options : mapping
        The settings that the factory has, with their defaults.
    said : mapping
        Facts known beforehand.
    """

    label: str
    backend: str
    version: str
    settings: Mapping[str, Any]
    subject: Subject
    options: Mapping[str, Any]
    said: Mapping[str, str] = field(default_factory=dict)

    @property
    def tolerance(self) -> float:
        """Residuals up to it count as rounding."""
        return AUDIT["float32" if self.subject.dtype == "float32" else self.subject.probe.scalars]

    def report(
        self,
        verdict: str,
        found: Found,
        facts: Mapping[str, str],
        not_probed: Sequence[str] = (),
        headlines: Sequence[str] = (),
    ) -> AuditReport:
        """The report of a verdict."""
        judged, knobs = found.judged, self.subject.knobs
        named = dict(zip(self.subject.shapes, found.decayed, strict=False))
        accepted = verdict not in ("none", "unrecognised", "other")
        passes = verdict in ("coupled", "trust-ratio")
        free = bool(judged and judged.law in ("λ", "ηλ/η₀"))
        with_rate = bool(judged and (passes or not free))
        return AuditReport(
            factory=self.label,
            backend=self.backend,
            version=self.version,
            settings=dict(self.settings),
            knob=knobs.decay,
            verdict=verdict,
            factor=judged.factor if judged and accepted else None,
            times_learning_rate=with_rate if accepted and (knobs.lr or found.scheduled) else None,
            follows_schedule=(passes or bool(judged and judged.law.startswith(("ηλ", "η_tλ"))))
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
            equation=f"w ← {STEP}" if verdict == "none" else equation(judged),
            headlines=tuple(headlines),
            effective_lambda=found.settles.ratio,
            effective_lambda_reason=found.settles.reason,
            rivals=tuple(
                Rival(j.hypothesis.name, j.factor, j.law, j.residual, j.accepted)
                for j in found.rivals
            ),
            facts={**self.said, **facts},
            not_probed=(*not_probed, *NEVER),
            dtype=self.subject.dtype,
        )
