"""Single measurements, each one step or two: what the decay does where a gradient says nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from weightdecay.auditing.subject import Subject, read
from weightdecay.auditing.trials import STEPS, Tensors, draw

SAME = 1e-6
"""Relative: by how much ratios of entries may differ and still be one number."""


FAINT = 1e-5
"""A factor that is 1 but for less is told by what it lacks."""


def measure(subject: Subject, seed: int) -> tuple[dict[str, str], list[str]]:
    """Facts by name, and what could not be measured, with the reason.

    The parameters of the subject are those that decay, or there is nothing to see.
    """
    facts: dict[str, str] = {}
    failed: list[str] = []
    questions: dict[str, Callable[[Subject, int], str | None]] = {
        "zero gradient": zero_gradient,
        "no gradient": no_gradient,
        "learning rate 0": learning_rate_zero,
        "maximize": maximize,
        "memory": memory,
    }
    for name, question in questions.items():
        try:
            answer = question(subject, seed)
        except Exception as error:  # a framework may refuse in any way it likes
            words = str(error).strip() or type(error).__name__
            failed.append(f"{name}: {words.splitlines()[0]}")
            continue
        if answer is not None:
            facts[name] = answer
    return facts, failed


def zero_gradient(subject: Subject, seed: int) -> str:
    """A first step with nothing but the decay to move the weights."""
    trial = draw(seed, subject.shapes, steps=1)
    zero = [np.zeros_like(g) for g in trial.gradients[0]]
    steppers = subject.optimizer(trial), subject.twin(trial)
    starts, ends = [read(s)[0] for s in steppers], []
    for stepper in steppers:
        stepper.step(zero)
        ends.append(read(stepper)[0])
    if np.array_equal(ends[0], ends[1]):
        return "the decay does nothing"
    ratio = ends[0] / starts[0]
    share = 1 - float(np.mean(ratio))
    if np.ptp(ratio) <= SAME * min(1.0, abs(share) / FAINT):
        by = f"factor {1 - share:.6g}" if abs(share) > FAINT else f"share {abs(share):.2g}"
        way = "shrink" if share > 0 else "grow"
        return f"the weights {way} by the {by} (η = {trial.lr:g}, λ = {trial.lambd:g})"
    return "the weights move, though not in proportion to their size"


def no_gradient(subject: Subject, seed: int) -> str:
    """A step in which the first parameter has no gradient and the others have theirs."""
    trial = draw(seed, subject.shapes, steps=1)
    stepper = subject.optimizer(trial)
    start = read(stepper)[0]
    stepper.step([None, *trial.gradients[0][1:]])
    alone = np.array_equal(read(stepper)[0], start)
    return "the parameter is left alone" if alone else "the parameter decays all the same"


def learning_rate_zero(subject: Subject, seed: int) -> str | None:
    """A step of learning rate 0; None where it has none."""
    if subject.knobs.lr is None:
        return None
    # Scheduled to 0 rather than built with it: a framework that compiles has this program already.
    trial = replace(draw(seed, subject.shapes, steps=1), lrs=(0.0,) * STEPS)
    steppers = subject.optimizer(trial), subject.twin(trial)
    start, ends = read(steppers[0])[0], []
    for stepper in steppers:
        stepper.step(trial.gradients[0])
        ends.append(read(stepper)[0])
    if not np.isfinite(ends[0]).all():
        return "the weights are lost: they become NaN"
    if np.array_equal(ends[0], ends[1]):
        return "the decay does nothing"
    return "the weights decay all the same" if np.array_equal(ends[1], start) else "both move on"


def maximize(subject: Subject, seed: int) -> str | None:
    """Which way the decay pulls when the gradient is climbed; None without such a setting."""
    if not subject.knobs.has_maximize:
        return None
    trial = draw(seed, subject.shapes)
    climbing = subject.having(maximize=True)
    ours, twins = climbing.optimizer(trial), climbing.twin(trial)
    for gradients in trial.gradients:
        ours.step(gradients)
        twins.step(gradients)
    shrinks = _length(read(ours)) < _length(read(twins))
    return "the weights still shrink" if shrinks else "the weights grow"


def memory(subject: Subject, seed: int) -> str:
    """Whether the twin still moves when the gradient is gone."""
    trial = draw(seed, subject.shapes, steps=1)
    twin = subject.twin(trial)
    twin.step(trial.gradients[0])
    before = read(twin)[0]
    twin.step([np.zeros_like(g) for g in trial.gradients[0]])
    if np.array_equal(read(twin)[0], before):
        return "none: without a gradient the twin stands still"
    return "yes: without a gradient the twin moves on"


def _length(tensors: Tensors) -> float:
    return float(sum(np.sum(x * x) for x in tensors))
