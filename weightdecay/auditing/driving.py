"""Whether an optimizer can be driven at all, and with which parameters."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from inspect import Parameter
from typing import Any

import numpy as np

from weightdecay.auditing.foreign import first_line, sentence
from weightdecay.auditing.knobs import Knobs, decay_settings
from weightdecay.auditing.subject import Subject, read, run
from weightdecay.auditing.trials import LR, MATRICES, SHAPES, STEPS, Tensors, draw
from weightdecay.errors import ForeignError, InputError
from weightdecay.probe import Probe

HIDDEN = "weight_decay"
BEYOND = 1e30
"""Far beyond weights and gradients of about 1; yet a square of it is a number."""
PATIENCE = 10
"""Times the steps of a trial after which an optimizer that has moved nothing never will."""


def require(
    label: str, options: Mapping[str, Any], settings: Mapping[str, Any], knobs: Knobs
) -> None:
    """Raise InputError for a setting without a default that is not given."""
    turned = (knobs.decay, knobs.lr, *knobs.others)
    for name, default in options.items():
        if default is Parameter.empty and name not in settings and name not in turned:
            raise InputError(
                f"{label} needs the setting {name!r}: give it, as in {name}=… (--set {name}=…), or "
                "where that is no plain value name a function of your own that sets it."
            )


def options_of(
    label: str, probe: Probe, factory: Callable[..., Any], asked: Collection[str]
) -> dict[str, Any]:
    """A factory's options, with those asked for where it hands on what only its body knows.

    Raises
    ------
    InputError
        It has no signature to read, or hands everything on and nothing is asked for: its decay
        would be taken for none.
    """
    try:
        options = probe.options(factory)
        open_ended = takes_any(factory)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{label} has no signature that could be read ({sentence(error)}): name a function of "
            "your own that makes the optimizer."
        ) from error
    if not open_ended:
        return options
    options |= {name: None for name in asked if name not in options}
    if not decay_settings(label, options):
        raise InputError(
            f"{label} takes any settings (**{open_ended}), so its decay cannot be found: name it, "
            f"as in knob={HIDDEN!r} (--knob {HIDDEN})."
        )
    return options


def takes_any(factory: Callable[..., Any]) -> str | None:
    """The name under which a function takes settings that its signature does not list."""
    while isinstance(factory, functools.partial):
        factory = factory.func
    if inspect.isclass(factory):
        return None
    listed = inspect.signature(factory).parameters.values()
    return next((p.name for p in listed if p.kind is Parameter.VAR_KEYWORD), None)


def drivable(label: str, subject: Subject, settings: Mapping[str, Any], seed: int) -> Subject:
    """The widest choice of parameters and dtype with which the twin takes its steps."""
    first: InputError | None = None
    for dtype in ("float64", "float32"):
        for shapes in (SHAPES, MATRICES):
            candidate = replace(subject, shapes=shapes, dtype=dtype)
            try:
                taken = _path(candidate, seed)
            except InputError as error:
                first = first or error
            else:
                if dtype == "float64" and _computes_in_single(taken):
                    break
                _require_audible(label, candidate, taken, seed)
                return candidate
    assert first is not None
    if not isinstance(first, ForeignError):
        raise first
    raise InputError(
        f"{label} cannot be driven with {_given(settings)}: {first}. Change the "
        "settings, or name a function of your own that makes it with what it needs."
    ) from first


def _given(settings: Mapping[str, Any]) -> str:
    return first_line(str(dict(settings))) if settings else "its defaults"


def _path(subject: Subject, seed: int) -> list[Tensors]:
    """The twin's steps in a trial, anew."""
    trial = draw(seed, subject.shapes, lr=probe_lr(subject))
    return run(replace(subject).twin(trial), trial)


def _computes_in_single(path: list[Tensors]) -> bool:
    """Whether every step ends in float32 numbers, although float64 ones were handed over."""
    with np.errstate(over="ignore"):
        return all(np.array_equal(x, x.astype(np.float32), equal_nan=True) for p in path for x in p)


def _require_audible(label: str, subject: Subject, taken: list[Tensors], seed: int) -> None:
    """Raise InputError for a twin that never moves, or not the same way twice, or anywhere."""
    if not all(np.all(np.abs(x) < BEYOND) for p in taken for x in p):  # NaN is not below either
        raise InputError(
            f"{label} leaves the numbers of its parameters' size within {STEPS} steps"
            + (f" at the learning rate {probe_lr(subject):g}" if subject.knobs.lr else "")
            + ": what its decay does is lost in them."
        )
    again = _path(subject, seed)
    pairs = [(x, y) for p, q in zip(taken, again, strict=True) for x, y in zip(p, q, strict=True)]
    if not all(np.array_equal(x, y, equal_nan=True) for x, y in pairs):
        raise InputError(
            f"{label} takes other steps when it is made again with the same settings: it draws "
            "random numbers that cannot be seeded from outside, or remembers what went before it, "
            "and what its decay does cannot be told from that. Seed it in a function of your own."
        )
    start = [parameter.value for parameter in draw(seed, subject.shapes).start]
    if any(not np.array_equal(x, y) for x, y in zip(taken[-1], start, strict=True)):
        return
    trial = draw(seed, subject.shapes, lr=probe_lr(subject), steps=PATIENCE * STEPS)
    last = run(replace(subject).twin(trial), trial)[-1]
    if all(np.array_equal(x, y) for x, y in zip(last, start, strict=True)):
        raise InputError(
            f"{label} leaves its parameters where they are in {PATIENCE * STEPS} steps: an "
            "optimizer that updates them in place would be right."
        )


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


WEAK = 2.0**-10
"""A decay that none refuses for its size."""


def refusal(subject: Subject, seed: int) -> str | None:
    """What the framework raises when it is asked for a decay; None where it takes one.

    Raises
    ------
    InputError
        It takes a decay, though none as large as the probe's, or fails later with one.
    """
    trial = draw(seed, subject.shapes, lr=probe_lr(subject))
    try:
        run(subject.optimizer(trial), trial)
    except ForeignError as error:
        if error.phase not in ("its construction", "step 1"):
            raise
        refused = error.said
    except InputError as error:
        return sentence(error)
    else:
        return None
    try:
        run(subject.optimizer(replace(trial, lambd=WEAK)), trial)
    except InputError:
        return refused
    raise InputError(
        f"{subject.knobs.decay} may not be as large as {trial.lambd:g}, at which an audit is made "
        f"({refused}): name a function of your own that takes a multiple of it."
    )
