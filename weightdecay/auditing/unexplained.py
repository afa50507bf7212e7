"""What can be said of a decay that no hypothesis reproduces: how it moves the weights, measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from weightdecay.auditing.hypotheses import Decayed
from weightdecay.auditing.subject import Subject, read
from weightdecay.auditing.trials import Tensors, Trial

PROPORTIONAL = 1e-6
"""Share of the movement that may be out of line with the weights."""


def describe(subject: Subject, trial: Trial, decayed: Decayed) -> dict[str, str]:
    """Facts about the optimizer's steps and its twin's at the same weights."""
    shares, rest = _lost(subject, trial, decayed)
    listed = ", ".join(f"{share:.4g}" for share in shares)
    said = {
        "share of the weights lost in each step": f"{listed} (η = {trial.lr:g}, "
        f"λ = {trial.lambd:g})",
        "of the movement not in line with the weights": f"{rest:.2g}"
        if rest > PROPORTIONAL
        else "nothing: it is a multiple of the weights",
    }
    first = trial.first(1)
    for what, changed in (
        ("first step, λ doubled", replace(first, lambd=2 * trial.lambd)),
        ("first step, η halved", replace(first, lr=trial.lr / 2)),
    ):
        if "η" in what and subject.knobs.lr is None:
            continue
        share = _lost(subject, changed, decayed)[0][0]
        said[what] = f"the share is {share / shares[0]:.4g} times as large" if shares[0] else "–"
    return said


def _lost(subject: Subject, trial: Trial, decayed: Decayed) -> tuple[list[float], float]:
    """κ of every step by least squares on w, and the largest share of the rest."""
    ours, twin = subject.optimizer(trial), subject.twin(trial)
    shares, rest = [], 0.0
    for gradients in trial.gradients:
        w = read(ours)
        twin.write(w)
        ours.step(gradients)
        twin.step(gradients)
        moved = _flat([x - y for x, y in zip(read(ours), read(twin), strict=True)], decayed)
        flat = _flat(w, decayed)
        share = float(-(moved @ flat) / (flat @ flat)) + 0.0  # which is no −0
        shares.append(share)
        size = float(np.linalg.norm(moved))
        if size > 0:
            rest = max(rest, float(np.linalg.norm(moved + share * flat)) / size)
    return shares, rest


def _flat(tensors: Tensors, decayed: Decayed) -> np.ndarray:
    return np.concatenate([x.ravel() for x, d in zip(tensors, decayed, strict=True) if d])
