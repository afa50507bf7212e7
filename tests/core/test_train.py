"""`fit`: against NumPy written out by hand, on every backend, and what it refuses."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from tests.tolerances import PARITY, relative_difference
from weightdecay import Experiment, Polynomial, Synthetic, fit, from_arrays, load_data
from weightdecay.errors import InputError

RNG = np.random.default_rng(11)
X, Y = RNG.standard_normal((13, 4)), RNG.standard_normal(13)
X_VAL, Y_VAL = RNG.standard_normal((5, 4)), RNG.standard_normal(5)
DATA = from_arrays(X, Y, X_VAL, Y_VAL)
WEIGHTED = from_arrays(X, Y, X_VAL, Y_VAL, sample_weight=RNG.uniform(0, 2, 13))
W0, B0 = RNG.standard_normal(4), 0.3


def by_hand(e: Experiment, plan: list[list[list[int]]]) -> tuple[list, list]:
    """One run, example by example and weight by weight, in plain Python floats."""
    (lambd,) = e.lambd
    share = {"none": 0, "l2": 0, "l1": 1, "elasticnet": e.l1_ratio}[e.penalty]
    factors = e.penalty_factors or (1.0,) * 4
    l1 = [lambd * share * f for f in factors] + [lambd * share * e.penalize_bias]
    l2 = [lambd * (1 - share) * f for f in factors] + [lambd * (1 - share) * e.penalize_bias]
    theta = [*map(float, W0), B0]
    m, v, t = [0.0] * 5, [0.0] * 5, 0
    trajectory, losses = [list(theta)], []
    for epoch in plan:
        for batch in epoch:
            t += 1
            g = [0.0] * 5
            for i in batch:
                x = [*X[i], 1.0]
                r = sum(a * b for a, b in zip(theta, x, strict=True)) - Y[i]
                g = [a + r * b / len(batch) for a, b in zip(g, x, strict=True)]
            for j in range(5):
                if e.decay == "coupled":
                    g[j] += l2[j] * theta[j]
                if e.l1_update == "subgradient":
                    g[j] += l1[j] * float(np.sign(theta[j]))
                if e.optimizer == "adam":
                    m[j] = e.betas[0] * m[j] + (1 - e.betas[0]) * g[j]
                    v[j] = e.betas[1] * v[j] + (1 - e.betas[1]) * g[j] ** 2
                    m_hat, v_hat = m[j] / (1 - e.betas[0] ** t), v[j] / (1 - e.betas[1] ** t)
                    d = m_hat / (v_hat**0.5 + e.eps)
                elif e.optimizer == "sgd":
                    d = g[j]
                else:
                    m[j] = e.momentum * m[j] + g[j]
                    d = m[j] if e.optimizer == "momentum" else g[j] + e.momentum * m[j]
                if e.decay == "decoupled":
                    theta[j] *= 1 - e.lr * l2[j]
                theta[j] -= e.lr * d
                if e.l1_update == "proximal":
                    size = max(abs(theta[j]) - e.lr * l1[j], 0.0)
                    theta[j] = size if theta[j] > 0 else -size
            trajectory.append(list(theta))
        losses.append(float(np.mean((X @ theta[:4] + theta[4] - Y) ** 2)) / 2)
    return trajectory, losses


PLAN = [[[0, 1, 2, 3, 4], [12, 11, 10, 9, 8], [5, 6, 7]], [[3], [3, 3, 1], [2, 7, 9, 4]]]
CASES = list(
    product(
        ["none", "l1", "l2", "elasticnet"],
        ["sgd", "momentum", "nesterov", "adam"],
        ["coupled", "decoupled"],
        ["proximal", "subgradient"],
    )
)


@pytest.mark.parametrize(("penalty", "optimizer", "decay", "l1_update"), CASES)
def test_every_rule_is_its_equation(
    backend: str, penalty: str, optimizer: str, decay: str, l1_update: str
) -> None:
    e = Experiment(
        penalty=penalty,
        lambd=0.0 if penalty == "none" else 0.3,
        l1_ratio=0.4,
        penalty_factors=(1.0, 0.0, 2.5, 1.0),
        penalize_bias=True,
        optimizer=optimizer,
        decay=decay,
        l1_update=l1_update,
        lr=0.07,
        momentum=0.8,
        betas=(0.7, 0.9),
    )
    result = fit(e, DATA, backend=backend, initial=(W0, B0), plan=PLAN, record=True)
    trajectory, losses = by_hand(e, PLAN)
    assert result.trajectory is not None
    found = np.hstack([result.trajectory.w[:, :, 0], result.trajectory.b])
    assert relative_difference(found, trajectory) <= PARITY["float64"]
    assert relative_difference(result.history.train_loss[:, 0], losses) <= PARITY["float64"]


@pytest.mark.parametrize("weighted", [False, True])
def test_backends_agree_with_numpy(backend: str, dtype: str, weighted: bool) -> None:
    """Several λ as columns, a short last batch, and every number that is recorded."""
    for optimizer, penalty in product(["sgd", "adam"], ["l2", "elasticnet"]):
        e = Experiment(
            penalty=penalty,
            lambd=(0, 0.1, 1),
            optimizer=optimizer,
            lr=0.05,
            betas=(0.8, 0.9),
        )
        data = WEIGHTED if weighted else DATA
        ours = fit(e, data, backend=backend, dtype=dtype)
        reference = fit(e, data, backend="numpy", dtype="float64")
        assert ours.params.w.dtype == dtype
        pairs = zip(
            [*ours.params, *vars(ours.history).values()],
            [*reference.params, *vars(reference.history).values()],
            strict=True,
        )
        assert max(relative_difference(a, b) for a, b in pairs) <= PARITY[dtype]


def test_columns_are_the_runs_one_at_a_time(backend: str) -> None:
    together = fit(Experiment(lambd=(0, 1, 3)), DATA, backend=backend)
    for i, lambd in enumerate((0, 1, 3)):
        alone = fit(Experiment(lambd=lambd), DATA, backend=backend)
        assert relative_difference(together.params.w[:, [i]], alone.params.w) <= PARITY["float64"]


def test_recording_changes_nothing(backend: str) -> None:
    plain = fit(Experiment(), DATA, backend=backend)
    recorded = fit(Experiment(), DATA, backend=backend, record=True)
    assert recorded.trajectory is not None
    assert recorded.trajectory.w.shape == (1 + 10 * 3, 4, 2)
    assert (recorded.trajectory.w[-1] == plain.params.w).all()
    assert (recorded.trajectory.b[-1] == plain.params.b).all()
    assert plain.trajectory is None


def test_a_drawn_plan_can_be_replayed(backend: str) -> None:
    from weightdecay.data import minibatches

    drawn = fit(Experiment(epochs=3), DATA, backend=backend)
    plan = [
        [rows[mean[:, 0] > 0] for rows, mean in zip(*epoch, strict=True)]
        for epoch in minibatches.draw(13, 5, 3, seed=0)
    ]
    replayed = fit(Experiment(), DATA, backend=backend, plan=plan)
    assert relative_difference(replayed.params.w, drawn.params.w) <= PARITY["float64"]


def test_the_history_says_what_it_says(backend: str) -> None:
    e = Experiment(penalty="elasticnet", lambd=(0.5, 2), l1_ratio=0.25, lr=0.05)
    result = fit(e, DATA, backend=backend)
    for i, lambd in enumerate(e.lambd):
        w, b = result.params.w[:, i], result.params.b[i]
        expected = {
            "train_loss": np.mean((X @ w + b - Y) ** 2) / 2,
            "val_loss": np.mean((X_VAL @ w + b - Y_VAL) ** 2) / 2,
            "weight_norm": np.linalg.norm(w),
            "penalty": lambd * (0.25 * np.abs(w).sum() + 0.75 / 2 * w @ w),
        }
        for name, value in expected.items():
            found = getattr(result.history, name)
            assert found.shape == (10, 2)
            assert relative_difference(found[-1, i], value) <= PARITY["float64"], name


def test_without_validation_examples_there_is_no_validation_loss() -> None:
    assert np.isnan(fit(Experiment(), (X, Y)).history.val_loss).all()


def test_a_weight_of_two_is_a_repeated_row(backend: str) -> None:
    doubled = from_arrays(X, Y, sample_weight=np.append(2, np.ones(12)))
    repeated = (np.vstack([X[:1], X]), np.append(Y[:1], Y))
    e = Experiment(batch_size="full", lambd=1)
    a, b = (fit(e, data, backend=backend).params.w for data in (doubled, repeated))
    assert relative_difference(a, b) <= PARITY["float64"]


def test_the_data_goes_into_the_result() -> None:
    assert fit(Experiment(), (X, Y)).experiment.to_dict()["data"] == {
        "source": "arrays",
        "num_train": 13,
        "num_val": 0,
        "num_inputs": 4,
    }
    assert fit(Experiment(seed=3)).experiment == Experiment(seed=3)


def test_the_users_arrays_are_left_alone(backend: str) -> None:
    before = X.copy(), Y.copy(), W0.copy()
    fit(Experiment(), (X, Y), backend=backend, initial=(W0, B0))
    for a, b in zip((X, Y, W0), before, strict=True):
        assert (a == b).all()


def test_progress_is_reported() -> None:
    seen: list[tuple[int, int | None]] = []
    fit(Experiment(epochs=3), DATA, on_epoch=lambda *done: seen.append(done))
    assert seen == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"initial": (np.zeros(3), 0)}, "w must be"),
        ({"initial": (np.zeros(4), [0, 0, 0])}, "b a number"),
        ({"initial": (np.full(4, np.nan), 0)}, "NaN or infinity"),
        ({"initial": "zeros"}, "initial must be"),
        ({"initial": 3}, "initial must be"),
        ({"data": (X,)}, "must be a Dataset"),
        ({"data": X}, "must be a Dataset"),
        ({"experiment": Experiment(batch_size=14)}, "batch_size is 14 and there are 13"),
        ({"experiment": Experiment(penalty_factors=(1.0,))}, "holds 1 numbers"),
        ({"experiment": Experiment(penalty_factors={"x9": 1.0})}, "unknown penalty factor's col"),
        ({"plan": [[[13]]]}, "0 to 12"),
        ({"data": None, "experiment": Experiment(data=fit(Experiment(), (X, Y)).experiment.data)},
         "came from Python arrays"),
    ],
)  # fmt: skip
def test_what_fit_refuses(arguments: dict[str, Any], message: str) -> None:
    arguments = {"experiment": Experiment(), "data": DATA, **arguments}
    with pytest.raises(InputError, match=message):
        fit(**arguments)


def test_named_factors_reach_their_columns() -> None:
    e = Experiment(lambd=2, penalty_factors={"x1": 0.0})
    same = Experiment(lambd=2, penalty_factors=(1.0, 0.0, 1.0, 1.0))
    assert (fit(e, DATA).params.w == fit(same, DATA).params.w).all()


def test_capacity_on_the_cubic() -> None:
    """Degree 1 underfits, 3 is right, 20 fits the training data best and generalises worse."""
    final = {}
    for degree in (1, 3, 20):
        e = Experiment(Polynomial(degree=degree), optimizer="adam", lr=0.1, epochs=400, lambd=0)
        history = fit(e, backend="numpy").history
        final[degree] = history.train_loss[-1, 0], history.val_loss[-1, 0]
    (train1, val1), (train3, val3), (train20, val20) = (final[degree] for degree in (1, 3, 20))
    assert train20 < train3 < train1
    assert val3 < val20 / 10 < val1 / 10


@pytest.mark.parametrize("seed", range(5))
def test_weight_decay_helps_on_the_guides_data(backend: str, seed: int) -> None:
    history = fit(Experiment(seed=seed), load_data(Synthetic(), seed), backend=backend).history
    without, with_decay = 0, 1
    assert history.val_loss[-1, with_decay] <= 0.7 * history.val_loss[-1, without]
    assert history.train_loss[-1, with_decay] >= 10 * history.train_loss[-1, without]
    assert history.weight_norm[-1, with_decay] < history.weight_norm[-1, without] / 2
