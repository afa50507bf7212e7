"""Early stopping: descent without a penalty, and the number of epochs as the strength.

All rows make one batch. With small batches and a constant learning rate the last steps scatter
about the minimum, and that scatter would be judged along with the stopping: on 8,000 rows × 100
inputs, the best epoch of batches of 32 at half the stability bound has a validation loss a tenth
above that of least squares.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from weightdecay.paths.examples import Formulation
from weightdecay.remedies.problem import Problem
from weightdecay.remedies.remedy import Remedy, judged, scores
from weightdecay.tuning import stopping

EPOCHS = 1000


def early_stopping(problem: Problem) -> Remedy:
    """From w = 0 with a stable learning rate; the held-out loss is looked at every epoch."""
    place = (problem.backend, problem.dtype, problem.device)
    n = problem.train.num_examples
    training = stopping.default_training(n, problem.epochs, problem.seed)
    training = replace(training, batch_size="full")
    found = stopping.cross_validate(
        problem.train, Formulation(), [0.0], problem.splits, training, *place, lr="auto"
    )
    choice = stopping.best(found)
    w, b = stopping.fit(problem.train, Formulation(), found, choice, *place)
    by_epochs = scores(np.arange(1, problem.epochs + 1), found.loss[0])
    label = "early stopping"
    told = tuple(f"{label}: {warning}" for warning in stopping.warnings(found, choice))
    return judged(
        problem, "early", label, "epochs", by_epochs, choice.epochs - 1, w, b, warnings=told
    )
