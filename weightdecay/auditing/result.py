"""What an audit found, as one report."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

VERDICTS = (
    "none",
    "unrecognised",
    "coupled",
    "decoupled",
    "decoupled-lr-free",
    "trust-ratio",
    "proximal",
    "other",
)


@dataclass(frozen=True)
class Rival:
    """A hypothesis, with the factor that suits it best.

    `residual` is the largest difference from the optimizer on trials that the factor was not fitted
    on, as a fraction of what the decay did there; `law` what the factor multiplies.
    """

    name: str
    factor: float
    law: str
    residual: float
    accepted: bool


@dataclass(frozen=True)
class AuditReport:
    """What an optimizer's weight decay does, measured on its steps.

    Attributes
    ----------
    factory, backend, version : str
        The optimizer, and the framework that it was driven in.
    settings : dict
        What was set by the user.
    knob : str or None
        The setting that was audited, None where the factory has none.
    verdict : str
        One of `VERDICTS`.
    factor : float or None
        c: the decay is c times λ (times the learning rate, see below); None for 'none',
        'unrecognised' and 'other'.
    times_learning_rate : bool or None
        Whether the learning rate multiplies the decay, in the decay itself or in the step that it
        passes through; None where the factory has no learning rate, or nothing is known.
    follows_schedule : bool or None
        Whether it is the learning rate of the step, rather than the first one or none; None where
        no schedule could be followed.
    order : str or None
        'before', 'during' or 'after' the optimizer's own step; None where the step contains it.
        'before' stands for both where the step does not read the weights: the two are the same.
    inside_momentum : bool or None
        Whether the decay passes through the optimizer's memory; None where it has none.
    inside_clipping : bool or None
        Whether the decay is clipped along with the gradient; None where nothing clips.
    bias_decayed : bool or None
        Whether the bias decays by default; None where the optimizer takes no vectors.
    decayed : dict
        Whether each parameter of the probe decays.
    coincides_with : tuple of str
        Other verdicts that are the same mathematics for these settings.
    residual : float or None
        Of the accepted hypothesis; None where there is none. An L1 penalty is 'other', for its pull
        is not proportional to w, and has one.
    tolerance : float
        Residuals up to it count as rounding.
    equation : str
        One step, in the symbols of the field: w, g, η, λ.
    effective_lambda : float or None
        Effective λ / λ: the optimizer settles on the optimum of that many times λ, on a quadratic;
        None where it settles on none.
    effective_lambda_reason : str
        How that is known, or why not.
    rivals : tuple of Rival
        All hypotheses, with their residuals.
    facts : dict
        Single measurements.
    not_probed : tuple of str
        What this report says nothing about.
    dtype : str
        Of the parameters in the probe.
    headlines : tuple of str
        What to know before the verdict: that the decay does nothing at the settings given, a second
        decay beside it, steps or sizes where it is another.
    """

    factory: str
    backend: str
    version: str
    settings: Mapping[str, Any]
    knob: str | None
    verdict: str
    factor: float | None
    times_learning_rate: bool | None
    follows_schedule: bool | None
    order: str | None
    inside_momentum: bool | None
    inside_clipping: bool | None
    bias_decayed: bool | None
    decayed: dict[str, bool]
    coincides_with: tuple[str, ...]
    residual: float | None
    tolerance: float
    equation: str
    effective_lambda: float | None
    effective_lambda_reason: str
    rivals: tuple[Rival, ...]
    facts: dict[str, str]
    not_probed: tuple[str, ...]
    dtype: str
    headlines: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON can hold them; a residual that is not finite is None."""
        plain = asdict(self)
        for rival in plain["rivals"]:
            if not math.isfinite(rival["residual"]):
                rival["residual"] = None
        return plain

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> AuditReport:
        """The inverse of `to_dict`, also of what JSON made of it."""
        known = dict(plain)
        known["rivals"] = tuple(
            Rival(
                **{
                    **rival,
                    "residual": math.inf if rival["residual"] is None else rival["residual"],
                }
            )
            for rival in known["rivals"]
        )
        for name in ("coincides_with", "not_probed", "headlines"):
            known[name] = tuple(known[name])
        return cls(**known)

    def __str__(self) -> str:
        """For a person, as the command line prints it."""
        from weightdecay.report.audit import show
        from weightdecay.report.terminal import Console

        text = io.StringIO()
        show(Console(file=text, width=100), self)
        return text.getvalue().rstrip()
