"""Whether the decay is clipped along with the gradient, or added to what is left of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from weightdecay.auditing.hypotheses import LAWS, Decayed
from weightdecay.auditing.knobs import CLIP
from weightdecay.auditing.subject import Subject, largest_difference, read
from weightdecay.auditing.trials import Tensors, Trial, draw
from weightdecay.auditing.verdict import Judged, observe

THRESHOLD = 1 / 2
"""Clips standard normal gradients, each entry's as well as every norm."""
UNCLIPPED = 2.0**-10
CLIPPED = 8.0
"""Scales of weights and gradients that a usual clip leaves alone, and does not."""
SLOW = 2.0**-7
"""Times the learning rate: rules whose steps have a length of their own stay at that scale."""
LINEAR, FLAT = (2.0**-4, 2.0**-3), (2.0**6, 2.0**8)
"""Scales of a gradient between which the step changes without a clip, and does not with one."""
SAME = 1e-7
"""Relative: what a rule that saturates by and by (as 1/s²) still exceeds at these scales, even in
bfloat16, and a clip with an ε beside the norm does not."""
STEPS = 4
"""Enough for a decay that is clipped to part from one that is not."""

CLIPS: dict[str, Callable[[Tensors, float], Tensors]] = {
    "value": lambda g, limit: [np.clip(x, -limit, limit) for x in g],
    "norm": lambda g, limit: [x * min(1.0, limit / float(np.linalg.norm(x))) for x in g],
    "all": lambda g, limit: [
        x * min(1.0, limit / float(np.sqrt(sum(np.sum(y * y) for y in g)))) for x in g
    ],
}


WORDS = {
    True: "inside: the decay is clipped along with the gradient",
    False: "outside: the decay is not clipped",
    None: "neither inside nor outside reproduces the steps",
}


@dataclass(frozen=True)
class Clipping:
    """`inside` is None where nothing clips, or where neither reading reproduces the steps."""

    inside: bool | None
    facts: dict[str, str]


def clips_by_itself(subject: Subject, seed: int) -> bool:
    """Whether the twin clips its gradients without having been asked to.

    A clipped gradient that grows further changes nothing. Other rules that saturate do so by and by
    (Adam) or everywhere (a sign).
    """

    def second_step(scale: float) -> np.ndarray:
        twin = subject.twin(trial)
        twin.step(trial.gradients[0])
        before = read(twin)[0]
        twin.step([scale * g for g in trial.gradients[1]])
        return np.asarray(read(twin)[0] - before)

    trial = draw(seed, subject.shapes, steps=2)
    with np.errstate(all="ignore"):
        (a, b), (c, d) = map(second_step, LINEAR), map(second_step, FLAT)
        moves = np.abs(a - b) > SAME * np.abs(b).max()
        return bool(
            moves.all() and np.abs(d).max() > 0 and np.abs(c - d).max() <= SAME * np.abs(d).max()
        )


def clipping(
    subject: Subject,
    found: Judged,
    decayed: Decayed,
    tolerance: float,
    seed: int,
    by_itself: bool,
    asked: Mapping[str, Any],
) -> Clipping:
    """Try every way of clipping that the factory has; `asked` holds the limits the user set."""
    reads: dict[str, bool | None] = {}
    if by_itself:
        trial = draw(seed, subject.shapes, scale=CLIPPED, steps=STEPS)
        fits = _fits(subject, subject, found, trial, decayed, tolerance, None)
        coupled = found.hypothesis.verdict == "coupled"
        # Coupled decay that was right below the clip and is wrong above it goes round it.
        reads["its own"] = fits if coupled else (False if fits else None)
    for name in subject.knobs.clip:
        limit = asked.get(name) or THRESHOLD
        reads[name] = _inside(subject, found, decayed, tolerance, seed, name, float(limit))
    facts = {f"clipping ({name})": WORDS[inside] for name, inside in reads.items()}
    answers = set(reads.values())
    return Clipping(answers.pop() if len(answers) == 1 else None, facts)


def _inside(
    subject: Subject,
    found: Judged,
    decayed: Decayed,
    tolerance: float,
    seed: int,
    name: str,
    limit: float,
) -> bool | None:
    trial = draw(seed, subject.shapes, steps=STEPS)
    clipped = subject.having(**{name: limit})
    coupled = found.hypothesis.verdict == "coupled"
    if _fits(clipped, clipped, found, trial, decayed, tolerance, None):
        return coupled
    if coupled:
        already = CLIPS[CLIP[name]]
        if _fits(clipped, subject, found, trial, decayed, tolerance, lambda g: already(g, limit)):
            return False
    return None


def _fits(
    clipped: Subject,
    twin: Subject,
    found: Judged,
    trial: Trial,
    decayed: Decayed,
    tolerance: float,
    clip: Callable[[Tensors], Tensors] | None,
) -> bool:
    """Whether the twin, fed gradients that `clip` has clipped, makes the same steps."""
    seen = observe(clipped, trial)
    fed = trial
    if clip is not None:
        fed = Trial(trial.start, tuple(map(clip, trial.gradients)), trial.lr, trial.lambd)
    path = found.hypothesis.follow(
        twin,
        fed,
        lambda step: found.factor * LAWS[found.law](twin, trial, step),
        decayed,
    )
    return bool(seen.effect) and largest_difference(path, seen.path) <= (
        (tolerance + seen.rounding) * seen.effect
    )
