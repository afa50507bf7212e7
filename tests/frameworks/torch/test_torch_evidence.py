"""PyTorch's autograd and optimizers as independent evidence for the core's closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.tolerances import PARITY, relative_difference
from weightdecay import Experiment, fit, from_arrays


def problem(seed: int, weighted: bool) -> tuple[Any, np.ndarray, float]:
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((17, 6)), rng.standard_normal(17)
    weight = rng.uniform(0.1, 3, 17) if weighted else None
    return from_arrays(X, y, sample_weight=weight), rng.standard_normal(6), rng.standard_normal()


def penalised_loss(
    data: Any, rows: list[int], w: Any, b: Any, experiment: Experiment, factor: Any
) -> Any:
    """J over one minibatch, written the way a PyTorch user would."""
    X, y = torch.from_numpy(data.X_train[rows]), torch.from_numpy(data.y_train[rows])
    s = torch.ones(len(rows), dtype=torch.float64)
    if data.weight_train is not None:
        s = torch.from_numpy(data.weight_train[rows])
    (lambd,) = experiment.lambd
    share = {"none": 0.0, "l2": 0.0, "l1": 1.0, "elasticnet": experiment.l1_ratio}
    l1, l2 = lambd * share[experiment.penalty], lambd * (1 - share[experiment.penalty])
    data_term = (s * (X @ w + b - y) ** 2 / 2).mean()
    penalty = l2 / 2 * (factor * w**2).sum() + l1 * (factor * w.abs()).sum()
    if experiment.penalize_bias:
        penalty = penalty + l2 / 2 * b**2 + l1 * b.abs()
    return data_term + penalty


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("penalize_bias", [False, True])
@pytest.mark.parametrize("penalty", ["none", "l1", "l2", "elasticnet"])
def test_minibatch_gradient_is_autograds(
    backend: str, penalty: str, penalize_bias: bool, weighted: bool
) -> None:
    @given(
        seed=st.integers(0, 2**32 - 1),
        rows=st.lists(st.integers(0, 16), min_size=1, max_size=17),
        lambd=st.floats(0, 10),
    )
    def check(seed: int, rows: list[int], lambd: float) -> None:
        data, w0, b0 = problem(seed, weighted)
        factor = np.random.default_rng(seed + 1).uniform(0, 2, 6)
        experiment = Experiment(
            penalty=penalty,
            lambd=0.0 if penalty == "none" else lambd,
            l1_ratio=0.3,
            l1_update="subgradient",
            penalize_bias=penalize_bias,
            penalty_factors=tuple(factor),
            lr=1.0,
        )
        # One step of SGD with learning rate 1 subtracts the gradient.
        result = fit(experiment, data, backend=backend, initial=(w0, b0), plan=[[rows]])
        ours = np.append(w0 - result.params.w[:, 0], b0 - result.params.b)

        w = torch.tensor(w0, requires_grad=True)
        b = torch.tensor(b0, dtype=torch.float64, requires_grad=True)
        J = penalised_loss(data, rows, w, b, experiment, torch.from_numpy(factor))
        theirs = np.append(*(g.numpy() for g in torch.autograd.grad(J, (w, b))))
        assert relative_difference(ours, theirs) <= PARITY["float64"] * (1 + np.max(abs(w0)))

    check()


OPTIMIZERS = {
    ("sgd", "coupled"): lambda groups: torch.optim.SGD(groups, lr=0.05),
    ("momentum", "coupled"): lambda groups: torch.optim.SGD(groups, lr=0.05, momentum=0.8),
    ("nesterov", "coupled"): lambda groups: torch.optim.SGD(
        groups, lr=0.05, momentum=0.8, nesterov=True
    ),
    ("adam", "coupled"): lambda groups: torch.optim.Adam(groups, lr=0.05, betas=(0.8, 0.95)),
    ("adam", "decoupled"): lambda groups: torch.optim.AdamW(groups, lr=0.05, betas=(0.8, 0.95)),
}


@pytest.mark.parametrize(("optimizer", "decay"), OPTIMIZERS)
def test_update_rules_are_torch_optims(optimizer: str, decay: str, dtype: str) -> None:
    rng = np.random.default_rng(7)
    data = from_arrays(rng.standard_normal((23, 5)), rng.standard_normal(23))
    w0 = rng.standard_normal(5)
    plan = [[rng.permutation(23)[:4] for _ in range(6)] for _ in range(5)]
    experiment = Experiment(
        lambd=0.7,
        optimizer=optimizer,
        decay=decay,
        lr=0.05,
        momentum=0.8,
        betas=(0.8, 0.95),
    )
    ours = fit(experiment, data, backend="numpy", dtype=dtype, initial=(w0, 0), plan=plan)

    kind = getattr(torch, dtype)
    w = torch.tensor(w0, dtype=kind, requires_grad=True)
    b = torch.zeros((), dtype=kind, requires_grad=True)
    groups = [{"params": [w], "weight_decay": 0.7}, {"params": [b], "weight_decay": 0.0}]
    theirs = OPTIMIZERS[optimizer, decay](groups)
    X = torch.tensor(data.X_train, dtype=kind)
    y = torch.tensor(data.y_train, dtype=kind)
    for rows in (torch.from_numpy(batch) for epoch in plan for batch in epoch):
        theirs.zero_grad()
        loss = ((X[rows] @ w + b - y[rows]) ** 2).mean() / 2
        loss.backward()
        theirs.step()
    expected = np.append(w.detach().numpy(), b.detach().numpy())
    found = np.append(ours.params.w[:, 0], ours.params.b)
    assert relative_difference(found, expected) <= PARITY[dtype]
