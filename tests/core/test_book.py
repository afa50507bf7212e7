"""The book's concise programs: what they train is measured, and measured right."""

from __future__ import annotations

import numpy as np
import pytest

from tests.tolerances import BOOK, PARITY, ROUNDED_SETTINGS
from weightdecay import Experiment, book, load_data
from weightdecay.ops import Parameters
from weightdecay.train import initial_state

EXPERIMENT = Experiment(lambd=book.WEIGHT_DECAY, lr=book.LR)
DATA = load_data(EXPERIMENT.data, seed=0)
PLAN = book._plan(EXPERIMENT, DATA)


# λ, learning rate, bias decays: the factors that the chapter's losses and regularizers lack.
KNOWN = {
    "mxnet": (3.0, 0.01, False),
    "torch": (1.5, 0.02, False),
    "tensorflow": (3.0, 0.02, False),
    "jax": (3.0, 0.01, True),
}


def descend(lr: float, lambd: float, bias_lambd: float) -> Parameters:
    """Plain SGD, written out."""
    start = initial_state(EXPERIMENT, DATA, None)
    w, b = [start.w[:, 0]], [0.5]
    for rows in (batch for epoch in PLAN for batch in epoch):
        X, y = DATA.X_train[rows], DATA.y_train[rows]
        r = X @ w[-1] + b[-1] - y
        w.append(w[-1] - lr * (X.T @ r / len(rows) + lambd * w[-1]))
        b.append(b[-1] - lr * (r.mean() + bias_lambd * b[-1]))
    return Parameters(np.array(w), np.array(b))


@pytest.mark.parametrize("decays", [False, True])
@pytest.mark.parametrize(("lr", "lambd"), [(0.01, 3.0), (0.02, 1.5), (0.003, 0.7), (0.01, 0.0)])
def test_a_known_problem_is_identified(lr: float, lambd: float, decays: bool) -> None:
    found = book.identify(EXPERIMENT, DATA, descend(lr, lambd, lambd * decays), PLAN)
    assert found.lr == pytest.approx(lr, rel=BOOK)
    assert found.lambd == pytest.approx(lambd, rel=BOOK, abs=BOOK)
    assert found.bias_decays == (decays and lambd > 0)
    assert found.residual <= PARITY["float64"] * 10


def test_what_is_no_sgd_leaves_a_residual() -> None:
    trajectory = descend(0.01, 3, 0)
    trajectory.w[20:] *= 1.001
    assert book.identify(EXPERIMENT, DATA, trajectory, PLAN).residual > 1e-5


def test_the_program_as_printed_trains_what_is_known(native_backend: str) -> None:
    header, found = book.answer(*book.ask(native_backend, EXPERIMENT, DATA, PLAN))
    effective = book.identify(EXPERIMENT, DATA, Parameters(found["w"], found["b"]), PLAN)
    lambd, lr, decays = KNOWN[native_backend]
    assert effective.lambd == pytest.approx(lambd, rel=ROUNDED_SETTINGS)
    assert effective.lr == pytest.approx(lr, rel=ROUNDED_SETTINGS)
    assert effective.bias_decays == decays
    assert effective.residual <= BOOK
    assert header["printed"]
