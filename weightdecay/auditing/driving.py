"""Whether an optimizer can be driven at all, and with which parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from inspect import Parameter
from typing import Any

import numpy as np

from weightdecay.auditing.knobs import Knobs
from weightdecay.auditing.subject import Subject, read
from weightdecay.auditing.trials import LR, MATRICES, SHAPES, draw
from weightdecay.errors import InputError


def require(
    label: str, options: Mapping[str, Any], settings: Mapping[str, Any], knobs: Knobs
) -> None:
    """Raise InputError for a setting without a default that is not given."""
    turned = (knobs.decay, knobs.lr, *knobs.others)
    for name, default in options.items():
        if default is Parameter.empty and name not in settings and name not in turned:
            raise InputError(
                f"{label} needs the setting {name!r}: give it, as in {name}=… (--set {name}=…)."
            )


def drivable(label: str, subject: Subject, settings: Mapping[str, Any], seed: int) -> Subject:
    """The widest choice of parameters and dtype with which the twin takes a step."""
    first: Exception | None = None
    for dtype in ("float64", "float32"):
        for shapes in (SHAPES, MATRICES):
            candidate = replace(subject, shapes=shapes, dtype=dtype)
            trial = draw(seed, shapes, lr=probe_lr(subject), steps=1)
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


def _line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def probe_lr(subject: Subject) -> float:
    """The learning rate of the probe; 1 where there is none to choose."""
    return LR if subject.knobs.lr else 1.0


def stands_still(subject: Subject, seed: int) -> bool:
    """Whether a zero gradient leaves the twin's weights alone."""
    trial = draw(seed, subject.shapes, lr=probe_lr(subject), steps=1)
    twin = subject.twin(trial)
    before = read(twin)
    twin.step([np.zeros_like(g) for g in trial.gradients[0]])
    return all(np.array_equal(x, y) for x, y in zip(read(twin), before, strict=True))


def refusal(subject: Subject, seed: int) -> str | None:
    """What the framework raises when it is asked for a decay; None where it takes one."""
    trial = draw(seed, subject.shapes, lr=probe_lr(subject), steps=1)
    try:
        stepper = subject.optimizer(trial)
        stepper.step(trial.gradients[0])
        stepper.read()
    except Exception as error:  # a framework may refuse in any way it likes
        return f"{type(error).__name__}: {_line(error)}"
    return None
